"""Trains the small network that says whether an image shows a digit at all.

A network that has only seen digits is often sure that a letter is one, whatever is made of its
logits. So this network is shown what is no digit, as in D. Hendrycks, M. Mazeika, T. Dietterich,
Deep anomaly detection with outlier exposure (2019). It must not learn how a picture was made
instead of what it shows: it also gets digits that are drawn as the letters are, and digits of MNIST
that are no longer digits because they lie on their side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab import IMAGE_SHAPE, models
from mnist_lab.augmentation import Distortion, distorted_batches
from mnist_lab.course.experiments.drawings import LETTERS, NUMERALS, Picture, scribbles, written
from mnist_lab.course.experiments.ladder import rise_and_fall
from mnist_lab.course.experiments.training import ONE_TRAINING, start_tensorflow
from mnist_lab.pictures import PictureError, to_mnist

__all__ = ["LOOK_LIKE_DIGITS", "brought_to_form", "train_detector"]

Grey = npt.NDArray[np.uint8]

LOOK_LIKE_DIGITS = frozenset("IOSZ")  # 1, 0, 5 and 2: nobody can tell them apart
ON_THEIR_SIDE = (2, 3, 4, 5, 7)  # a 0, 1 or 8 on its side could still be one, a 6 or 9 also

HANDWRITINGS = 60
SCRIBBLES = 1200
TURNED = 8000
DIGITS = 25_000  # of MNIST
OFTEN = 10  # how often each drawing is shown in an epoch, distorted anew
EPOCHS = 6
BATCH = 128
PEAK = 0.005  # of the learning rate
DISTORTION = Distortion(affine=0.15)


def brought_to_form(pictures: Iterable[Picture]) -> tuple[Grey, int]:
    """Bring drawings to MNIST's form.

    Returns:
        uint8 of shape (n, 28, 28), and how many other drawings were refused as pictures.
    """
    seen, refused = [], 0
    for picture in pictures:
        try:
            seen.append(to_mnist(picture))
        except PictureError:
            refused += 1
    return np.asarray(seen, np.uint8).reshape(-1, *IMAGE_SHAPE), refused


def _examples(x: Grey, y: npt.NDArray[np.uint8]) -> tuple[Grey, Grey]:
    """Return what shows a digit, and what shows none."""
    hands = range(HANDWRITINGS)
    numerals = (picture for hand in hands for _, picture in written(NUMERALS[0], hand))
    letters = (
        picture
        for hand in hands
        for letter, picture in written(LETTERS[0], hand)
        if letter not in LOOK_LIKE_DIGITS
    )
    drawn, strange, scrawled = (
        np.repeat(brought_to_form(pictures)[0], OFTEN, axis=0)
        for pictures in (numerals, letters, scribbles(0, 0, SCRIBBLES))
    )
    upright, others = x[::2][:DIGITS], x[1::2][np.isin(y[1::2], ON_THEIR_SIDE)][:TURNED]
    half = len(others) // 2
    turned = np.concatenate(
        [np.rot90(others[:half], 1, (1, 2)), np.rot90(others[half:], 3, (1, 2))]
    )
    return np.concatenate([upright, drawn]), np.concatenate([turned, strange, scrawled])


def train_detector(x: Grey, y: npt.NDArray[np.uint8], seed: int = 0) -> Any:
    """Train the network in plain Keras.

    Args:
        x: digits of MNIST, uint8 of shape (n, 28, 28), none of those that judge.
        y: their labels.
        seed: of the weights, of the order of the images and of their distortions.
    """
    with ONE_TRAINING:
        start_tensorflow(1)
        import keras

        digits, others = _examples(x, y)
        images = np.concatenate([digits, others])[..., None] / np.float32(255)
        labels = np.repeat(np.array([1, 0], np.float32), [len(digits), len(others)])
        rate = rise_and_fall(PEAK, EPOCHS * math.ceil(len(images) / BATCH))
        keras.utils.set_random_seed(seed)
        model = models.detector()
        model.compile(
            keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True)
        )
        batches = distorted_batches(images, labels, BATCH, seed, DISTORTION)
        model.fit(batches, epochs=EPOCHS, verbose=0)
    return model
