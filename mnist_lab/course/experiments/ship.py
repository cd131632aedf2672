"""Makes what the service needs: two LiteRT files, the rule of refusal, the record and the card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab import data, ladder, models
from mnist_lab._files import replacing, write_text
from mnist_lab.course import CourseError
from mnist_lab.course.experiments import detector, shipped
from mnist_lab.course.experiments.card import CARD, card
from mnist_lab.course.experiments.choose import choose_rule, outcome
from mnist_lab.course.experiments.export import (
    FORMS,
    Form,
    convert,
    examples,
    load,
    logits,
    network,
)
from mnist_lab.course.experiments.ladder import of_rung, split
from mnist_lab.course.experiments.strangers import measure_strangers
from mnist_lab.course.experiments.training import provenance
from mnist_lab.data import Digits
from mnist_lab.serving.refusal import RECORD, Rule

__all__ = ["FORM", "LIMIT", "ship", "write_card"]

Array = npt.NDArray[Any]

FORM: Form = "dynamic"  # of both files
LIMIT = 400_000  # bytes of both files together


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_twin(weights: Path, rung: str) -> None:
    """Raise CourseError unless the network was trained without the images that choose."""
    path = weights.with_name(weights.name.removesuffix(".weights.h5") + ".json")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        fit = {(row["recipe"], row["split"]) for row in rows} == {(rung, "validation")}
    except (OSError, ValueError, KeyError, TypeError):
        fit = False
    if not fit:
        raise CourseError(
            f"{path} does not say that these weights are of the rung {rung!r} and were trained "
            "without the validation images: train them with --validation and --keep."
        )


def _detector(digits: Digits, trained: int, folder: Path) -> Any:
    """Return the detector, trained on the first images, or as an earlier call left it there."""
    kept = folder / "detector.weights.h5"
    if kept.is_file():
        model = models.detector()
        model.load_weights(kept)
        return model
    model = detector.train_detector(digits.x_train[:trained], digits.y_train[:trained])
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(kept)
    return model


def ship(weights: Path, rung: str, folder: Path) -> dict[str, Any]:
    """Make the files of the service anew, and return the record.

    The shipped network was trained on all 60,000 training images, so no training image can say how
    often it errs. A twin has the same layers and was trained on the first 50,000 images, and so was
    the detector. The other 10,000 images choose the temperature and the limits, and show what the
    forms of the file cost. Then the test images are read once.

    Args:
        weights: of the twin, as ``mnist-lab reproduce --ladder --validation --keep`` stores them.
        rung: of the twin.
        folder: where the weights of the detector are kept. Remove them to train it again.

    Raises:
        CourseError: the weights are not of a network of the rung, or the record beside them does
            not say that it was trained without the validation images.
        DataError: MNIST is not here.
    """
    _check_twin(weights, rung)
    digits = data.load_mnist(allow_sample=False)
    best = network(None, None)  # built first, because the number of networks is in the file's names
    twin = network(weights, rung)
    (_, _), (x, y) = split(digits, "validation")
    trained = len(digits.y_train) - len(y)
    shown = examples(digits)
    guard = _detector(digits, trained, folder)
    files = {
        shipped.DIGITS: convert(best, FORM, shown),
        shipped.DETECTOR: convert(guard, FORM, shown),
    }
    size = sum(map(len, files.values()))
    if size > LIMIT:
        raise CourseError(f"The files have {size:,} bytes: choose a form that needs fewer.")
    twins = {form: logits(load(convert(twin, form, shown)), x) for form in FORMS}
    likeness = logits(load(files[shipped.DETECTOR]), x)
    rule = choose_rule(twins[FORM], likeness, y)
    for path, content in files.items():
        with replacing(path) as target:
            target.write(content)
    record = {
        "file": shipped.DIGITS.name,
        "sha256": _digest(files[shipped.DIGITS]),
        "bytes": len(files[shipped.DIGITS]),
        "quantisation": "dynamic range: weights of 8 bits, activations of 8 bits for each image",
        **asdict(rule),
        "network": _of_network(),
        "detector": {
            "file": shipped.DETECTOR.name,
            "sha256": _digest(files[shipped.DETECTOR]),
            "bytes": len(files[shipped.DETECTOR]),
            "parameters": guard.count_params(),
            "trained_on": trained,
            "seed": 0,
        },
        "validation": {
            "twin": {
                "rung": rung,
                "epochs": of_rung(rung).epochs,
                "sha256": _digest(weights.read_bytes()),
                "trained_on": trained,
            },
            "errors": {
                form: int((found.argmax(axis=1) != y).sum()) for form, found in twins.items()
            },
            "largest_change_of_a_logit": {
                form: round(float(np.abs(found - twins["float32"]).max()), 3)
                for form, found in twins.items()
            },
            "errors_of_four_epochs": _errors_of_rung("four_epochs"),
            "errors_of_the_rung": _errors_of_rung(rung),
            **asdict(outcome(twins[FORM], likeness, y, rule)),
        },
        "test": _on_test_images(digits, rule),
        "strangers": {
            name: asdict(found)
            for name, found in measure_strangers(digits, data.load_sample(), rule).items()
        },
        "made_with": provenance(digits),
    }
    write_text(RECORD, json.dumps(record, indent=1) + "\n")
    write_card()
    return record


def _of_network() -> dict[str, Any]:
    """Return how the shipped network was trained, and what its record says of it in float32."""
    one_view = json.loads(models.BEST_RECORD.read_text(encoding="utf-8"))[0]
    names = ("recipe", "seed", "epochs", "trained_on", "parameters", "errors")
    return {
        **{name: one_view[name] for name in names},
        "weights": models.BEST.name,
        "sha256": _digest(models.BEST.read_bytes()),
    }


def _errors_of_rung(name: str) -> list[int]:
    """Return the errors of each network of a rung on validation images, as far as measured."""
    rows = ladder.measured()
    form = (name, "validation", "one view", of_rung(name).epochs)
    own = rows[(rows[["recipe", "split", "reading", "epochs"]] == form).all(axis=1)]
    return [int(n) for n in own["errors"]]


def _on_test_images(digits: Digits, rule: Rule) -> dict[str, Any]:
    images = shipped.scaled(digits.x_test)
    found, likeness = (logits(load(path), images) for path in (shipped.DIGITS, shipped.DETECTOR))
    misread = np.flatnonzero(found.argmax(axis=1) != digits.y_test)
    return {
        "errors": len(misread),
        "misread": " ".join(map(str, misread)),
        **asdict(outcome(found, likeness, digits.y_test, rule)),
    }


def write_card() -> None:
    """Write the model card from the record and from the table of photographs."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    write_text(CARD, card(record))
