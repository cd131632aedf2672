"""The one digit of a picture, cut out of what else is there; or a sentence that says what disturbs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mnist_lab.pictures._lines import without_lines
from mnist_lab.pictures._paper import THUMBNAIL, depth, ink_is_dark
from mnist_lab.pictures._reading import Grey, PictureError

__all__ = ["cut_out"]

Mask = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int16]

MIN_CONTRAST = 32  # levels of 255 between ink and paper
BLANK = "No ink stands out: pass one digit, written clearly on plain paper."
BORDER = (
    "The border of the picture is dark on one side: cut out the paper, so that only paper is "
    "around the digit."
)
LINES = "Lines or patterns run through the picture: write the digit on plain paper."
FRAME = "A frame is in the picture, but no digit in it: pass one digit on plain paper."
PATCH = "A shadow or a dark patch is in the picture: take the digit on plain paper in even light."
SEVERAL = "Two digits or more: send one at a time."
MARKS = "Other marks are beside the digit: send one digit on plain paper, with nothing beside it."


def cut_out(grey: Grey) -> Grey:
    """Return the digit alone, cut out: ink light, everything else 0."""
    ink, smooth = depth(grey, ink_is_dark(grey))
    blank = levels_of(ink)
    ink = ink - blank.paper
    smooth = smooth - blank.paper
    small = max(grey.shape) <= THUMBNAIL
    refusal = None
    for share, lines in ((0.3, False), (0.3, True), (0.5, True)):
        mask = smooth > max(blank.contrast * share, 6 * blank.noise)
        if lines:
            mask = without_lines(mask)
        try:
            kept = one_digit(mask, smooth, small)
        except PictureError as error:
            refusal = refusal or error
            continue
        return finish(ink, kept, mask)
    raise refusal


@dataclass(frozen=True)
class Scale:
    paper: int
    noise: int
    contrast: int


def levels_of(ink: Levels) -> Scale:
    levels = np.sort(ink, axis=None, kind="stable")
    full = int(levels[-1 - min(20, levels.size // 2000)])  # a few stray pixels do not count
    blank = levels[: max(1, np.searchsorted(levels, full / 2))]
    middle = blank[blank.size // 2]
    noise = int(np.sort(np.abs(blank - middle))[blank.size // 2])  # median absolute deviation
    contrast = full - int(middle)
    if contrast < max(MIN_CONTRAST, 12 * noise):
        raise PictureError(BLANK)
    return Scale(int(middle), noise, contrast)


def finish(ink: Levels, kept: Mask, mask: Mask) -> Grey:
    ink = np.where(ndimage.maximum_filter(mask & ~kept, 3), 0, ink)
    scale = levels_of(np.where(kept | ~mask, ink, 0))
    faint = ink > max(scale.contrast // 16, 6 * scale.noise)
    rows, columns = np.nonzero(kept)
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    wide = ndimage.maximum_filter(kept, 2 * (longest // 7) + 1)
    labels, _ = ndimage.label(faint, np.ones((3, 3)))
    joined = np.isin(labels, np.unique(labels[kept & faint])) & faint
    if (joined & ~wide).any():
        joined &= ndimage.maximum_filter(kept, 5)
    ink = np.where(joined, ink, 0)
    rows, columns = np.nonzero(ink > scale.contrast // 4)
    digit: Grey = ink.clip(0, 255).astype(np.uint8)
    return digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@dataclass(frozen=True)
class Part:
    """A connected part of the ink."""

    label: int
    mass: float
    box: tuple[slice, slice]
    sides: tuple[float, float, float, float]  # share of each border of the picture that it covers

    @property
    def size(self) -> tuple[int, int]:
        return tuple(side.stop - side.start for side in self.box)


def parts_of(labels, count, ink) -> list[Part]:
    mass = np.bincount(labels.ravel(), ink.ravel(), count + 1)
    edge = max(1, max(labels.shape) // 200)
    borders = [labels[:edge], labels[-edge:], labels[:, :edge].T, labels[:, -edge:].T]
    sides = np.stack([
        [0.0] * (count + 1) if not count else
        np.bincount(border.max(axis=0), minlength=count + 1) / border.shape[1]
        for border in borders
    ], axis=1)
    boxes = ndimage.find_objects(labels)
    return [Part(i + 1, float(mass[i + 1]), box, tuple(sides[i + 1])) for i, box in enumerate(boxes)]


def one_digit(mask: Mask, ink: Levels, small: bool) -> Mask:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    parts = parts_of(labels, count, ink)
    if not parts:
        raise PictureError(BLANK)
    parts.sort(key=lambda part: -part.mass)
    refusal = BLANK
    dropped = []
    if not small:
        inner = [part for part in parts if not any(part.sides)]
        heaviest = parts[0].mass
        outer = [part for part in parts if any(part.sides) and part.mass * 32 >= heaviest]
        tight = len(outer) == 1 and all(0 < side < 0.75 for side in outer[0].sides) and not any(part.mass*32>=heaviest for part in inner)
        if outer and not tight:
            refusal = BORDER
            dropped += outer
            parts = inner
        parts = [part for part in parts if max(part.size) * 64 >= max(mask.shape)]
        if not parts:
            raise PictureError(refusal)
    parts = [part for part in parts if part.mass * 32 >= parts[0].mass]
    if not small:
        parts = without_frames(parts, labels)
    if len(parts) > 5:
        raise PictureError(MARKS)
    check_separate(parts, labels)
    kept = np.isin(labels, [part.label for part in parts])
    if not small:
        check_shape(kept)
        if dropped:
            rows, columns = np.nonzero(kept)
            longest = max(np.ptp(rows), np.ptp(columns)) + 1
            near = ndimage.maximum_filter(kept, 2 * (longest // 16) + 1)
            if np.isin(labels[near], [part.label for part in dropped]).any():
                raise PictureError(BORDER)
    return kept


def without_frames(parts: list[Part], labels) -> list[Part]:
    for frame in parts:
        inside = [
            part for part in parts
            if part is not frame and max(part.size) * 4 >= max(frame.size)
            and all(f.start < p.start and p.stop < f.stop for f, p in zip(frame.box, part.box))
        ]
        if not inside:
            continue
        filled = ndimage.binary_fill_holes(labels[frame.box] == frame.label)
        field = labels[frame.box]
        if any(filled[field == part.label].all() for part in inside):
            return without_frames([part for part in parts if part is not frame], labels)
    return parts


def check_separate(parts: list[Part], labels) -> None:
    main = parts[0]
    for other in parts[1:]:
        spans = [(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(main.box, other.box)]
        union = [stop - start for start, stop in spans]
        gaps = [max(a.start, b.start) - min(a.stop, b.stop) for a, b in zip(main.box, other.box)]
        least = [min(a, b) for a, b in zip(main.size, other.size)]
        if gaps[1] >= 0 and least[0] > 0.55 * union[0]:
            raise PictureError(SEVERAL)
        distance = gap_between(labels, main, other) / max(main.size)
        if distance > 0.2 or (distance > .1 and least[0]>.4*union[0]):
            raise PictureError(SEVERAL if other.mass > main.mass / 4 else MARKS)


def gap_between(labels, one: Part, other: Part) -> float:
    box = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one.box, other.box))
    step = max(1, max(s.stop - s.start for s in box) // 256)
    field = labels[box][::step, ::step]
    distance = ndimage.distance_transform_edt(field != one.label)
    there = distance[field == other.label]
    return float(there.min() - 1) * step if there.size else 0.0


def check_shape(kept: Mask) -> None:
    rows, columns = np.nonzero(kept)
    cut = kept[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    step = max(1, max(cut.shape) // 128)
    cut = np.pad(cut[::step, ::step], 1)
    stroke = 2 * ndimage.distance_transform_edt(cut).max() / (max(cut.shape) - 2)
    if stroke > 0.6:
        raise PictureError(PATCH)
    holes, count = ndimage.label(~cut)
    sizes = np.bincount(holes.ravel())[2:]
    if (sizes > 0.008 * cut.size).sum() > 3:
        raise PictureError(LINES)
    from mnist_lab.pictures._paper import _rectangularity
    if sizes.size and sizes.max() > 0.5 * (cut.size):
        if _rectangularity(*np.nonzero(ndimage.binary_fill_holes(cut))) > 0.9:
            raise PictureError(FRAME)
