"""Chooses when the shipped network refuses an answer, on images that no network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab.calibration import fit_temperature
from mnist_lab.serving.refusal import Rule, probabilities, reasons

__all__ = ["Outcome", "choose_rule", "outcome"]

Array = npt.NDArray[Any]

WRONG = 0.001  # most wrong answers for each answer
REFUSED = 0.019  # most digits without an answer: under 2 in 100, also on other images


@dataclass(frozen=True)
class Outcome:
    """What becomes of images under a rule: how many there are, get no answer, or a wrong one."""

    images: int
    refused: int
    wrong: int


def outcome(logits: Array, detector: Array, labels: Array, rule: Rule) -> Outcome:
    """Count what becomes of digits.

    Args:
        logits: floats of shape (n, 10).
        detector: floats of shape (n, 1).
        labels: integers of shape (n,).
        rule: of refusal.
    """
    sure = np.array([reason is None for reason in reasons(logits, detector, rule)], dtype=bool)
    wrong = logits.argmax(axis=1) != labels
    return Outcome(len(labels), int((~sure).sum()), int((sure & wrong).sum()))


def choose_rule(logits: Array, detector: Array, labels: Array) -> Rule:
    """Choose the limits on validation images.

    The least probability is the lowest one that, together with the detector, leaves few enough
    wrong answers. For each least probability that is tried, the detector refuses as many images as
    may still be refused, because the detector knows best what is no digit.

    Args:
        logits: of a network that was not trained on these images, floats of shape (n, 10).
        detector: floats of shape (n, 1), of a detector that was not trained on them either.
        labels: integers of shape (n,).

    Raises:
        ValueError: no limits keep wrong answers rare without refusing too many digits.
    """
    temperature = round(fit_temperature(labels, logits), 3)
    surest = probabilities(logits, temperature).max(axis=1)
    wrong = logits.argmax(axis=1) != labels
    allowed = int(REFUSED * len(labels))
    for threshold in np.sort(surest)[: allowed + 1]:
        answered = surest >= threshold
        may = allowed - int((~answered).sum())
        likeness = np.sort(detector[answered, 0])[may]
        answered &= detector[:, 0] >= likeness
        if (answered & wrong).sum() <= WRONG * answered.sum():
            return Rule(temperature, float(threshold), float(likeness))
    raise ValueError("Wrong answers are too many: train a better network.")
