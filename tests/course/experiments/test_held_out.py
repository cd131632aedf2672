"""Networks to choose from: which images train and judge, and the committed fifty of lesson 7."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_lab import data, selection
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments.held_out import ON_BOTH_SETS
from mnist_lab.course.experiments.training import Training, data_digest

TABLE = ON_BOTH_SETS.table
SAMPLE = data.load_sample()
FIFTY = [Training("fnn_softmax", "scaled", seed, 10) for seed in range(50)]


def command(*arguments: object) -> list[str]:
    names = map(str, arguments)
    return [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", "--held-out", *names]


PLAINLY = """
import json
import keras
import numpy as np
from mnist_lab import data, models
digits = data.load_sample()
kept = len(digits.y_train) - len(digits.y_train) // 6
x, x_test = digits.x_train / np.float32(255), digits.x_test / np.float32(255)
keras.utils.set_random_seed(1)
model = models.fnn_softmax()
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x[:kept], digits.y_train[:kept], batch_size=32, epochs=2, verbose=0)
sets = {"validation": (x[kept:], digits.y_train[kept:]), "test": (x_test, digits.y_test)}
for split, (images, labels) in sets.items():
    read = model.predict(images, batch_size=500, verbose=0).argmax(axis=1)
    sets[split] = " ".join(map(str, np.flatnonzero(read != labels)))
print(json.dumps(sets))
"""


@pytest.mark.slow
def test_rows_are_those_of_plain_keras_without_the_held_out_images(tmp_path: Path) -> None:
    """And the command that is called again trains nothing."""
    path = tmp_path / "rows.csv"
    environ = os.environ | {"MNIST_LAB_DATA": "sample", "TF_CPP_MIN_LOG_LEVEL": "2"}
    options = ["fnn_softmax", "--seeds", 2, "--epochs", 2, "--output", path, "--jobs", 1]
    first, again = (
        subprocess.run(command(*options), env=environ, check=True, capture_output=True, text=True)
        for _ in range(2)
    )
    assert "2 trained, 0 were there" in first.stdout
    assert "0 trained, 2 were there" in again.stdout
    rows, complaint = TABLE.read(path)
    trainings = [Training("fnn_softmax", "scaled", seed, 2) for seed in range(2)]
    expected = {key for training in trainings for key in ON_BOTH_SETS.keys(training)}
    assert ({TABLE.key_of(row) for row in rows}, complaint) == (expected, "")
    plain = subprocess.run(
        [sys.executable, "-c", PLAINLY], env=environ, check=True, capture_output=True, text=True
    )
    sets = json.loads(plain.stdout.splitlines()[-1])
    images = {"validation": len(SAMPLE.y_train) // 6, "test": len(SAMPLE.y_test)}
    for row in rows:
        assert len(row["misread"].split()) == int(row["errors"])
        assert int(row["judged"]) == images[row["split"]]
        assert int(row["trained_on"]) == len(SAMPLE.y_train) - images["validation"]
        assert row["data"] == data_digest(SAMPLE)
        if row["seed"] == "1":
            assert row["misread"] == sets[row["split"]]


@pytest.mark.parametrize("other", ["--follow", "--ladder"])
def test_options_that_measure_other_things_are_refused(other: str) -> None:
    result = CliRunner().invoke(app, ["reproduce", "--held-out", other])
    assert result.exit_code == 2
    assert "choose one" in " ".join(result.output.split())


# ---------------------------------------------------------------------------- what is committed


def committed() -> list[dict[str, str]]:
    rows, complaint = TABLE.read(selection.FILE)
    assert complaint == ""
    return rows


def test_committed_fifty_are_complete() -> None:
    rows = committed()
    expected = {key for training in FIFTY for key in ON_BOTH_SETS.keys(training)}
    assert {TABLE.key_of(row) for row in rows} == expected
    assert len(rows) == len(expected) == 100
    for row in rows:
        assert len(row["misread"].split()) == int(row["errors"])
        assert (row["judged"], row["trained_on"]) == ("10000", "50000")


def differences(measured: list[dict[str, str]], was: list[dict[str, str]]) -> list[str]:
    """Say where measured rows differ from the committed ones of the same training."""
    found: list[str] = []
    known = {TABLE.key_of(row): row for row in was}
    for row in measured:
        other = known[TABLE.key_of(row)]
        place = ("processor", "tensorflow", "keras", "numpy", "threads")
        names = ["misread"] if all(row[k] == other[k] for k in place) else []
        names = [name for name in names if row[name] != other[name]]
        if abs(int(row["errors"]) - int(other["errors"])) > 100:  # five deviations of the seeds
            names.append("errors")
        found += names
    return found


@pytest.mark.slow
def test_committed_networks_are_what_the_command_measures(tmp_path: Path) -> None:
    try:
        data.load_mnist(allow_sample=False)
    except data.DataError:
        pytest.skip("the committed networks learned from MNIST, and it is not here")
    path = tmp_path / "rows.csv"
    options = ["fnn_softmax", "--seeds", 1, "--output", path]
    subprocess.run(command(*options), check=True, capture_output=True)
    measured, _ = TABLE.read(path)
    assert len(measured) == 2
    assert differences(measured, committed()) == []
    wrong = [row | {"errors": str(int(row["errors"]) + 101)} for row in measured]
    assert differences(wrong, committed()) == ["errors", "errors"]
