"""One training of a published recipe, and what is measured when it ends."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mnist_lab import environment, evaluation, models, recipes, reproduction
from mnist_lab.course import CourseError
from mnist_lab.course.experiments.table import Key, Table
from mnist_lab.data import Digits

__all__ = [
    "AT_THE_END",
    "ONE_TRAINING",
    "PROVENANCE",
    "Measurement",
    "Training",
    "data_digest",
    "prepare",
    "provenance",
    "start_tensorflow",
    "train",
]

# The global random state belongs to one training at a time, also in a worker with several threads.
ONE_TRAINING = threading.Lock()

# Columns of each file: on which digits, with which libraries and on which computer.
PROVENANCE = ("data", "python", "tensorflow", "keras", "numpy", "processor")


@dataclass(frozen=True)
class Training:
    """What to train: a recipe's name, the pixels' form, the seed and the number of epochs."""

    recipe: str
    pixels: recipes.Pixels
    seed: int
    epochs: int

    @property
    def readings(self) -> tuple[str, ...]:
        """How its answers are read: by ``argmax`` of the outputs of ``predict``.

        Sigmoid outputs tie, and ``evaluate`` rounds them otherwise than ``predict``: there the
        accuracy of ``evaluate`` stands beside it, and that of the logits.
        """
        sigmoid = recipes.RECIPES[self.recipe].output == "sigmoid"
        return ("evaluate", "outputs", "logits") if sigmoid else ("outputs",)


@dataclass(frozen=True)
class Measurement:
    """What is measured of a training.

    Attributes:
        measure: called with a training, the digits and ``threads=``; trains and returns the rows.
        keys: called with a training; returns the keys of all the rows that it shall have.
        table: the columns of the rows.
        shipped: the package's own file of such trainings, whose seconds tell which takes longest.
        is_kept: called with a training; says whether what it leaves beside its rows is there.
    """

    measure: Callable[..., list[dict[str, Any]]]
    keys: Callable[[Training], set[Key]]
    table: Table
    shipped: Path = reproduction.FILE
    is_kept: Callable[[Training], bool] = lambda _: True


def data_digest(digits: Digits) -> str:
    """Return twelve hexadecimal digits that stand for the images and labels trained on."""
    digest = hashlib.sha256()
    for array in (digits.x_train, digits.y_train, digits.x_test, digits.y_test):
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]


@cache
def start_tensorflow(threads: int) -> None:
    """Set the number of threads, once in a process.

    Raises:
        CourseError: TensorFlow has begun to compute with another number.
    """
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    with environment.quiet_start():
        import tensorflow as tf
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        raise CourseError(
            "TensorFlow already runs with other threads in this process: restart it (or the "
            "cluster's workers), or ask for as many threads as before."
        ) from None


def prepare(
    training: Training, digits: Digits, threads: int
) -> tuple[recipes.Recipe, recipes.Arrays, Any]:
    """Return the recipe on its pixels, the arrays and a fresh network that is compiled to be fast.

    The network has the weights that the training's seed gives. The caller holds ``ONE_TRAINING``.

    Raises:
        CourseError: an earlier call in this process had another number of threads.
    """
    start_tensorflow(threads)
    import keras

    from mnist_lab.course.experiments.fast_training import compile_fast

    recipe = replace(recipes.RECIPES[training.recipe], pixels=training.pixels)
    arrays = recipes.prepare(recipe, digits, seed=training.seed)
    keras.backend.clear_session()
    keras.utils.set_random_seed(training.seed)
    model = recipe.build()
    compile_fast(model, recipe)
    return recipe, arrays, model


def train(
    training: Training, digits: Digits, threads: int
) -> tuple[recipes.Recipe, recipes.Arrays, Any, dict[str, Any]]:
    """Train a network fast; return its recipe, the arrays, the network and what a row says of it.

    The weights equal those of plain ``fit`` to the last bit. The caller holds ``ONE_TRAINING``.

    Raises:
        CourseError: an earlier call in this process had another number of threads.
    """
    recipe, arrays, model = prepare(training, digits, threads)
    from mnist_lab.course.experiments.fast_training import batches

    images = batches(*arrays.train, recipe.batch_size)
    start = time.perf_counter()
    history = model.fit(images, epochs=training.epochs, verbose=0).history
    seconds = time.perf_counter() - start
    return (
        recipe,
        arrays,
        model,
        {
            "recipe": training.recipe,
            "seed": training.seed,
            "epochs": training.epochs,
            "train_accuracy": history["accuracy"][-1],
            "train_loss": history["loss"][-1],
            "seconds": round(seconds, 1),
            "threads": threads,
        },
    )


def provenance(digits: Digits) -> dict[str, str]:
    """Return what a row says of the digits, the libraries and the computer, by column."""
    found = environment.versions()
    found |= {"data": data_digest(digits), "processor": environment.processor()}
    return {name: found[name] for name in PROVENANCE}


def _measure(training: Training, digits: Digits, *, threads: int = 1) -> list[dict[str, Any]]:
    """Train a network and return a row for each reading of its answers.

    The numbers equal the numbers of plain ``fit`` to the last bit, with as many threads.
    (Convolutions add in another order on several threads, and a CNN's last digits show this.)

    Args:
        training: which recipe, how, from which seed.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        threads: for TensorFlow; the same in every call in a process.

    Raises:
        CourseError: an earlier call in this process had another number of threads.
    """
    with ONE_TRAINING:
        recipe, arrays, model, row = train(training, digits, threads)
        model.compile(recipe.optimizer, recipe.loss, metrics=["accuracy"])
        if recipe.validation == "holdout" and arrays.validation:
            loss, accuracy = model.evaluate(*arrays.validation, verbose=0)
            row |= {"validation_accuracy": accuracy, "validation_loss": loss}
        row["test_loss"], evaluated = model.evaluate(*arrays.test, verbose=0)
        networks = {"outputs": model}
        if "logits" in training.readings:
            networks["logits"] = models.logits_model(model)
        found = {name: net.predict(arrays.test[0], verbose=0) for name, net in networks.items()}
    row |= {"pixels": training.pixels} | provenance(digits)
    rows = []
    if "evaluate" in training.readings:
        rows.append(row | {"reading": "evaluate", "test_accuracy": evaluated})
    for reading, outputs in found.items():
        counts = evaluation.confusion_matrix(digits.y_test, outputs.argmax(axis=1))
        rows.append(
            row
            | {
                "reading": reading,
                "test_accuracy": float(np.trace(counts) / counts.sum()),
                "ties": evaluation.count_ties(outputs),
                "errors_by_class": " ".join(map(str, counts.sum(axis=1) - counts.diagonal())),
                "confusion": " ".join(map(str, counts.ravel())),
            }
        )
    return rows


def _keys(training: Training) -> set[Key]:
    variant = training.recipe, training.pixels
    of_a_run = str(training.seed), str(training.epochs)
    return {(*variant, reading, *of_a_run) for reading in training.readings}


_MAY_LACK = frozenset({"validation_accuracy", "validation_loss", "ties"})

AT_THE_END = Measurement(
    measure=_measure,
    keys=_keys,
    table=Table(
        columns=(
            "recipe",
            "pixels",  # raw or scaled, and
            "reading",  # where answers come from, see Training.readings; together: the variant
            "seed",
            "epochs",
            "train_accuracy",  # of the last epoch, as fit reports it: with dropout, on the way
            "train_loss",
            "validation_accuracy",  # of the images that the recipe holds out; empty without any
            "validation_loss",
            "test_accuracy",
            "test_loss",
            "ties",  # test images whose largest number several classes share
            "errors_by_class",  # ten counts
            "confusion",  # a hundred, rows true, columns predicted; evaluate gives none of these
            "seconds",  # of fit
            "threads",  # of TensorFlow, within an operation
            *PROVENANCE,
        ),
        key=("recipe", "pixels", "reading", "seed", "epochs"),
        numbers=_MAY_LACK
        | {"seed", "epochs", "train_accuracy", "train_loss", "test_accuracy", "test_loss"}
        | {"seconds", "threads"},
        may_lack=_MAY_LACK,
    ),
)
"""The network that a training ends with: figures, confusion matrix and seconds."""
