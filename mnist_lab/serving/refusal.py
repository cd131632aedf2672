"""When the network does not answer: the rule that tells sure answers from unsure ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from mnist_lab import CLASSES

__all__ = ["RECORD", "reasons"]

RECORD = Path(__file__).with_name("digits.json")


def reasons(logits: npt.ArrayLike) -> list[str | None]:
    """Say of each image why the network does not answer, or None where it is sure.

    Args:
        logits: what the shipped network gave, floats of shape (n, 10).

    Returns:
        One entry an image: None, or one sentence for people that ends with what to do.

    Raises:
        ValueError: the logits have another shape.
    """
    scores = np.asarray(logits, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] != CLASSES:
        raise ValueError(f"The logits have shape {scores.shape}: pass an array of shape (n, 10).")
    rule = json.loads(RECORD.read_text(encoding="utf-8"))
    shares = softmax(scores / rule["temperature"], axis=1)
    best, second = np.argsort(-shares, axis=1)[:, :2].T
    return [
        None
        if share[first] >= rule["threshold"]
        else f"This could be a {first} or a {other}: write it once more, more clearly."
        for share, first, other in zip(shares, best, second, strict=True)
    ]
