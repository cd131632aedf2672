"""Ink and paper told apart: which of them is light, and how dark the ink is on the paper around it.

Shadows, desks and dark corners are wider than strokes. A morphological closing with a window wider
than strokes takes the strokes away and leaves the rest. So it shows the paper without its ink (the
black top-hat transform of Meyer 1979). It keeps the straight edge of a shadow as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

from mnist_lab.pictures._reading import Grey

__all__ = ["SMALL", "Levels", "depth", "ink_is_dark", "otsu", "rectangularity"]

Levels = npt.NDArray[np.int16]

THUMBNAIL = 64  # longest side of the small copy in which paper and ink are told apart
SMALL = 64  # longest side of a picture that shows a digit and nothing else, such as one of MNIST
WINDOW = 17 / 64  # of the longest side: wider than strokes
DARK = 64  # levels: in deeper shade than this, noise would be taken for ink


def thumbnail(grey: Grey) -> Grey:
    """Return a copy of at most 64 pixels a side, averaged down."""
    image = Image.fromarray(grey)
    return np.asarray(image.reduce(math.ceil(max(image.size) / THUMBNAIL)))


def ink_is_dark(grey: Grey) -> bool:
    """Tell whether the ink is darker than the paper."""
    small = thumbnail(grey)
    if small.size == grey.size:
        border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
        # Paper fills most of the border and most of the picture. Either alone can mislead: a digit
        # may fill its picture, a lens may darken the corners.
        return bool(border.mean() + small.mean() > int(small.min()) + int(small.max()))
    # Strokes are narrower than the paper around them, so that they differ more from the mean of
    # their neighbourhood. The edge of a shadow differs as much on either side: the third power
    # weighs both sides out. The logarithm makes a shadow of a factor a step of the same height.
    light = np.log(small + 128.0)
    difference = light - ndimage.gaussian_filter(light, THUMBNAIL / 8, mode="nearest")
    return bool((difference**3).mean() < 0) or _is_sheet_on_dark(small)


def _is_sheet_on_dark(small: Grey) -> bool:
    """Tell whether the light part is a rectangle, such as a sheet on a desk, with ink on it."""
    parts, count = ndimage.label(small > otsu(small))
    if not count:
        return False
    sheet = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    filled = ndimage.binary_fill_holes(sheet)
    rows, columns = np.nonzero(filled)
    share = sheet.sum() / filled.sum()
    return bool(filled.mean() > 0.2 and 0.6 < share < 1 and rectangularity(rows, columns) > 0.86)


def rectangularity(rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> float:
    """Return the share that these pixels fill of the smallest rectangle around them."""
    smallest = math.inf
    for angle in np.deg2rad(np.arange(0, 90, 5)):
        sine, cosine = np.sin(angle), np.cos(angle)
        sides = np.ptp(rows * cosine + columns * sine), np.ptp(columns * cosine - rows * sine)
        smallest = min(smallest, (sides[0] + sine + cosine) * (sides[1] + sine + cosine))
    return float(rows.size / smallest)


def otsu(grey: Grey) -> int:
    """Return the level that divides the pixels best into two classes (Otsu 1979)."""
    count = np.bincount(grey.ravel(), minlength=256).astype(float)
    below, moment = count.cumsum(), (count * np.arange(256)).cumsum()
    spread = below * (below[-1] - below)
    between = (moment[-1] * below / below[-1] - moment) ** 2 / np.where(spread > 0, spread, np.inf)
    return int(between.argmax())


def depth(grey: Grey, dark: bool) -> tuple[Levels, Levels, Grey]:
    """Return how far each pixel is from the paper around it towards ink, from 0 to 255.

    Twice: as it is, and after smoothing over 3 by 3 pixels, against noise; then the smoothed
    picture itself, in which ink is darker than paper.
    """
    if not dark:
        grey = ~grey  # 255 minus each: from here on, ink is darker than paper
    if max(grey.shape) <= SMALL:
        ink = int(grey.max()) - grey.astype(np.int16)
        return ink, ink, grey
    smooth = np.asarray(Image.fromarray(grey).filter(ImageFilter.BoxBlur(1)))
    window = round(max(grey.shape) * WINDOW) | 1
    paper = ndimage.grey_closing(smooth, window, mode="nearest").astype(np.int32)
    # Shade takes its share of the light from paper and ink; chalk adds the same light to any board.
    scale = np.maximum(paper, DARK) if dark else np.full_like(paper, 255)
    ink, smooth_ink = (
        ((paper - levels) * 255 // scale).astype(np.int16) for levels in (grey, smooth)
    )
    return ink, smooth_ink, smooth
