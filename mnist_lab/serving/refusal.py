"""When the service does not answer: the picture shows no digit, or the network is not sure which.

Two networks look at each image. The first one, ``digits.tflite``, reads the digit. The second one,
``detector.tflite``, has seen digits and also letters, scribbles and digits lying on their side, and
says whether the image shows a digit at all. The first one cannot say so: it has never seen anything
else than digits, and is often sure that a letter is one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from mnist_lab import CLASSES

__all__ = ["RECORD", "Rule", "probabilities", "reasons", "shipped_rule"]

RECORD = Path(__file__).with_name("digits.json")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """Where the limits are. They were chosen on validation images, see the model card.

    Attributes:
        temperature: divides the logits, so that probabilities are as often right as they say.
        threshold: least probability of the digit that is answered, in 0..1.
        detector_threshold: least output of the detector.
    """

    temperature: float
    threshold: float
    detector_threshold: float


@cache
def shipped_rule() -> Rule:
    """Return the rule that belongs to the shipped networks."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    return Rule(record["temperature"], record["threshold"], record["detector_threshold"])


def probabilities(logits: npt.ArrayLike, temperature: float | None = None) -> Floats:
    """Return the softmax of logits that were divided by a temperature.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks
    (2017).

    Args:
        logits: floats of shape (n, 10).
        temperature: None for the temperature of the shipped network.

    Returns:
        float64 of shape (n, 10); each row adds up to 1.
    """
    scores = np.asarray(logits, dtype=np.float64)
    shares: Floats = softmax(
        scores / (shipped_rule().temperature if temperature is None else temperature), axis=-1
    )
    return shares


def reasons(
    logits: npt.ArrayLike, detector: npt.ArrayLike, rule: Rule | None = None
) -> list[str | None]:
    """Say of each image why it gets no answer, or None where the network is sure.

    Args:
        logits: what ``digits.tflite`` gave, floats of shape (n, 10).
        detector: what ``detector.tflite`` gave for the same images, floats of shape (n, 1) or (n,).
        rule: None for the rule of the shipped networks.

    Returns:
        One entry an image: None, or one sentence for people that ends with what to do.

    Raises:
        ValueError: the arrays have other shapes.
    """
    scores = np.asarray(logits, dtype=np.float64)
    likeness = np.asarray(detector, dtype=np.float64).reshape(-1)
    if scores.ndim != 2 or scores.shape[1] != CLASSES or len(likeness) != len(scores):
        raise ValueError(
            f"The logits have shape {scores.shape}, and the outputs of the detector have shape "
            f"{np.shape(detector)}: pass arrays of shape (n, 10) and (n, 1)."
        )
    rule = rule or shipped_rule()
    return [
        _reason(shares, like, rule)
        for shares, like in zip(probabilities(scores, rule.temperature), likeness, strict=True)
    ]


def _reason(shares: Floats, likeness: Any, rule: Rule) -> str | None:
    if not likeness >= rule.detector_threshold:  # also if it is not a number
        return "This does not look like a digit: write one digit from 0 to 9."
    second, first = np.argsort(shares, kind="stable")[-2:]
    if not shares[first] >= rule.threshold:
        either = " or ".join(
            f"an {digit}" if digit == 8 else f"a {digit}" for digit in (first, second)
        )
        return f"This could be {either}: write the digit once more, more clearly."
    return None
