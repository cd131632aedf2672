"""Simulated photographs of handwritten digits: a page of one of many kinds, each with one fault.

A digit of MNIST is drawn large on a page, as a person would write and photograph it. What is random
about a page comes from the generator that the caller passes.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

__all__ = ["KINDS", "PLAIN", "photograph"]

Levels = npt.NDArray[np.float64]  # 0 black to 255 white
Ink = npt.NDArray[np.float64]  # 0 paper to 1 ink
Random = np.random.Generator
Grey = npt.NDArray[np.uint8]

SIDE, PAGE = 500, 900  # pixels of the digit's field and of the page around it, as they are drawn
CAMERA = 450  # pixels of a photograph, across and down
NOISE = 2.0  # of the camera, in levels
_ROWS, _COLUMNS = np.mgrid[0:PAGE, 0:PAGE]


def _strokes(image: Grey) -> Ink:
    """Return a digit in MNIST's form as large, smooth strokes."""
    large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.clip((np.asarray(large, float) / 255 - 0.35) / 0.3, 0, 1)


def _thinned(ink: Ink, width: int, slope: float) -> Ink:
    """Return the strokes of a thin pen along the middle of thick ones.

    Args:
        ink: thick strokes.
        width: of the thin ones, in pixels.
        slope: how much deeper inside of the stroke a neighbour may lie. At 0.6, lines are whole. At
            0.01, they break wherever the thick stroke becomes wider or narrower.
    """
    inside = ink > 0.5
    depth = ndimage.distance_transform_edt(inside)
    ridge = inside & (depth >= ndimage.maximum_filter(depth, 3) - slope) & (depth > 1)
    ridge = ndimage.binary_dilation(ridge, iterations=max(1, width // 2))
    smooth: Ink = ndimage.gaussian_filter(ridge.astype(float), 0.7).clip(0, 1)
    return smooth


def _sheet(paper: float = 225, light: float = 0.0) -> Levels:
    """Return empty paper that is darker towards the right and below."""
    if not light:
        return np.full((PAGE, PAGE), float(paper))
    shaded: Levels = paper * (1 - light * (_COLUMNS * 0.6 + _ROWS * 0.4) / PAGE)
    return shaded


def _write(paper: Levels, ink: Ink, level: float = 50) -> Levels:
    start = (PAGE - SIDE) // 2
    field = paper[start : start + SIDE, start : start + SIDE]
    field += (level - field) * ink
    return paper


def _ruled(paper: Levels, pitch: int, depth: float, squared: bool = False) -> Levels:
    for place in range(pitch // 2, PAGE, pitch):
        paper[place : place + 3] -= depth
        if squared:
            paper[:, place : place + 3] -= depth
    return paper


def _shadow_hard(ink: Ink) -> Levels:
    levels = _write(_sheet(), ink)
    levels[:, : PAGE // 2] *= 0.6
    return levels


def _shadow_diagonal(ink: Ink) -> Levels:
    levels = _write(_sheet(), ink, 40)
    shaded: Levels = ndimage.gaussian_filter(
        levels * np.where(_ROWS + 0.6 * _COLUMNS < 700, 0.55, 1), 2
    )
    return shaded


def _margin_line(ink: Ink) -> Levels:
    levels = _sheet()
    levels[:, 90:94] -= 90
    return _write(levels, ink)


def _box_around(ink: Ink) -> Levels:
    levels = _write(_sheet(), ink)
    for low, high in ((100, 103), (797, 800)):
        levels[low:high, 100:800] = levels[100:800, low:high] = 60
    return levels


def _desk_at_one_side(ink: Ink) -> Levels:
    levels = _write(_sheet(), ink)
    levels[:, :120] = 60
    return levels


def _finger_in_corner(ink: Ink) -> Levels:
    levels = _write(_sheet(), ink)
    levels[(_ROWS - PAGE) ** 2 + (_COLUMNS - PAGE) ** 2 < 220**2] = 110
    return levels


PLAIN: tuple[str, ...] = ("clean", "shadow, soft", "ruled, light", "pencil", "ballpoint")
"""Kinds that people are asked for, and that must be read nearly as well as MNIST itself."""

KINDS: dict[str, Callable[[Ink], Levels]] = {
    "clean": lambda ink: _write(_sheet(), ink),
    "shadow, soft": lambda ink: _write(_sheet(light=0.6), ink, 30),
    "ruled, light": lambda ink: _write(_ruled(_sheet(), 110, 25), ink),
    "pencil": lambda ink: _write(_sheet(), ink, 150),
    "ballpoint": lambda ink: _write(_sheet(), _thinned(ink, 8, 0.6), 60),
    "ballpoint that skips": lambda ink: _write(_sheet(), _thinned(ink, 8, 0.01), 60),
    "shadow, hard": _shadow_hard,
    "shadow, diagonal": _shadow_diagonal,
    "squared, light": lambda ink: _write(_ruled(_sheet(), 70, 25, squared=True), ink),
    "squared, dark": lambda ink: _write(_ruled(_sheet(), 70, 60, squared=True), ink),
    "margin line": _margin_line,
    "box around": _box_around,
    "desk at one side": _desk_at_one_side,
    "finger in corner": _finger_in_corner,
    "blackboard": lambda ink: _write(_sheet(paper=45), 0.8 * ink, 220),
    "jpeg, quality 10": lambda ink: _write(_sheet(), ink),
}
"""Kinds of page, each a function of large strokes."""


def photograph(image: Grey, kind: str, rng: Random) -> Grey | bytes:
    """Draw a digit large on a page and photograph it.

    Args:
        image: uint8 of shape (28, 28), ink 255.
        kind: one of :data:`KINDS`.
        rng: for the noise of the camera.

    Returns:
        uint8 of shape (450, 450), or a JPEG file where the kind says so.
    """
    page = Image.fromarray(KINDS[kind](_strokes(image)).astype(np.float32))
    seen = np.asarray(page.resize((CAMERA, CAMERA), Image.Resampling.BOX))
    levels = np.clip(seen + rng.normal(0, NOISE, seen.shape), 0, 255).astype(np.uint8)
    if kind != "jpeg, quality 10":
        return levels
    file = io.BytesIO()
    Image.fromarray(levels).resize((300, 300)).save(file, "JPEG", quality=10)
    return file.getvalue()
