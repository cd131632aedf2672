"""The two shipped networks, asked as the service asks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab.course.experiments.export import load, logits
from mnist_lab.serving.network import DETECTOR, DIGITS
from mnist_lab.serving.refusal import Rule, reasons

__all__ = ["DETECTOR", "DIGITS", "answers", "scaled"]

Array = npt.NDArray[Any]


def scaled(images: Array) -> Array:
    """Return what both networks take: float32 of shape (n, 28, 28, 1), in 0..1.

    Args:
        images: uint8 of shape (n, 28, 28), ink 255.
    """
    return images[..., None] / np.float32(255)


def answers(images: Array, rule: Rule | None = None) -> tuple[Array, list[str | None]]:
    """Read images.

    Args:
        images: uint8 of shape (n, 28, 28), ink 255.
        rule: of refusal; None for the shipped one.

    Returns:
        The digits, int64 of shape (n,), and for each image None or why it would get no answer.
    """
    if not len(images):
        return np.empty(0, np.int64), []
    found, likeness = (logits(load(path), scaled(images)) for path in (DIGITS, DETECTOR))
    return found.argmax(axis=1), reasons(found, likeness, rule)
