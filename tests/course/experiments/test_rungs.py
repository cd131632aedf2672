"""The rungs of lesson 6: what is planned, which images judge, and what a training leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_lab import data, ladder
from mnist_lab.course import CourseError
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments.ensemble import reading_of
from mnist_lab.course.experiments.ladder import TABLE, on_ladder, plan, split
from mnist_lab.course.experiments.training import Training, data_digest

SAMPLE = data.load_sample()


def command(*arguments: object) -> list[str]:
    names = map(str, arguments)
    return [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", "--ladder", *names]


def test_plan_has_every_rung_and_seed() -> None:
    trainings = plan([], seeds=2, epochs=None)
    assert [t.recipe for t in trainings] == [*ladder.RUNGS, *ladder.RUNGS]
    assert {t.seed for t in trainings} == {0, 1}
    assert all(t.epochs == ladder.RUNGS[t.recipe].epochs for t in trainings)
    assert plan(["schedule"], 1, 3) == [Training("schedule", "scaled", 0, 3)]
    for name in ladder.TRIED:
        assert plan([name], 1, None)[0].recipe == name


def test_unknown_rung_is_named() -> None:
    with pytest.raises(CourseError, match=r"no rung 'top': choose from cnn, .*renewed"):
        plan(["top"], 1, None)


def test_choices_never_see_the_test_images() -> None:
    (x, y), (x_judge, y_judge) = split(SAMPLE, "validation")
    assert np.array_equal(np.concatenate([y, y_judge]), SAMPLE.y_train)
    assert np.array_equal(np.concatenate([x, x_judge])[..., 0] * 255, SAMPLE.x_train)
    assert len(y_judge) == len(SAMPLE.y_train) // 6


def test_finished_networks_are_trained_on_all_training_images() -> None:
    (x, y), (x_judge, y_judge) = split(SAMPLE, "test")
    assert x.shape == (len(SAMPLE.y_train), 28, 28, 1)
    assert x_judge.max() == 1
    assert np.array_equal(y, SAMPLE.y_train)
    assert np.array_equal(y_judge, SAMPLE.y_test)


READ = """
import sys
from mnist_lab import data, models
from mnist_lab.course.experiments.ladder import split
model = models.convnet()
model.load_weights(sys.argv[1])
_, (x, y) = split(data.load_sample(), "validation")
print(int((model.predict(x, verbose=0).argmax(axis=1) != y).sum()))
"""


@pytest.mark.slow
def test_a_training_leaves_its_rows_and_its_network(tmp_path: Path) -> None:
    """And the command that is called again finds both."""
    path, keep = tmp_path / "rows.csv", tmp_path / "keep"
    environ = os.environ | {"MNIST_LAB_DATA": "sample", "TF_CPP_MIN_LOG_LEVEL": "2"}
    options = ["four_epochs", "--seeds", 1, "--epochs", 8, "--validation"]
    options += ["--keep", keep, "--output", path, "--jobs", 1]
    first, again = (
        subprocess.run(command(*options), env=environ, check=True, capture_output=True, text=True)
        for _ in range(2)
    )
    assert "1 trained, 0 were there" in first.stdout
    assert "0 trained, 1 were there" in again.stdout
    rows, complaint = TABLE.read(path)
    expected = on_ladder("validation").keys(Training("four_epochs", "scaled", 0, 8))
    assert complaint == ""
    assert {TABLE.key_of(row) for row in rows} == expected
    for row in rows:
        assert len(row["misread"].split()) == int(row["errors"]) < int(row["judged"]) // 2
        assert int(row["judged"]) + int(row["trained_on"]) == len(SAMPLE.y_train)
        assert float(row["processor_seconds"]) > 0
        assert (row["parameters"], row["data"]) == ("98690", data_digest(SAMPLE))
    stored = json.loads((keep / "four_epochs-validation-8-0.json").read_text(encoding="utf-8"))
    assert [{name: str(value) for name, value in row.items()} for row in stored] == [
        {name: row[name] for name in stored[0]} for row in rows
    ]
    weights = str(keep / "four_epochs-validation-8-0.weights.h5")
    read = subprocess.run(
        [sys.executable, "-c", READ, weights], env=environ, check=True, capture_output=True
    )
    assert read.stdout.decode().split()[-1] == rows[0]["errors"]


def test_network_whose_rows_or_weights_are_gone_is_trained_again(tmp_path: Path) -> None:
    (training,) = plan(["four_epochs"], 1, None)
    what = on_ladder("validation", tmp_path)
    for ending, is_kept in ((".weights.h5", False), (".json", True)):
        (tmp_path / f"four_epochs-validation-4-0{ending}").touch()
        assert what.is_kept(training) is is_kept


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--ladder", "--follow"], "choose one"),
        (["--validation"], "need --ladder"),
        (["--keep", "somewhere"], "need --ladder"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["reproduce", *options])
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


@pytest.mark.slow
def test_renewed_statistics_are_averages_over_all_batches() -> None:
    import keras
    from keras import layers

    from mnist_lab.course.experiments.ladder import renew_statistics

    normalisation = layers.BatchNormalization(momentum=0.7)
    model = keras.Sequential([keras.Input((2,)), normalisation, layers.Dense(1)])
    weights = [weight.copy() for weight in model.get_weights()]
    batches = np.random.default_rng(0).normal(3, 2, (5, 40, 2)).astype("float32")
    renew_statistics(model, list(batches))
    gamma, beta, mean, variance, *dense = model.get_weights()
    assert np.allclose(mean, batches.mean(axis=(0, 1)), atol=1e-5)
    assert np.allclose(variance, batches.var(axis=1).mean(axis=0), rtol=1e-4)
    for now, before in zip([gamma, beta, *dense], weights[:2] + weights[4:], strict=True):
        assert np.array_equal(now, before)
    assert normalisation.momentum == 0.7


# ---------------------------------------------------------------------------- what is committed


def committed() -> list[dict[str, str]]:
    rows, complaint = TABLE.read(ladder.FILE)
    assert complaint == ""
    return rows


# Of what was measured from fewer than ten seeds: how many, by rung and images that judge.
FEWER = {
    ("wide", "test"): 2,
    ("long", "test"): 2,
    ("wide", "validation"): 2,
    ("long", "validation"): 0,
    ("vgg", "test"): 0,
    ("vgg", "validation"): 2,
    ("four_epochs_plain", "test"): 0,
    ("renewed", "validation"): 5,
    ("renewed", "test"): 5,
}


def test_committed_ladder_is_complete() -> None:
    """Each training was judged once, and no training is missing."""
    rows = committed()
    expected = {
        key
        for name in [*ladder.RUNGS, *ladder.TRIED]
        for judge in get_args(ladder.Split)
        for training in plan([name], FEWER.get((name, judge), 10), None)
        for key in on_ladder(judge).keys(training)
    } | {
        ("renewed", judge, reading_of(5, reading), "0", "12")
        for judge in get_args(ladder.Split)
        for reading in ladder.READINGS
    }
    assert {TABLE.key_of(row) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        assert len(row["misread"].split()) == int(row["errors"])
        assert row["judged"] == "10000"
        assert row["trained_on"] == {"test": "60000", "validation": "50000"}[row["split"]]


def differences(measured: list[dict[str, str]], was: list[dict[str, str]]) -> list[str]:
    """Say where measured rows differ from the committed ones of the same training."""
    found: list[str] = []
    known = {TABLE.key_of(row): row for row in was}
    for row in measured:
        other = known[TABLE.key_of(row)]
        same: Any = all(
            row[k] == other[k] for k in ("processor", "tensorflow", "keras", "numpy", "threads")
        )
        names = [k for k in ("misread", "train_loss") if row[k] != other[k]] if same else []
        if abs(int(row["errors"]) - int(other["errors"])) > 60:
            names.append("errors")
        found += names
    return found


@pytest.mark.slow
def test_committed_ladder_is_what_the_command_measures(tmp_path: Path) -> None:
    try:
        data.load_mnist(allow_sample=False)
    except data.DataError:
        pytest.skip("the committed ladder is of MNIST, and it is not here")
    path = tmp_path / "rows.csv"
    options = ["cnn", "--seeds", 1, "--validation", "--output", path]
    subprocess.run(command(*options), check=True, capture_output=True)
    measured, _ = TABLE.read(path)
    assert len(measured) == 2
    assert differences(measured, committed()) == []
    wrong = [row | {"errors": str(int(row["errors"]) + 61)} for row in measured]
    assert differences(wrong, committed()) == ["errors", "errors"]
