"""The cover of the book: a heap of digits that becomes ten classes from left to right.

The digits are those of the bundled sample, so no image of MNIST is published.
"""

from __future__ import annotations

import io

import numpy as np
import seaborn as sns
from PIL import Image

from mnist_lab import CLASSES
from mnist_lab.data import Digits

__all__ = ["cover"]

_COLUMNS, _EDGE = 24, 56  # digits in a row; pixels of one digit
_PAPER = np.array([16, 26, 38], dtype=float)  # a dark blue, on which all colours can be read
_GREY = np.array([120, 132, 145], dtype=float)


def cover(digits: Digits) -> bytes:
    """Return the cover as a PNG: ten rows of digits, sorted and coloured more and more.

    At the left, each place has any digit, in grey. At the right, row ``k`` has digits of class
    ``k`` only, in the colour of that class.

    Args:
        digits: images to draw; every class must be there.
    """
    random = np.random.default_rng(0)
    palette = 255 * np.array(sns.color_palette("colorblind", CLASSES))
    palette[7] = 255  # a grey there would be the grey of digits that are not sorted
    palette = palette + 0.25 * (255 - palette)  # lighter, for the dark paper
    picture = np.tile(_PAPER, (CLASSES * _EDGE, _COLUMNS * _EDGE, 1))
    for row in range(CLASSES):
        for column in range(_COLUMNS):
            share = np.clip(1.3 * column / (_COLUMNS - 1) - 0.15, 0, 1)
            is_sorted = random.random() < share
            label = row if is_sorted else int(random.integers(CLASSES))
            chosen = random.choice(np.flatnonzero(digits.y_train == label))
            image = Image.fromarray(digits.x_train[chosen]).resize(
                (_EDGE, _EDGE), Image.Resampling.LANCZOS
            )
            ink = np.asarray(image, dtype=float)[:, :, np.newaxis] / 255
            colour = _GREY + share * is_sorted * (palette[label] - _GREY)
            top, left = row * _EDGE, column * _EDGE
            place = picture[top : top + _EDGE, left : left + _EDGE]
            place += ink * (colour - place)
    stream = io.BytesIO()
    # 128 colours are enough for flat inks, and make the file a third of the size.
    reduced = Image.fromarray(picture.round().astype(np.uint8)).quantize(128)
    reduced.save(stream, "PNG", optimize=True)
    return stream.getvalue()
