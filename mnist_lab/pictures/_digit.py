"""The one digit of a picture, cut out; or a sentence that says what disturbs and what to do.

Ink is divided into connected parts. What touches the border of the picture, or is a frame around
the rest, is no part of the digit. The parts that remain must be near each other and have the shape
of one digit. The bounds were set on MNIST's 70,000 digits, nearly all of which pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mnist_lab.pictures._lines import line_width, without_lines
from mnist_lab.pictures._paper import SMALL, Levels, depth, ink_is_dark, otsu, rectangularity
from mnist_lab.pictures._reading import BLANK, Grey, PictureError

__all__ = ["cut_out"]

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Box = tuple[slice, slice]

EIGHT = np.ones((3, 3), bool)  # pixels that touch by a corner are connected
MIN_CONTRAST = 32  # levels of 255 between ink and paper
SPECK = 32  # a part with this many times less ink than the heaviest part is dropped
FIELD = 28  # pixels a side of an image of MNIST
MARK = 5  # a part this many times smaller than another is no digit beside it
MOST_PIECES = 60  # of a pen line that breaks often; a page of text has more
MOST_PARTS = 5  # of one digit, when pieces near each other are joined

BORDER = "The border of the picture is dark on one side: cut out the paper with the digit."
LINES = "Lines run through the digit: write it on plain paper, or with a thicker pen."
FRAME = "A frame or a ring is in the picture: cut out the digit alone."
PATCH = "A shadow or a stain is on the paper: take the digit on clean paper in even light."
SEVERAL = "Two digits or more are in the picture: send one at a time."
MARKS = "Other marks are beside the digit: send one digit with nothing beside it."


def cut_out(grey: Grey) -> Grey:
    """Return the digit alone, cut out: ink light, everything else 0.

    Raises:
        PictureError: no digit, or something that disturbs; the first reason that was found.
    """
    ink, smooth, light = depth(grey, ink_is_dark(grey))
    scale = _scale(ink)
    ink, smooth = ink - scale.paper, smooth - scale.paper
    small = max(grey.shape) <= SMALL
    reason = ""
    # Dark lines go by their shape; faint lines, rings and stains go by a higher threshold.
    attempts = ((0.3, False), (0.3, True), (0.5, True), (0.65, True))
    for share, erase_lines in attempts[: 1 if small else None]:
        full = smooth > max(scale.contrast * share, 6 * scale.noise)
        mask = without_lines(full) if erase_lines else full
        try:
            kept = _parts_of_digit(mask, smooth, small)
            if not small or max(np.ptp(axis) for axis in np.nonzero(kept)) >= FIELD:
                _check_shape(kept, smooth)
            if not small:
                _check_edges(kept, smooth, light)
                if erase_lines and _stroke(kept) < 1.5 * line_width(mask):
                    raise PictureError(LINES)  # strokes as thin as lines may have gone with them
            return _with_soft_edges(ink, full, kept)
        except PictureError as error:
            reason = reason or str(error)
    raise PictureError(reason)


class Scale(NamedTuple):
    """Levels of a picture: of its paper, of the noise on it, and of full ink above it."""

    paper: int
    noise: int
    contrast: int


def _scale(ink: Levels) -> Scale:
    levels = np.sort(ink, axis=None, kind="stable")
    full = int(levels[-1 - min(20, levels.size // 2000)])  # a few stray pixels do not count
    blank = levels[: max(1, np.searchsorted(levels, full / 2))]
    middle = int(blank[blank.size // 2])
    noise = int(np.sort(np.abs(blank - middle))[blank.size // 2])  # median absolute deviation
    contrast = full - middle
    if contrast < max(MIN_CONTRAST, 12 * noise):
        raise PictureError(BLANK)
    return Scale(middle, noise, contrast)


@dataclass(frozen=True)
class Part:
    """A connected part of the ink: its label, its ink, its place, the borders that it touches."""

    label: int
    mass: float
    box: Box
    sides: tuple[float, float, float, float]  # shares of the upper, lower, left and right border

    @property
    def size(self) -> tuple[int, int]:
        rows, columns = self.box
        return rows.stop - rows.start, columns.stop - columns.start

    @property
    def length(self) -> int:
        return max(self.size)

    @property
    def spans(self) -> bool:
        """Tell whether it reaches from one border to the opposite one."""
        upper, lower, left, right = self.sides
        return min(upper, lower) > 0 or min(left, right) > 0


def _parts(labels: Labels, ink: Levels) -> list[Part]:
    """Return the connected parts, the heaviest first."""
    count = int(labels.max())
    mass = np.bincount(labels.ravel(), ink.ravel(), count + 1)
    edge = 1 + max(labels.shape) // 256
    borders = (labels[:edge], labels[-edge:], labels[:, :edge].T, labels[:, -edge:].T)
    lines = [border.max(axis=0) for border in borders]
    shares = np.stack([np.bincount(line, minlength=count + 1) / line.size for line in lines])
    parts = [
        Part(label, float(mass[label]), box, tuple(shares[:, label].tolist()))
        for label, box in enumerate(ndimage.find_objects(labels), 1)
        if box  # a label can be missing
    ]
    return sorted(parts, key=lambda part: -part.mass)


def _parts_of_digit(mask: Mask, ink: Levels, small: bool) -> Mask:
    """Return the pixels of the parts that make one digit; refuse all else that is no speck."""
    labels: Labels = ndimage.label(mask, EIGHT)[0]
    parts = _parts(labels, ink)
    aside: list[tuple[Part, str, int]] = []  # the part, its name, how near is too near
    if not small:
        heavy = [part for part in parts if part.mass * SPECK >= parts[0].mass]
        outer = [part for part in heavy if any(part.sides)]
        tight = len(heavy) == 1 and (
            all(0 < side < 0.75 for side in heavy[0].sides) or _ends_at_a_border(heavy[0], labels)
        )
        if outer and not tight:
            aside += [(part, BORDER, 3 if part.spans else 10) for part in outer]
            parts = [part for part in parts if not any(part.sides)]
        if parts and parts[0].length * 64 < max(mask.shape):
            parts = []  # nothing but dust
        parts = [part for part in parts if part.mass * SPECK >= parts[0].mass]
        for frame in _frames(parts, labels):
            aside.append((frame, FRAME, 10))
            parts.remove(frame)
    parts = [part for part in parts if part.mass * SPECK >= parts[0].mass]
    if not parts:
        raise PictureError(aside[0][1] if aside else BLANK)
    _check_together(parts, labels, small)
    kept: Mask = np.isin(labels, [part.label for part in parts])
    length = max(np.ptp(axis) + 1 for axis in np.nonzero(kept))
    for part, reason, share in aside:
        near = ndimage.maximum_filter(kept, 2 * (length // share) + 1)
        if (labels[near] == part.label).any():
            raise PictureError(reason)
    return kept


def _ends_at_a_border(part: Part, labels: Labels) -> bool:
    """Tell whether a part touches one border with the end of a thin stroke, as a cut digit does.

    A finger or an edge of a desk touches it with all of its width, and is wide for its length.
    """
    if np.count_nonzero(part.sides) != 1:
        return False
    height, width = labels.shape
    touched = max(np.multiply(part.sides, (width, width, height, height)))
    stroke = _stroke(labels == part.label)
    return bool(touched <= 2 * stroke and 4 * stroke <= part.length)


def _frames(parts: list[Part], labels: Labels) -> list[Part]:
    """Return the parts that others lie in, others that are no specks beside them."""
    frames = []
    for frame in parts:
        inside = [
            part
            for part in parts
            if part.length * 4 >= frame.length and _within(part.box, frame.box)
        ]
        if inside:
            field = labels[frame.box]
            filled = ndimage.binary_fill_holes(field == frame.label)
            if any(filled[field == part.label].all() for part in inside):
                frames.append(frame)
    return frames


def _within(box: Box, frame: Box) -> bool:
    sides = zip(box, frame, strict=True)
    return all(outer.start < inner.start and inner.stop < outer.stop for inner, outer in sides)


def _check_together(parts: list[Part], labels: Labels, small: bool) -> None:
    """Refuse parts that are too many or too far from each other for one digit."""
    if len(parts) == 1:
        return
    if len(parts) > MOST_PIECES:
        raise PictureError(MARKS)
    chosen = np.where(np.isin(labels, [part.label for part in parts]), labels, 0)
    field = _reduced(chosen[_cut(chosen > 0)], 256)
    height, width = field.shape
    total = np.count_nonzero(field)
    for part in parts[1:]:
        upper, lower = sorted((parts[0], part), key=lambda part: part.box[0].start)
        bar = lower.size[0] * 3 < lower.size[1] and lower.size[1] * 2 > upper.size[1]
        if bar and len(parts) == 2 and _beside(upper, lower, 0):
            raise PictureError(MARKS)
    # A pen that lifts where strokes cross may leave a dot between two gaps.
    near = _joined(field, round(0.035 * height))
    for main, other, gap in _neighbours(field):
        low = min(main.size[0], other.size[0])
        # Parts of one digit, such as an open 4, are as tall as each other at times. Then they are
        # close, or narrow together, or other parts join them.
        whole = main.mass + other.mass > 0.8 * total
        side_by_side = _beside(main, other, 1) and low > 0.55 * height
        if side_by_side and (width >= height or (whole and gap > 0.1 * height)):
            raise PictureError(SEVERAL)
        stacked = _beside(main, other, 0) and low > 0.38 * height > 0.65 * width
        linked = near[field == main.label][0] == near[field == other.label][0]
        if stacked and gap > 0.07 * height and not linked:
            raise PictureError(SEVERAL)
    # Broken strokes have gaps: parts across a gap of less than a sixth belong together.
    groups = _joined(field, max(field.shape) // 12)
    if groups.max() > MOST_PARTS:
        raise PictureError(MARKS)
    for main, other, gap in _neighbours(groups):
        tall = min(main.size[0], other.size[0]) > 0.38 * height
        if gap > (0.12 if tall else 0.5) * max(field.shape) and (tall or not small):
            raise PictureError(SEVERAL)


def _joined(labels: Labels, radius: int) -> Labels:
    """Return the parts with one label for those that are no more than twice the radius apart."""
    joined = ndimage.label(ndimage.maximum_filter(labels > 0, 2 * radius + 1), EIGHT)[0]
    return np.where(labels > 0, joined, 0)


def _beside(one: Part, other: Part, axis: int) -> bool:
    """Tell whether one part begins where the other ends, or later, along this axis."""
    a, b = one.box[axis], other.box[axis]
    return bool(max(a.start, b.start) >= min(a.stop, b.stop))


def _neighbours(labels: Labels) -> Iterator[tuple[Part, Part, float]]:
    """Yield the largest part, each other that is no mere mark, and the pixels between both."""
    main, *others = _parts(labels, (labels > 0).astype(np.int16))
    distance = ndimage.distance_transform_edt(labels != main.label)
    for other in others:
        if other.mass * MARK > main.mass:
            yield main, other, float(distance[labels == other.label].min() - 1)


def _reduced(field: Labels, longest: int) -> Labels:
    """Return a smaller copy that keeps the largest label of each square."""
    step = -(-max(field.shape) // longest)
    if step == 1:
        return field
    padded = np.pad(field, [(0, -side % step) for side in field.shape])
    height, width = (side // step for side in padded.shape)
    squares: Labels = padded.reshape(height, step, width, step).max(axis=(1, 3))
    return squares


def _cut(kept: Mask) -> Box:
    box: Box = ndimage.find_objects(kept.astype(np.uint8))[0]
    return box


def _stroke(kept: Mask) -> float:
    """Return the width of the strokes in pixels: twice the median distance from ridge to edge."""
    cut = np.pad(kept[_cut(kept)], 1)
    distance = ndimage.distance_transform_edt(cut)
    ridge = distance[(distance == ndimage.maximum_filter(distance, 3)) & cut]
    return 2 * float(np.median(ridge))


def _check_edges(kept: Mask, ink: Levels, light: Grey) -> None:
    """Refuse ink that lies on something as dark as itself: the end of a finger, a strip of desk."""
    rim = ndimage.maximum_filter(kept, 9) & ~ndimage.maximum_filter(kept, 3)
    dark = light[rim] <= np.median(light[kept])
    faint = ink[rim] < np.median(ink[kept]) // 4
    if np.mean(dark & faint) > 0.12:
        raise PictureError(BORDER)


def _check_shape(kept: Mask, ink: Levels) -> None:
    """Refuse what no digit looks like: patches, frames, rings, patterns, ink of two darknesses."""
    box = _cut(kept)
    cut = np.pad(_reduced(kept[box].astype(np.int32), 160) > 0, 1)
    distance = ndimage.distance_transform_edt(cut)
    length = max(cut.shape) - 2
    width = 2 * distance.max() / length
    filled = ndimage.binary_fill_holes(cut)
    holes = np.bincount(ndimage.label(filled & ~cut)[0].ravel())[1:]
    if (holes > 0.008 * cut.size).sum() > 3 or (holes > 0.001 * cut.size).sum() > 8:
        raise PictureError(LINES)
    straight = rectangularity(*np.nonzero(filled))
    if width > 0.65 or (width > 0.33 and straight > 0.965):
        raise PictureError(PATCH)
    if holes.size and holes.max() > 0.5 * filled.sum():
        rows, columns = np.nonzero(filled & ~ndimage.binary_erosion(filled))
        radius = np.hypot(rows - rows.mean(), columns - columns.mean())
        if straight > 0.9 or radius.std() < 0.03 * radius.mean():
            raise PictureError(FRAME)
    core = ndimage.binary_erosion(kept[box], EIGHT, max(1, length // 80))
    if _of_two_levels(ink[box][core].clip(0, 255).astype(np.uint8)):
        raise PictureError(PATCH)


def _of_two_levels(levels: Grey) -> bool:
    """Tell whether this ink is of two clearly different darknesses, such as a digit on a stain."""
    if levels.size < 50:
        return False
    bound = otsu(levels)
    faint, full = levels[levels <= bound], levels[levels > bound]
    share = faint.size / levels.size
    if not 0.05 < share < 1:
        return False
    between = share * (1 - share) * (full.mean() - faint.mean()) ** 2
    return bool(between > 0.88 * levels.var() and faint.mean() < 0.62 * full.mean())


def _with_soft_edges(ink: Levels, mask: Mask, kept: Mask) -> Grey:
    """Return the levels of the digit and of the soft edges of its strokes, cut out."""
    others = mask & ~kept
    scale = _scale(np.where(others, 0, ink))
    faint = ink > max(scale.contrast // 16, 6 * scale.noise)
    labels = ndimage.label(faint, EIGHT)[0]
    joined = faint & np.isin(labels, np.unique(labels[kept & faint]))
    length = max(np.ptp(axis) + 1 for axis in np.nonzero(kept))
    if (joined & ~ndimage.maximum_filter(kept, 2 * (length // 7) + 1)).any():
        joined &= ndimage.maximum_filter(kept, 5)  # faint ink that leads away is none of the digit
    ink = np.where(joined & (kept | ~ndimage.maximum_filter(others, 3)), ink, 0)
    rows, columns = np.nonzero(ink > scale.contrast // 4)  # the rim would grow by every resampling
    digit: Grey = ink.clip(0, 255).astype(np.uint8)
    return digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
