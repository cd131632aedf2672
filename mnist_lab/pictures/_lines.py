"""Printed lines of the paper: rules, squares and margins, found and taken away.

A line is thin, nearly straight and reaches from one side of the picture to the other. Lines are
found one by one in a Hough transform of the thin parts, nearly level lines first. Across a line,
ink that is thicker than the line is a stroke and stays, as when staff lines are taken from music
(Dalitz, Droettboom, Pranzas and Fujinaga 2008).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["line_width", "without_lines"]

Mask = npt.NDArray[np.bool_]

SLOPES = np.linspace(-0.27, 0.27, 109)  # 15 degrees to either side
MOST_LINES = 80  # in either direction
MOST_POINTS = 8_000  # that vote for lines


def line_width(mask: Mask) -> int:
    """Return how many pixels wide a line is at most."""
    return max(3, int(max(mask.shape)) // 80)


def without_lines(mask: Mask) -> Mask:
    """Return the ink without its lines, or the same ink if there are none."""
    thickness = line_width(mask)
    for turn in (False, True):
        turned = mask.T if turn else mask
        cleared = _without_level_lines(turned, thickness)
        mask = cleared.T if turn else cleared
    return mask


def _without_level_lines(mask: Mask, thickness: int) -> Mask:
    thick = ndimage.grey_opening(mask.astype(np.uint8), (thickness + 1, 1)).astype(bool)
    thin = mask & ~thick
    height, width = mask.shape
    rows, columns = np.nonzero(thin)
    step = max(1, rows.size // MOST_POINTS)
    part_rows, part_columns = rows[::step], columns[::step]
    grain = max(1, thickness // 2)  # rows that a cell of the transform covers
    lines: Mask = np.zeros_like(mask)
    margin = int(SLOPES[-1] * width) + 1
    cells = (height + 2 * margin) // grain + 1

    def votes(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        crossing = (rows - np.outer(SLOPES, columns)).astype(int) + margin
        place = crossing // grain + cells * np.arange(SLOPES.size)[:, None]
        return np.bincount(place.ravel(), minlength=cells * SLOPES.size)

    transform = votes(part_rows, part_columns)
    for _ in range(MOST_LINES):
        best = int(transform.argmax())
        if transform[best] * step < 0.2 * width:
            break
        slope, start = SLOPES[best // cells], best % cells * grain - margin
        off = part_rows - slope * part_columns - start
        near = (off > -thickness) & (off < grain + thickness)
        transform -= votes(part_rows[near], part_columns[near])
        off = rows - slope * columns - start
        on = (off > -thickness) & (off < grain + thickness)
        seen = np.bincount(columns[on] * 64 // width, minlength=64) > 0
        if seen.mean() > 0.35 and seen[:4].any() and seen[-4:].any():
            lines[rows[on], columns[on]] = True
        part_rows, part_columns = part_rows[~near], part_columns[~near]
    kept = mask & ~lines
    # A stroke across a line loses its part on the line: it is there above and below.
    closed = ndimage.grey_closing(kept.astype(np.uint8), (2 * thickness + 3, 1)).astype(bool)
    cleared: Mask = kept | (closed & lines)
    return cleared
