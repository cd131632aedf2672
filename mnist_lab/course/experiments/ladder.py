"""One training of a rung of the ladder, what is measured of it, and the network that it leaves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab import ladder
from mnist_lab._files import write_text
from mnist_lab.augmentation import distorted_batches, shifted_views
from mnist_lab.course import CourseError
from mnist_lab.course.experiments.table import Key, Table
from mnist_lab.course.experiments.training import (
    ONE_TRAINING,
    PROVENANCE,
    Measurement,
    Training,
    provenance,
    start_tensorflow,
)
from mnist_lab.data import Digits

__all__ = [
    "HELD_OUT",
    "TABLE",
    "errors_of",
    "fit",
    "kept_at",
    "of_rung",
    "on_ladder",
    "plan",
    "probabilities",
    "renew_statistics",
    "rise_and_fall",
    "split",
]

Array = npt.NDArray[Any]
HELD_OUT = 6  # every sixth training image judges choices: 10,000 of 60,000
STEPS_PER_EXECUTION = 20  # batches between two turns of Python, as in the lesson
RENEWING = 100  # batches whose statistics are averaged

TABLE = Table(
    columns=(
        "recipe",  # name of the rung
        "split",  # which images judge: validation (the last sixth of the training images) or test
        # one view, or the mean probability of nine views moved by up to a pixel; "5 networks, one
        # view" is the mean probability of five networks
        "reading",
        "seed",  # of an ensemble, the smallest one
        "epochs",
        "errors",
        "judged",  # images
        "misread",  # their numbers
        "train_accuracy",  # of the last epoch, on distorted images where there are any
        "train_loss",
        "trained_on",  # images
        "parameters",
        "seconds",  # of fit
        "processor_seconds",  # of fit, of all threads together
        "threads",
        *PROVENANCE,
    ),
    key=("recipe", "split", "reading", "seed", "epochs"),
    numbers=frozenset(
        {"seed", "epochs", "errors", "judged", "train_accuracy", "train_loss", "trained_on"}
        | {"parameters", "seconds", "processor_seconds", "threads"}
    ),
)


def plan(names: list[str], seeds: int, epochs: int | None) -> list[Training]:
    """List the trainings: of the rungs named, or of all rungs of the ladder.

    Raises:
        CourseError: there is no rung of that name.
    """
    rungs = [of_rung(name) for name in names or ladder.RUNGS]
    return [
        Training(rung.name, "scaled", seed, epochs or rung.epochs)
        for seed in range(seeds)
        for rung in rungs
    ]


def split(digits: Digits, judge: ladder.Split) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return the images and labels to train on, and those that judge.

    Images are float32 of shape (n, 28, 28, 1) in 0..1. For "validation", the last sixth of the
    training images is held out, and the test images are not touched.
    """
    x = digits.x_train[..., None] / np.float32(255)
    y = digits.y_train
    if judge == "test":
        return (x, y), (digits.x_test[..., None] / np.float32(255), digits.y_test)
    kept = len(x) - len(x) // HELD_OUT
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])


def fit(rung: ladder.Rung, x: Array, y: Array, seed: int, epochs: int) -> tuple[Any, Any]:
    """Build a network and train it in plain Keras, as lesson 6 shows.

    Args:
        rung: how to train.
        x: float32 images of shape (n, 28, 28, 1), in 0..1.
        y: integer labels.
        seed: of the weights, of the order of the images and of their distortions.
        epochs: may differ from the rung's own number; the learning rate then takes as long.

    Returns:
        The network, and the history of ``fit``.
    """
    import keras

    rate: Any = 0.001
    if rung.peak is not None:
        rate = rise_and_fall(rung.peak, epochs * math.ceil(len(x) / rung.batch_size))
    averaging = {"use_ema": True, "ema_momentum": rung.averaging} if rung.averaging else {}
    keras.utils.set_random_seed(seed)
    model = rung.build()
    model.compile(
        keras.optimizers.Adam(rate, **averaging),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    train = distorted_batches(x, y, rung.batch_size, seed, rung.distortion)
    history = model.fit(train, epochs=epochs, verbose=0).history
    if rung.renewed:
        renew_statistics(model, [images for images, _ in train.take(RENEWING)])
    return model, history


def rise_and_fall(peak: float, steps: int) -> Any:
    """Return Keras' schedule of a rate that rises to a peak in a quarter of the steps, then falls.

    It rises along a line from 0 and falls along a cosine to 0.
    """
    from keras.optimizers.schedules import CosineDecay

    rise = steps // 4
    return CosineDecay(0.0, steps - rise, warmup_target=peak, warmup_steps=rise)


def renew_statistics(model: Any, batches: Sequence[Any]) -> None:
    """Replace the statistics of batch normalisation by their averages over batches.

    Source: P. Izmailov and others, Averaging weights leads to wider optima and better
    generalization (2018), for networks whose weights are averages.

    Args:
        model: a Keras network, whose other weights stay as they are.
        batches: images as the network takes them, of which at least one.
    """
    from keras.layers import BatchNormalization

    layers = [layer for layer in model.layers if isinstance(layer, BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for number, images in enumerate(batches):
        for layer in layers:
            layer.momentum = number / (number + 1)  # then all batches count alike
        model(images, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def of_rung(name: str) -> ladder.Rung:
    """Return the rung of a name, whether it is of the ladder or was only tried.

    Raises:
        CourseError: there is no rung of that name.
    """
    rungs = ladder.RUNGS | ladder.TRIED
    if name not in rungs:
        raise CourseError(f"There is no rung {name!r}: choose from {', '.join(rungs)}.")
    return rungs[name]


def probabilities(model: Any, x: Array) -> dict[str, Array]:
    """Return for each reading the probabilities of the digits, of shape (n, 10)."""
    from scipy.special import softmax

    views = [
        softmax(model.predict(view, batch_size=500, verbose=0), axis=1) for view in shifted_views(x)
    ]
    return dict(zip(ladder.READINGS, (views[0], np.mean(views, axis=0)), strict=True))


def errors_of(found: Array, labels: Array) -> dict[str, Any]:
    """Return the columns "errors" and "misread" for probabilities of shape (n, 10)."""
    misread = np.flatnonzero(found.argmax(axis=1) != labels)
    return {"errors": len(misread), "misread": " ".join(map(str, misread))}


def _measure(
    training: Training,
    digits: Digits,
    *,
    threads: int = 1,
    judge: ladder.Split,
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    rung = of_rung(training.recipe)
    with ONE_TRAINING:
        start_tensorflow(threads)
        import keras

        keras.backend.clear_session()
        (x, y), (x_judge, y_judge) = split(digits, judge)
        start, processor = time.perf_counter(), time.process_time()
        model, history = fit(rung, x, y, training.seed, training.epochs)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        row: dict[str, Any] = {
            "recipe": training.recipe,
            "split": judge,
            "seed": training.seed,
            "epochs": training.epochs,
            "judged": len(y_judge),
            "train_accuracy": history["accuracy"][-1],
            "train_loss": history["loss"][-1],
            "trained_on": len(y),
            "parameters": model.count_params(),
            "seconds": round(seconds, 1),
            "processor_seconds": round(processor, 1),
            "threads": threads,
        } | provenance(digits)
        rows = [
            row | {"reading": reading} | errors_of(found, y_judge)
            for reading, found in probabilities(model, x_judge).items()
        ]
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            alone = rung.build()  # without the optimiser's numbers, three times as many
            alone.set_weights(model.get_weights())
            alone.save_weights(kept_at(training, judge, keep))
            record = kept_at(training, judge, keep, ".json")
            write_text(record, json.dumps(rows, indent=1) + "\n")
    return rows


def kept_at(training: Training, judge: str, keep: Path, ending: str = ".weights.h5") -> Path:
    """Return where a network is stored: each key of its rows is in the name."""
    key = (training.recipe, judge, training.epochs, training.seed)
    return keep / ("-".join(map(str, key)) + ending)


def _keys(training: Training, *, judge: ladder.Split) -> set[Key]:
    of_a_run = str(training.seed), str(training.epochs)
    return {(training.recipe, judge, reading, *of_a_run) for reading in ladder.READINGS}


def on_ladder(judge: ladder.Split, keep: Path | None = None) -> Measurement:
    """Return what to measure of the trainings of rungs.

    Args:
        judge: "validation" to choose, "test" for finished networks, once.
        keep: folder for the weights of each network and, as JSON, for its rows; None: nothing is
            kept. A network whose weights or rows are not there is trained again.
    """

    def is_kept(training: Training) -> bool:
        endings = (".weights.h5", ".json")
        return keep is None or all(
            kept_at(training, judge, keep, ending).is_file() for ending in endings
        )

    return Measurement(
        measure=partial(_measure, judge=judge, keep=keep),
        keys=partial(_keys, judge=judge),
        table=TABLE,
        shipped=ladder.FILE,
        is_kept=is_kept,
    )
