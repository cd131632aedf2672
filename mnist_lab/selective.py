"""Selective classification: answer only where the network is sure, and leave the rest to people.

A threshold on the confidence decides. *Coverage* is the share of images that are answered, *risk*
the share of errors among them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["RiskCoverage", "risk_coverage"]


class RiskCoverage(NamedTuple):
    """What each threshold costs and brings, from the highest threshold to the lowest.

    Attributes:
        threshold: answers with this confidence or more are given, float64 of shape (k,), falling.
        coverage: the share of images that are answered, above 0, the last one is 1.
        risk: the share of errors among the answers that are given.
    """

    threshold: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    risk: npt.NDArray[np.float64]


def risk_coverage(right: npt.ArrayLike, confidence: npt.ArrayLike) -> RiskCoverage:
    """Return risk and coverage at every threshold that makes a difference.

    Equal confidences stand or fall together, because no threshold can part them. In float32 many
    probabilities round to exactly 1, so take logits where the order of the surest answers matters.

    Source: R. El-Yaniv, Y. Wiener, On the foundations of noise-free selective classification,
    Journal of Machine Learning Research 11 (2010).

    Args:
        right: whether each answer is right, booleans of shape (n,).
        confidence: how sure the network is of each answer, floats of shape (n,).

    Raises:
        ValueError: there are no answers, or the shapes or the types do not fit.
    """
    correct, sure = np.asarray(right), np.asarray(confidence, dtype=float)
    if correct.dtype != np.bool_ or correct.ndim != 1 or not correct.size:
        raise ValueError(
            f"right has shape {correct.shape} and dtype {correct.dtype}: pass True or False for "
            "each answer."
        )
    if sure.shape != correct.shape or np.isnan(sure).any():
        raise ValueError(
            f"confidence has shape {sure.shape} for {correct.size} answers: pass one number for "
            "each answer."
        )
    order = np.argsort(-sure, kind="stable")
    sorted_sure, errors = sure[order], np.cumsum(~correct[order])
    last_of_equals = np.append(sorted_sure[1:] != sorted_sure[:-1], True)
    answered = np.arange(1, correct.size + 1)
    return RiskCoverage(
        threshold=sorted_sure[last_of_equals],
        coverage=(answered / correct.size)[last_of_equals],
        risk=(errors / answered)[last_of_equals],
    )
