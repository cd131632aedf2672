"""Networks that a reader could choose from: judged on held-out training images and on the test.

Lesson 7 reads ``results/seeds.csv``, which ``mnist-lab reproduce --held-out`` wrote. Its networks
differ by their seed only. The best one on the held-out images looks better than it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from mnist_lab import ladder
from mnist_lab.course.experiments.ladder import HELD_OUT
from mnist_lab.course.experiments.table import Key, Table
from mnist_lab.course.experiments.training import (
    ONE_TRAINING,
    PROVENANCE,
    Measurement,
    Training,
    provenance,
    train,
)
from mnist_lab.data import Digits

__all__ = ["ON_BOTH_SETS"]


def _measure(training: Training, digits: Digits, *, threads: int = 1) -> list[dict[str, Any]]:
    """Train on five sixths of the training images; return a row for each set that judges.

    The weights equal those of plain ``fit`` to the last bit. Answers are ``argmax`` of the outputs.

    Args:
        training: which recipe, from which seed. A recipe with a hold-out of its own keeps it.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        threads: for TensorFlow; the same in every call in a process.

    Raises:
        CourseError: an earlier call in this process had another number of threads.
    """
    held_out = len(digits.y_train) // HELD_OUT
    judges = replace(
        digits,
        x_train=digits.x_train[:-held_out],
        y_train=digits.y_train[:-held_out],
        x_test=np.concatenate([digits.x_train[-held_out:], digits.x_test]),
        y_test=np.concatenate([digits.y_train[-held_out:], digits.y_test]),
    )
    with ONE_TRAINING:
        recipe, arrays, model, row = train(training, judges, threads)
        model.compile(recipe.optimizer, recipe.loss)
        read = model.predict(arrays.test[0], batch_size=500, verbose=0).argmax(axis=1)
    is_wrong = read != judges.y_test
    row |= {"trained_on": len(arrays.train[1])} | provenance(digits)
    sets = {"validation": is_wrong[:held_out], "test": is_wrong[held_out:]}
    return [
        row
        | {
            "split": split,
            "errors": int(wrong.sum()),
            "judged": len(wrong),
            "misread": " ".join(map(str, np.flatnonzero(wrong))),
        }
        for split, wrong in sets.items()
    ]


def _keys(training: Training) -> set[Key]:
    of_a_run = str(training.seed), str(training.epochs)
    return {(training.recipe, split, *of_a_run) for split in get_args(ladder.Split)}


ON_BOTH_SETS = Measurement(
    measure=_measure,
    keys=_keys,
    table=Table(
        columns=(
            "recipe",
            "split",  # which images judge: validation (the last sixth of the training images), test
            "seed",
            "epochs",
            "errors",
            "judged",  # images
            "misread",  # their numbers
            "train_accuracy",  # of the last epoch, as fit reports it
            "train_loss",
            "trained_on",  # images
            "seconds",  # of fit
            "threads",
            *PROVENANCE,
        ),
        key=("recipe", "split", "seed", "epochs"),
        numbers=frozenset(
            {"seed", "epochs", "errors", "judged", "train_accuracy", "train_loss", "trained_on"}
            | {"seconds", "threads"}
        ),
    ),
)
"""The errors on the held-out training images and on the test images, on scaled pixels."""
