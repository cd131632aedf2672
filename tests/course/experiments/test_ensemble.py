"""Networks that answer together: whose probabilities are averaged, and what the file then says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_lab import data, ladder, models
from mnist_lab.course import CourseError
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments.ensemble import group, measure_ensembles
from mnist_lab.course.experiments.ladder import TABLE, plan, split

SAMPLE = data.load_sample()
TRAININGS = plan(["four_epochs"], seeds=3, epochs=None)
GROUPS = group(TRAININGS)


def keep_networks(folder: Path) -> list[Any]:
    """Store three networks that were not trained, as a sweep stores trained ones."""
    import keras

    networks = []
    for training in TRAININGS:
        keras.utils.set_random_seed(training.seed)
        network = models.convnet()
        kept = folder / f"four_epochs-validation-4-{training.seed}"
        network.save_weights(f"{kept}.weights.h5")
        row = dict.fromkeys(TABLE.columns, "") | {
            "recipe": "four_epochs",
            "split": "validation",
            "reading": "one view",
            "seed": training.seed,
            "epochs": 4,
            "judged": 1,
            "trained_on": 1,
            "threads": 1,
            "seconds": 10.5,
            "processor_seconds": 20.0 + training.seed,
            "parameters": 98_690,
            "train_accuracy": 0.5,
            "train_loss": 1 + training.seed,
        }
        kept.with_suffix(".json").write_text(json.dumps([row]), encoding="utf-8")
        networks.append(network)
    return networks


@pytest.mark.slow
def test_mean_of_the_probabilities_decides(tmp_path: Path) -> None:
    import keras

    networks = keep_networks(tmp_path)
    path = tmp_path / "rows.csv"
    found = [measure_ensembles(GROUPS, SAMPLE, path, "validation", tmp_path) for _ in range(2)]
    assert found == [1, 0]
    _, (x, y) = split(SAMPLE, "validation")
    softmax = keras.layers.Softmax()
    mean = np.mean([softmax(network(x)) for network in networks], axis=0)
    misread = np.flatnonzero(mean.argmax(axis=1) != y)
    one, nine = TABLE.read(path)[0]
    assert (one["reading"], nine["reading"]) == ("3 networks, one view", "3 networks, nine views")
    assert one["misread"] == " ".join(map(str, misread))
    for row in (one, nine):
        assert len(row["misread"].split()) == int(row["errors"])
        assert [row[name] for name in ("seed", "parameters", "seconds", "train_loss")] == [
            "0", "296070", "31.5", "2.0",
        ]  # fmt: skip
        assert row["processor_seconds"] == "63.0"


@pytest.mark.slow
def test_rows_of_an_ensemble_are_no_rows_of_a_training(tmp_path: Path) -> None:
    keep_networks(tmp_path)
    path = tmp_path / "rows.csv"
    measure_ensembles(GROUPS, SAMPLE, path, "validation", tmp_path)
    for reading, rows in (("one view", 0), ("3 networks, one view", 1)):
        assert len(ladder.trainings(ladder.measured(path), "validation", reading)) == rows


def test_networks_of_a_rung_answer_together() -> None:
    mixed = plan(["wide", "cnn"], seeds=2, epochs=None)
    found = [[(training.recipe, training.seed) for training in members] for members in group(mixed)]
    assert found == [[("cnn", 0), ("cnn", 1)], [("wide", 0), ("wide", 1)]]


def test_one_network_is_no_ensemble_which_is_said_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="'four_epochs' is no ensemble: ask for two --seeds"):
        group(TRAININGS[:1])
    path, options = tmp_path / "rows.csv", ["--seeds", "1", "--keep", str(tmp_path), "--ensemble"]
    for names in (["four_epochs"], ["four_epochs", "four_epochs"]):
        command = ["reproduce", "--ladder", *names, *options, "--output", str(path)]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2
        assert "is no ensemble" in result.output
        assert not path.exists()


def test_ensemble_needs_kept_networks() -> None:
    result = CliRunner().invoke(app, ["reproduce", "--ladder", "--ensemble"])
    assert result.exit_code == 2
    assert "--ensemble needs --keep" in " ".join(result.output.split())
