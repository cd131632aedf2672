"""The cover of the book: a heap of digits that becomes ten classes from left to right.

The digits are those of scikit-learn, which the bundled sample is made of. So no image of MNIST is
published.
"""

from __future__ import annotations

import io

import numpy as np
import seaborn as sns
from PIL import Image
from sklearn.datasets import load_digits

from mnist_lab import CLASSES

__all__ = ["cover"]

_COLUMNS, _EDGE, _MARGIN = 24, 56, 8  # digits in a row; pixels of a place, and around its digit
_PAPER = np.array([16, 26, 38], dtype=float)  # a dark blue, on which all colours can be read
_GREY = np.array([120, 132, 145], dtype=float)


def cover() -> bytes:
    """Return the cover as a PNG: ten rows of digits, sorted and coloured more and more.

    At the left, each place has any digit, in grey. At the right, row ``k`` has digits of class
    ``k`` only, in the colour of that class.
    """
    digits = load_digits()
    inks = (digits.images * 255 / 16).astype(np.uint8)  # shape (n, 8, 8), full ink 255
    random = np.random.default_rng(0)
    palette = 255 * np.array(sns.color_palette("colorblind", CLASSES))
    palette[7] = 255  # a grey there would be the grey of digits that are not sorted
    palette = palette + 0.25 * (255 - palette)  # lighter, for the dark paper
    picture = np.tile(_PAPER, (CLASSES * _EDGE, _COLUMNS * _EDGE, 1))
    size = _EDGE - 2 * _MARGIN
    for row in range(CLASSES):
        for column in range(_COLUMNS):
            share = np.clip(1.3 * column / (_COLUMNS - 1) - 0.15, 0, 1)
            is_sorted = random.random() < share
            label = row if is_sorted else int(random.integers(CLASSES))
            chosen = random.choice(np.flatnonzero(digits.target == label))
            image = Image.fromarray(inks[chosen]).resize((size, size))
            ink = np.asarray(image, dtype=float)[:, :, np.newaxis] / 255
            colour = _GREY + share * is_sorted * (palette[label] - _GREY)
            top, left = row * _EDGE + _MARGIN, column * _EDGE + _MARGIN
            place = picture[top : top + size, left : left + size]
            place += ink * (colour - place)
    stream, whole = io.BytesIO(), Image.fromarray(picture.round().astype(np.uint8))
    # 256 colours are enough for flat inks, and make the file a third of the size.
    whole.quantize(256, Image.Quantize.MAXCOVERAGE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
