"""Several networks of one rung that answer together: the mean of their probabilities decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mnist_lab import environment, ladder
from mnist_lab._files import LockedError, locked
from mnist_lab.course import CourseError
from mnist_lab.course.experiments.ladder import (
    TABLE,
    errors_of,
    kept_at,
    of_rung,
    probabilities,
    split,
)
from mnist_lab.course.experiments.table import Key
from mnist_lab.course.experiments.training import Training, provenance
from mnist_lab.data import Digits

__all__ = ["group", "measure_ensembles", "reading_of"]

SUMS = ("parameters", "seconds", "processor_seconds")  # what all networks need together
MEANS = ("train_accuracy", "train_loss")


def reading_of(networks: int, reading: str) -> str:
    """Return the name of a reading in the table: "5 networks, one view"."""
    return f"{networks} networks, {reading}"


def group(trainings: Sequence[Training]) -> list[list[Training]]:
    """Return for each rung the trainings whose networks answer together.

    Raises:
        CourseError: a rung has one network only.
    """
    ordered = sorted(trainings, key=_rung_and_seed)
    groups = [list(members) for _, members in groupby(ordered, key=lambda t: t.recipe)]
    for members in groups:
        if len(members) < 2:
            raise CourseError(
                f"One network of the rung {members[0].recipe!r} is no ensemble: ask for two "
                "--seeds or more."
            )
    return groups


def _rung_and_seed(training: Training) -> tuple[str, int]:
    return training.recipe, training.seed


def measure_ensembles(
    groups: Sequence[Sequence[Training]],
    digits: Digits,
    output: Path,
    judge: ladder.Split,
    keep: Path,
) -> int:
    """Judge the networks of each group together, and add what the file does not have yet to it.

    Args:
        groups: what :func:`group` returned; the networks stand in the folder ``keep``.
        digits: what they were trained on.
        output: the CSV file of the ladder. Of an ensemble it says with "reading" how many networks
            it has, and with "seed" the smallest of their seeds.
        judge: which images judge.
        keep: the folder with the weights.

    Returns:
        How many ensembles were added.

    Raises:
        CourseError: another command adds to the file.
    """
    try:
        with locked(output):
            known = {TABLE.key_of(row) for row in TABLE.recover(output)}
            todo = [members for members in groups if not _keys(members, judge) <= known]
            for members in todo:
                rows = _judged(members, digits, judge, keep)
                TABLE.append(output, [row for row in rows if TABLE.key_of(row) not in known])
    except LockedError as error:
        raise CourseError(str(error)) from None
    return len(todo)


def _keys(members: Sequence[Training], judge: ladder.Split) -> set[Key]:
    first = members[0]
    return {
        (first.recipe, judge, reading_of(len(members), reading), str(first.seed), str(first.epochs))
        for reading in ladder.READINGS
    }


def _judged(
    members: Sequence[Training], digits: Digits, judge: ladder.Split, keep: Path
) -> list[dict[str, Any]]:
    with environment.quiet_start():
        import keras

    _, (x, y) = split(digits, judge)
    means: dict[str, Any] = dict.fromkeys(ladder.READINGS, 0.0)
    records = []
    for training in members:
        keras.backend.clear_session()
        model = of_rung(training.recipe).build()
        model.load_weights(kept_at(training, judge, keep))
        for reading, found in probabilities(model, x).items():
            means[reading] = means[reading] + found / len(members)
        record = kept_at(training, judge, keep, ".json").read_text(encoding="utf-8")
        records.append(json.loads(record)[0])
    row = records[0] | provenance(digits)
    row |= {name: round(sum(record[name] for record in records), 1) for name in SUMS}
    row |= {name: float(np.mean([record[name] for record in records])) for name in MEANS}
    return [
        row | {"reading": reading_of(len(members), reading)} | errors_of(mean, y)
        for reading, mean in means.items()
    ]
