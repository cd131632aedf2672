"""Does a network know how sure it is: reliability, calibration error, temperature scaling.

The *confidence* of an answer is the largest of its probabilities. A network is calibrated if, of
all answers with a confidence near 0.9, about 90 % are right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Reliability", "expected_calibration_error", "fit_temperature", "reliability"]

Floats = npt.NDArray[np.float64]


class Reliability(NamedTuple):
    """Answers by their confidence, one entry for each bin, all of shape (bins,).

    Attributes:
        edges: lower ends of the bins. A bin ends where the next one begins, the last one at 1.
        counts: answers in the bin.
        confidence: their mean confidence; nan in an empty bin.
        accuracy: the share of them that is right; nan in an empty bin.
    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    confidence: Floats
    accuracy: Floats


def reliability(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = 10) -> Reliability:
    """Sort answers into bins of equal width by their confidence, and count how many are right.

    A bin holds its lower end, and the last one holds 1 as well.

    Args:
        labels: the right classes, integers of shape (n,).
        probabilities: floats of shape (n, classes), each row adds up to 1.
        bins: how many bins the range from 0 to 1 has, at least 1.

    Raises:
        ValueError: labels and probabilities do not fit, or there are no bins.
    """
    right, confidence = _answers(labels, probabilities)
    if bins < 1:
        raise ValueError(f"{bins} bins hold no answer: pass at least 1.")
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        return Reliability(
            edges=np.arange(bins) / bins,
            counts=counts,
            confidence=np.bincount(place, confidence, bins) / counts,
            accuracy=np.bincount(place, right, bins) / counts,
        )


def expected_calibration_error(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = 10
) -> float:
    """Return by how much confidence and accuracy differ, averaged over all answers.

    Each bin of :func:`reliability` counts with the number of its answers. A network that is right
    as often as its confidences say has 0; the worst possible is 1. With few answers it is above 0
    by chance, also for a calibrated network.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks
    (2017).

    Args:
        labels: the right classes, integers of shape (n,).
        probabilities: floats of shape (n, classes), each row adds up to 1.
        bins: how many bins the range from 0 to 1 has.

    Raises:
        ValueError: as :func:`reliability`.
    """
    found = reliability(labels, probabilities, bins)
    filled = found.counts > 0
    gaps = np.abs(found.confidence - found.accuracy)[filled]
    return float(np.average(gaps, weights=found.counts[filled]))


def fit_temperature(labels: npt.ArrayLike, logits: npt.ArrayLike) -> float:
    """Return the temperature that gives the labels the lowest mean negative log-likelihood.

    Temperature scaling divides all logits by one number before the softmax. Above 1 the network
    becomes less sure, below 1 more sure. Its answers stay the same. Fit it on validation images,
    which the network did not learn from, and never on the test images.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks
    (2017).

    Args:
        labels: the right classes of validation images, integers of shape (n,).
        logits: what the network gave for them, floats of shape (n, classes).

    Returns:
        The temperature, from 0.01 to 100.

    Raises:
        ValueError: labels and logits do not fit, or no logits are wrong: then the likelihood grows
            without end as the temperature falls.

    Taught in: 08_interpretation
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    scores = np.asarray(logits, dtype=float)
    right, _ = _answers(labels, scores, are_logits=True)
    if right.all():
        raise ValueError(
            "The network reads all of these images, so no temperature is the best one: pass more "
            "validation images."
        )
    rows, classes = np.arange(len(scores)), np.asarray(labels)

    def loss(logarithm: float) -> float:
        """Mean negative log-likelihood; the logarithm keeps the temperature positive."""
        return -float(log_softmax(scores / np.exp(logarithm), axis=1)[rows, classes].mean())

    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded")
    return float(np.exp(found.x))


def _answers(
    labels: npt.ArrayLike, outputs: npt.ArrayLike, are_logits: bool = False
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return for each answer whether it is right, and its largest output."""
    classes, scores = np.asarray(labels), np.asarray(outputs, dtype=float)
    if scores.ndim != 2 or not len(scores) or classes.shape != (len(scores),):
        raise ValueError(
            f"labels has shape {classes.shape} and the outputs {scores.shape}: pass one label and "
            "one row of outputs for each image."
        )
    if (
        not np.issubdtype(classes.dtype, np.integer)
        or not np.isin(classes, range(scores.shape[1])).all()
    ):
        raise ValueError(f"A label is no class: pass integers from 0 to {scores.shape[1] - 1}.")
    if not np.isfinite(scores).all():
        raise ValueError("An output is not finite: pass the outputs of a network that learned.")
    if not are_logits and ((scores < 0).any() or (np.abs(scores.sum(axis=1) - 1) > 1e-3).any()):
        raise ValueError(
            "The rows are no probabilities, because they do not add up to 1: apply a softmax to "
            "logits first."
        )
    return scores.argmax(axis=1) == classes, scores.max(axis=1)
