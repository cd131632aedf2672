"""Figures after each epoch: of the very training that reproduce measures at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mnist_lab import reproduction
from mnist_lab.course.experiments.follow import AFTER_EACH_EPOCH, summary
from mnist_lab.course.experiments.training import Training

BOTH = """
import json
from mnist_lab import data
from mnist_lab.course.experiments.follow import AFTER_EACH_EPOCH
from mnist_lab.course.experiments.training import AT_THE_END, Training
training, digits = Training("fnn_sigmoid", "scaled", 1, 2), data.load_sample()
for what in (AFTER_EACH_EPOCH, AT_THE_END):
    rows = what.measure(training, digits)
    assert {what.table.key_of(row) for row in rows} == what.keys(training)
    assert all(set(row) <= set(what.table.columns) for row in rows)
    print(json.dumps([{k: str(v) for k, v in row.items()} for row in rows]))
"""


@pytest.mark.slow
def test_following_a_training_does_not_disturb_it() -> None:
    """The last epoch of the one is what the other measures, and both give the rows they promise."""
    result = subprocess.run(
        [sys.executable, "-c", BOTH],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    followed, ended = map(json.loads, result.stdout.splitlines()[-2:])
    rows = {row["reading"]: row for row in ended}
    first, last = followed
    assert (first["epochs"], last["epochs"]) == ("1", "2")
    assert last["test_loss"] == rows["evaluate"]["test_loss"] != first["test_loss"]
    assert last["test_accuracy"] == rows["evaluate"]["test_accuracy"]
    assert last["matrix_accuracy"] == rows["outputs"]["test_accuracy"]
    assert last["data"] == rows["outputs"]["data"]


def test_summary_is_by_recipe_and_epoch(tmp_path: Path) -> None:
    table = AFTER_EACH_EPOCH.table
    row = dict.fromkeys(table.columns, "0") | {"recipe": "cnn"}
    losses = [("0", "9", 4.0), ("0", "10", 1.0), ("1", "10", 3.0), ("2", "10", 8.0)]
    rows = [row | {"seed": s, "epochs": e, "test_loss": str(loss)} for s, e, loss in losses]
    table.append(tmp_path / "rows.csv", rows)
    nine, ten = summary(table.read(tmp_path / "rows.csv")[0]).splitlines()[-2:]
    assert nine.split()[:5] == ["cnn", "9", "4.0", "4.0", "4.0"]
    assert ten.split()[:4] == ["10", "4.0", "1.0", "8.0"]


def test_committed_epochs_are_complete() -> None:
    rows, complaint = AFTER_EACH_EPOCH.table.read(reproduction.FILE.with_name("epochs.csv"))
    trainings = [Training("deep_dropout_ann", "scaled", seed, 20) for seed in range(10)]
    expected = {key for training in trainings for key in AFTER_EACH_EPOCH.keys(training)}
    assert {AFTER_EACH_EPOCH.table.key_of(row) for row in rows} == expected
    assert (len(rows), complaint) == (200, "")


def test_committed_epochs_pass_through_the_committed_results() -> None:
    """Two commands, two processors: at the published epoch they measured the same."""
    by_epoch = pd.read_csv(reproduction.FILE.with_name("epochs.csv"))
    keys = ["recipe", "seed", "epochs"]
    rows = reproduction.reproduction().query("recipe == 'deep_dropout_ann'")
    rows = rows.pivot(index=keys, columns="reading", values=["test_loss", "test_accuracy"])
    ten = by_epoch.set_index(keys).loc[rows.index]
    assert len(ten) == 10
    assert (ten.test_loss == rows["test_loss", "evaluate"]).all()
    assert (ten.test_accuracy == rows["test_accuracy", "evaluate"]).all()
    assert (ten.matrix_accuracy == rows["test_accuracy", "outputs"]).all()
