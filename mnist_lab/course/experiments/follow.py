"""How the test figures of a recipe move with the epochs.

A page that prints one loss after ten epochs may have stopped earlier, or have trained twice.
Lesson 5 reads ``results/epochs.csv``, which ``mnist-lab reproduce --follow`` wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from mnist_lab.course.experiments.table import Key, Row, Table
from mnist_lab.course.experiments.training import (
    ONE_TRAINING,
    Measurement,
    Training,
    prepare,
    provenance,
)
from mnist_lab.data import Digits

__all__ = ["AFTER_EACH_EPOCH", "summary"]

_FIGURES = ("test_loss", "test_accuracy", "matrix_accuracy")
_PLACE = ("tensorflow", "keras", "numpy", "data", "processor")


def _follow(training: Training, digits: Digits, *, threads: int = 1) -> list[dict[str, Any]]:
    """Train a network and return a row an epoch, of what the author of a recipe may have seen.

    ``test_loss`` and ``test_accuracy`` are those of ``evaluate``, ``matrix_accuracy`` that of
    ``argmax`` of the outputs of ``predict``. Nothing is chosen by them, and the training is the
    same to the last bit as without them.

    Args:
        training: which recipe, how, from which seed.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        threads: for TensorFlow; the same in every call in a process.

    Raises:
        CourseError: an earlier call in this process had another number of threads.
    """
    with ONE_TRAINING:
        recipe, arrays, model = prepare(training, digits, threads)
        import keras

        from mnist_lab.course.experiments.fast_training import batches

        # The same layers, compiled plainly: many steps at once round sigmoid outputs otherwise.
        plain = keras.Sequential([keras.Input(recipe.input_shape), *model.layers])
        plain.compile(recipe.optimizer, recipe.loss, metrics=["accuracy"])
        rows: list[dict[str, Any]] = []

        def look(epoch: int, _: object) -> None:
            read = plain.predict(arrays.test[0], verbose=0).argmax(axis=1)
            figures = (
                *plain.evaluate(*arrays.test, verbose=0),
                float(np.mean(read == digits.y_test)),
            )
            rows.append(
                {"recipe": training.recipe, "seed": training.seed, "epochs": epoch + 1}
                | dict(zip(_FIGURES, figures, strict=True))
            )

        watch = keras.callbacks.LambdaCallback(on_epoch_end=look)
        train = batches(*arrays.train, recipe.batch_size)
        model.fit(train, epochs=training.epochs, verbose=0, callbacks=[watch])
    where = provenance(digits)
    return [row | {name: where[name] for name in _PLACE} for row in rows]


def _keys(training: Training) -> set[Key]:
    return {
        (training.recipe, str(training.seed), str(epoch + 1)) for epoch in range(training.epochs)
    }


AFTER_EACH_EPOCH = Measurement(
    measure=_follow,
    keys=_keys,
    table=Table(
        columns=("recipe", "seed", "epochs", *_FIGURES, *_PLACE),
        key=("recipe", "seed", "epochs"),
        numbers=frozenset({"seed", "epochs", *_FIGURES}),
    ),
)
"""The figures of the test set after each epoch of a training on scaled pixels."""


def summary(rows: Iterable[Row]) -> str:
    """Return a table of mean, lowest and highest figures over the seeds, by recipe and epoch."""
    import pandas as pd

    frame = pd.DataFrame([dict(row) for row in rows]).astype(
        {"epochs": int} | dict.fromkeys(_FIGURES, float)
    )
    figures = frame.groupby(["recipe", "epochs"])[list(_FIGURES)].agg(["mean", "min", "max"])
    return figures.round(4).to_string()
