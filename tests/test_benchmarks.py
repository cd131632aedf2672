"""The benchmark runs, measures what it says and counts an epoch's arithmetic rightly."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / script, *arguments],
        env=os.environ | {"MNIST_LAB_DATA": "sample"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_round_fills_both_tables():
    result = run("speed.py", "--rounds", "1", "fnn_softmax")
    assert result.returncode == 0, result.stderr
    rows = {line.split("|")[1].strip(): line for line in result.stdout.splitlines() if "|" in line}
    for head in ("plain / ours", "products, s", "one unit a layer, s", "GFLOP an epoch"):
        assert head in result.stdout
    assert "%" in rows["fnn_softmax"]
    for what in ("import: seconds", "load: seconds", "first figure: seconds"):
        assert what in rows
    parts = result.stdout.split("products, s")[1].splitlines()[2]
    assert parts.count(" to ") == 5, "plain fit, ours, and three parts, each measured"
    assert "inference fnn_softmax: compiled function, 300 images, ms" in rows


def test_unknown_recipe_is_refused():
    result = run("speed.py", "resnet")
    assert (result.returncode, "choose from" in result.stderr) == (2, True)


@pytest.fixture
def measures(monkeypatch):
    pytest.importorskip("keras")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import measures

    return measures


def test_targets_are_judged_by_the_medians(monkeypatch):
    """Against PyTorch, both with the number of threads that suits them better."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import speed

    def judge(**seconds):
        ways = dict(zip(("plain", *speed.OURS, *speed.PYTORCH), seconds.values(), strict=True))
        ways["plain fit"] = ways["lessons"] = ways.pop("plain")
        found = defaultdict(list)
        found.update({("cnn", way, "seconds"): [s] * 3 for way, s in ways.items() if s})
        return [c.strip() for c in speed.targets_table(found, ["cnn"]).splitlines()[-1].split("|")]

    fast = judge(plain=3, ours=2, ours_all=1, pytorch=4, pytorch_1=1.1)
    assert fast[3:7] == ["1.5 (1.5 to 1.5)", "1.4, reached", "1.1 (1.1 to 1.1)", "1, reached"]
    slow = judge(plain=2.6, ours=2, ours_all=3, pytorch=1.9, pytorch_1=4)
    assert slow[4:7] == ["1.4, missed", "0.95 (0.95 to 0.95)", "1, missed"]
    alone = judge(plain=3, ours=2, ours_all=1, pytorch=0, pytorch_1=0)
    assert alone[5:7] == ["not installed", ""]


def test_smallest_network_takes_the_same_steps(measures):
    from mnist_lab import models

    for model in (models.cnn(), models.deep_dropout_ann()):
        small = measures.smallest(model)
        assert [type(layer) for layer in small.layers] == [type(layer) for layer in model.layers]
        assert small.output_shape == model.output_shape
        assert measures.arithmetic(small, 1000) < measures.arithmetic(model, 1000) / 100


def test_following_a_training_does_not_disturb_it(tmp_path):
    """The last epoch of the table is what reproduce measures."""
    table = tmp_path / "epochs.csv"
    few = ["fnn_sigmoid", "--seeds", "1", "--epochs", "2"]
    followed = run("epochs.py", *few, "--output", table)
    assert followed.returncode == 0, followed.stderr
    command = [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", *few]
    command += ["--output", tmp_path / "rows.csv"]
    subprocess.run(command, check=True, env=os.environ | {"MNIST_LAB_DATA": "sample"})
    rows = pd.read_csv(tmp_path / "rows.csv").query("pixels == 'scaled'").set_index("reading")
    first, last = pd.read_csv(table).to_dict("records")
    assert last["test_loss"] == rows.test_loss["evaluate"] < first["test_loss"]
    assert last["test_accuracy"] == rows.test_accuracy["evaluate"]
    assert last["matrix_accuracy"] == rows.test_accuracy["outputs"]
    more = [*few[:2], "2", *few[3:]]
    assert run("epochs.py", *more, "--output", table).returncode == 0
    assert pd.read_csv(table).iloc[:2].to_dict("records") == [first, last]  # kept; one more seed
    assert pd.read_csv(table).seed.to_list() == [0, 0, 1, 1]
    other = run("epochs.py", "fnn_softmax", *few[1:], "--output", table)
    assert (other.returncode, "other digits, recipe" in other.stderr) == (2, True)


def test_arithmetic_of_an_epoch(measures):
    from mnist_lab import models

    # 784-50-50-10: each weight three products, the first layer's two; a product counts twice.
    weights = (784 * 50, 50 * 50, 50 * 10)
    by_hand = 2 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2]) * 1000 / 1e9
    assert measures.arithmetic(models.fnn_softmax(), 1000) == pytest.approx(by_hand)
    places = 26 * 26
    weights = (9 * 32 * places, 13 * 13 * 32 * 128, 128 * 10)
    by_hand = 2 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2]) * 1000 / 1e9
    assert measures.arithmetic(models.cnn(), 1000) == pytest.approx(by_hand)
