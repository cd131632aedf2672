"""The benchmark runs, measures what it says and counts an epoch's arithmetic rightly."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def run(*arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / "speed.py", *arguments],
        env=os.environ | {"MNIST_LAB_DATA": "sample"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_round_fills_both_tables():
    result = run("--rounds", "1", "fnn_softmax")
    assert result.returncode == 0, result.stderr
    rows = {line.split("|")[1].strip(): line for line in result.stdout.splitlines() if "|" in line}
    assert "GFLOP" in rows["recipe"]
    assert "%" in rows["fnn_softmax"]
    for what in ("import: seconds", "load: seconds", "first figure: seconds"):
        assert what in rows
    assert "inference fnn_softmax: compiled function, 300 images, ms" in rows


def test_unknown_recipe_is_refused():
    result = run("resnet")
    assert (result.returncode, "choose from" in result.stderr) == (2, True)


def test_arithmetic_of_an_epoch():
    pytest.importorskip("keras")
    spec = importlib.util.spec_from_file_location("measures", BENCHMARKS / "measures.py")
    measures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measures)
    from mnist_lab import models

    # 784-50-50-10: each weight three products, the first layer's two; a product counts twice.
    weights = (784 * 50, 50 * 50, 50 * 10)
    by_hand = 2 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2]) * 1000 / 1e9
    assert measures.arithmetic(models.fnn_softmax(), 1000) == pytest.approx(by_hand)
    places = 26 * 26
    weights = (9 * 32 * places, 13 * 13 * 32 * 128, 128 * 10)
    by_hand = 2 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2]) * 1000 / 1e9
    assert measures.arithmetic(models.cnn(), 1000) == pytest.approx(by_hand)
