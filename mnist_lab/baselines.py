"""The three baselines of lesson 1, for later lessons to stand beside their networks.

Lesson 1 shows every line of this computation; here it is in one function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mnist_lab import CLASSES

if TYPE_CHECKING:
    from mnist_lab.data import Digits

__all__ = ["baseline_accuracies"]


def baseline_accuracies(
    digits: Digits, *, subset: int = 10_000, neighbours: int = 3, seed: int = 0
) -> dict[str, float]:
    """Return the test accuracies of three simple methods that a network has to beat.

    Args:
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        subset: how many training images the neighbour search keeps; where there are fewer, all.
        neighbours: how many of the nearest images have a vote.
        seed: decides which training images the subset holds.

    Returns:
        Fractions under ``"majority class"`` (always the most frequent training label), ``"nearest
        mean"`` (the class whose mean image is nearest) and ``"k nearest neighbours"`` (the most
        frequent label of the nearest images of the subset; the lowest label wins a draw).
    """
    from scipy.spatial.distance import cdist
    from sklearn.neighbors import KNeighborsClassifier

    x_train, x_test = (
        images.reshape(len(images), -1).astype("float64")
        for images in (digits.x_train, digits.x_test)
    )
    means = np.stack([x_train[digits.y_train == digit].mean(axis=0) for digit in range(CLASSES)])
    order = np.random.default_rng(seed).permutation(len(x_train))
    kept = order[:subset]
    voters = KNeighborsClassifier(neighbours, algorithm="brute")
    answers = {
        "majority class": np.bincount(digits.y_train).argmax(),
        "nearest mean": cdist(x_test, means).argmin(axis=1),
        "k nearest neighbours": voters.fit(x_train[kept], digits.y_train[kept]).predict(x_test),
    }
    return {name: float(np.mean(answer == digits.y_test)) for name, answer in answers.items()}
