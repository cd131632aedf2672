"""Simulated photographs: each is read as its digit, or refused with a sentence, never read wrong.

Digits of the bundled sample are written on a page with one fault of real photographs, drawn anew
for every digit. A picture is read if the result is like that of the clean page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from mnist_lab import data
from mnist_lab.pictures import PictureError, to_mnist

Levels = npt.NDArray[np.float64]
Random = np.random.Generator

PAGE = 450  # pixels a side
SIDE = 250  # of the field of a digit, in the middle of the page
DIGITS = 8  # of every kind
ROWS, COLUMNS = np.mgrid[0:PAGE, 0:PAGE].astype(float)
ROWS -= PAGE / 2
COLUMNS -= PAGE / 2


def strokes(image: npt.NDArray[np.uint8], side: int = SIDE) -> Levels:
    """Smooth strokes, 0 to 1, of a digit in MNIST's form."""
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return np.clip((np.asarray(large, float) / 255 - 0.3) / 0.3, 0, 1)


def sheet(rng: Random, paper: float = 225, noise: float = 2) -> Levels:
    return paper + rng.normal(0, noise, (PAGE, PAGE))


def write(paper: Levels, ink: Levels, level: float = 50) -> Levels:
    """Write in the middle of the page."""
    height, width = ink.shape
    top, left = (PAGE - height) // 2, (PAGE - width) // 2
    written = paper.copy()
    field = written[top : top + height, left : left + width]
    field += (level - field) * ink
    return written


def ruled(paper: Levels, rng: Random, depth: float, *angles: float) -> Levels:
    """Draw parallel lines at each of the angles."""
    lined = paper.copy()
    pitch, width, start = rng.uniform(25, 60), rng.uniform(1.5, 2.5), rng.uniform(0, 60)
    for angle in np.deg2rad(angles):
        place = (ROWS * np.cos(angle) + COLUMNS * np.sin(angle) + start) % pitch
        lined -= depth * np.clip(width / 2 + 0.5 - np.abs(place - pitch / 2), 0, 1)
    return lined


def across(rng: Random, most: float = 90) -> Levels:
    """The distance from a straight line through the middle part of the page."""
    angle = rng.uniform(0, 2 * np.pi)
    return ROWS * np.cos(angle) + COLUMNS * np.sin(angle) - rng.uniform(-most, most)


def turned(rng: Random) -> tuple[Levels, Levels]:
    angle = np.deg2rad(rng.uniform(-9, 9))
    sine, cosine = np.sin(angle), np.cos(angle)
    return ROWS * cosine + COLUMNS * sine, COLUMNS * cosine - ROWS * sine


def small_jpeg(levels: Levels, side: int, quality: int) -> bytes:
    image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.resize((side, side), Image.Resampling.BILINEAR).save(file, "JPEG", quality=quality)
    return file.getvalue()


def corner_shade(rng: Random) -> Levels:
    return 1 - rng.uniform(0.5, 0.85) * (np.hypot(ROWS, COLUMNS) / (PAGE / 2)) ** 2 / 2


def desk(rng: Random) -> npt.NDArray[np.bool_]:
    """True where the desk is seen: at one side or at two, or around a tilted sheet."""
    rows, columns = turned(rng) if rng.random() < 0.5 else (ROWS, COLUMNS)
    free = rng.uniform(150, 200)
    sides = [rows < -free, columns < -free, rows > free, columns > free]
    count = int(rng.choice([1, 2, 4]))
    return np.logical_or.reduce([sides[i] for i in rng.permutation(4)[:count]])


def finger(rng: Random) -> npt.NDArray[np.bool_]:
    row, column = rng.choice([-PAGE / 2, PAGE / 2], 2)
    return np.hypot(ROWS - row, COLUMNS - column) < rng.uniform(50, 130)


def frame(rng: Random) -> npt.NDArray[np.bool_]:
    rows, columns = turned(rng) if rng.random() < 0.5 else (ROWS, COLUMNS)
    off = np.maximum(np.abs(rows), np.abs(columns)) - rng.uniform(150, 180)
    return np.abs(off) < rng.uniform(1.5, 4)


def ring(rng: Random, off_centre: float) -> Levels:
    """A coffee ring, 0 to 1."""
    row, column = rng.uniform(-off_centre, off_centre, 2)
    off = np.hypot(ROWS - row, COLUMNS - column) - rng.uniform(100, 180)
    return np.exp(-((off / rng.uniform(4, 9)) ** 2))


def bar(rng: Random, ink: Levels) -> npt.NDArray[np.bool_]:
    """A line under the digit."""
    rows, columns = turned(rng)
    written = np.flatnonzero(ink.max(axis=1) > 0.5)
    below = written.max() - SIDE / 2 + rng.uniform(25, 50)
    return (np.abs(rows - below) < rng.uniform(2, 8)) & (np.abs(columns) < rng.uniform(90, 130))


def title_bar(rng: Random) -> npt.NDArray[np.bool_]:
    return rng.uniform(-PAGE / 2 + 20, -PAGE / 2 + 70) > ROWS


Scene = Callable[[Levels, Random], "Levels | bytes"]

SCENES: dict[str, tuple[int, Scene]] = {  # how many of 8 are read at least, and the picture
    "clean": (8, lambda ink, rng: write(sheet(rng), ink)),
    "faint": (8, lambda ink, rng: write(sheet(rng), ink, rng.uniform(120, 170))),
    "noisy": (8, lambda ink, rng: write(sheet(rng, noise=15), ink)),
    "blurred": (8, lambda ink, rng: ndimage.gaussian_filter(write(sheet(rng), ink), 5)),
    "light on dark": (8, lambda ink, rng: write(sheet(rng, paper=50), 0.8 * ink, 220)),
    "ruled": (7, lambda ink, rng: write(ruled(sheet(rng), rng, rng.uniform(20, 60), 0), ink)),
    "ruled, dark and tilted": (
        7,
        lambda ink, rng: write(
            ruled(sheet(rng), rng, rng.uniform(70, 130), rng.uniform(-8, 8)), ink
        ),
    ),
    "squared": (7, lambda ink, rng: write(ruled(sheet(rng), rng, rng.uniform(20, 60), 0, 90), ink)),
    "squared, dark": (
        6,
        lambda ink, rng: write(ruled(sheet(rng), rng, rng.uniform(70, 130), 0, 90), ink),
    ),
    "squared, tilted": (7, lambda ink, rng: write(ruled(sheet(rng), rng, 50, 6, 96), ink)),
    "squared, light on dark": (
        7,
        lambda ink, rng: 255 - write(ruled(sheet(rng, paper=200), rng, 40, 0, 90), ink, 30),
    ),
    "squared, few pixels": (
        6,
        lambda ink, rng: small_jpeg(write(ruled(sheet(rng), rng, 50, 0, 90), ink), 150, 85),
    ),
    "margin line": (
        7,
        lambda ink, rng: write(
            sheet(rng) - 90 * (np.abs(COLUMNS + rng.uniform(150, 200)) < 1.5), ink
        ),
    ),
    "line through": (
        5,
        lambda ink, rng: write(sheet(rng), ink) - 90 * (np.abs(ROWS + rng.uniform(-60, 60)) < 1.5),
    ),
    "hard shadow": (
        7,
        lambda ink, rng: (
            write(sheet(rng), ink) * np.where(across(rng) < 0, rng.uniform(0.4, 0.7), 1)
        ),
    ),
    "blurred shadow": (
        7,
        lambda ink, rng: (
            write(sheet(rng), ink)
            * (1 - rng.uniform(0.3, 0.6) / (1 + np.exp(across(rng) / rng.uniform(4, 40))))
        ),
    ),
    "shadow over most of it": (
        7,
        lambda ink, rng: write(sheet(rng), ink) * np.where(rng.uniform(110, 160) > ROWS, 0.4, 1),
    ),
    "shadow of a pencil": (
        0,
        lambda ink, rng: (
            write(sheet(rng), ink) * np.where(np.abs(across(rng)) < rng.uniform(8, 30), 0.55, 1)
        ),
    ),
    "light from one side": (
        7,
        lambda ink, rng: write(sheet(rng), ink, 30) * (0.55 + across(rng, 0) / (1.2 * PAGE)),
    ),
    "dark corners": (7, lambda ink, rng: write(sheet(rng), ink) * corner_shade(rng)),
    "desk in view": (
        5,
        lambda ink, rng: np.where(desk(rng), rng.uniform(30, 110), write(sheet(rng), ink)),
    ),
    "finger": (
        6,
        lambda ink, rng: np.where(finger(rng), rng.uniform(80, 150), write(sheet(rng), ink)),
    ),
    "frame": (5, lambda ink, rng: np.where(frame(rng), 60, write(sheet(rng), ink))),
    "coffee ring": (
        3,
        lambda ink, rng: write(sheet(rng) - rng.uniform(25, 100) * ring(rng, 60), ink),
    ),
    "underlined": (0, lambda ink, rng: np.where(bar(rng, ink), 50, write(sheet(rng), ink))),
    "title bar": (7, lambda ink, rng: np.where(title_bar(rng), 90, write(sheet(rng), ink))),
    "few pixels": (7, lambda ink, rng: small_jpeg(write(sheet(rng), ink), 100, 60)),
    "desk, few pixels": (
        0,
        lambda ink, rng: small_jpeg(
            np.where(np.maximum(np.abs(ROWS), np.abs(COLUMNS)) > 170, 50, write(sheet(rng), ink)),
            int(rng.integers(40, 120)),
            85,
        ),
    ),
}

EMPTY: dict[str, Callable[[Random], Levels]] = {
    "plain": sheet,
    "noise": lambda rng: sheet(rng, noise=25),
    "dark corners": lambda rng: sheet(rng) * corner_shade(rng),
    "light from one side": lambda rng: sheet(rng) * (0.55 + across(rng, 0) / (1.2 * PAGE)),
    "hard shadow": lambda rng: sheet(rng) * np.where(across(rng) < 0, 0.55, 1),
    "blurred shadow": lambda rng: sheet(rng) * (1 - 0.5 / (1 + np.exp(across(rng) / 15))),
    "shadow of a pencil": lambda rng: sheet(rng) * np.where(np.abs(across(rng)) < 15, 0.6, 1),
    "ruled": lambda rng: ruled(sheet(rng), rng, rng.uniform(20, 120), rng.uniform(-8, 8)),
    "squared": lambda rng: ruled(sheet(rng), rng, rng.uniform(20, 120), 0, 90),
    "squared, tilted": lambda rng: ruled(sheet(rng), rng, rng.uniform(20, 120), 5, 95),
    "margin line": lambda rng: sheet(rng) - 90 * (np.abs(COLUMNS + 170) < 1.5),
    "finger": lambda rng: np.where(finger(rng), 110, sheet(rng)),
    "desk": lambda rng: np.where(desk(rng), 60, sheet(rng)),
    "frame": lambda rng: np.where(frame(rng), 60, sheet(rng)),
    "text": lambda rng: np.where(
        np.kron(rng.random((18, 45)) < 0.5, np.ones((25, 10))).astype(bool)
        & (np.arange(PAGE) % 10 < 5)
        & (np.arange(PAGE)[:, None] % 25 < 9),
        60,
        sheet(rng),
    ),
    "coffee ring": lambda rng: sheet(rng) - 60 * ring(rng, 30),
    "title bar": lambda rng: np.where(title_bar(rng), 90, sheet(rng)),
}


@pytest.fixture(scope="module")
def digits() -> npt.NDArray[np.uint8]:
    """Two of each class, one after the other, in MNIST's form."""
    sample = data.load_sample()
    of_class = [np.flatnonzero(sample.y_test == digit)[:2] for digit in range(10)]
    return sample.x_test[np.stack(of_class, axis=1).ravel()]


def outcome(picture: Levels | bytes, wanted: npt.NDArray[np.uint8] | None) -> str:
    """``read`` if the result is like the one that is wanted, ``wrong`` or ``refused``."""
    if not isinstance(picture, bytes):
        picture = picture.clip(0, 255).astype(np.uint8)
    try:
        result = to_mnist(picture)
    except PictureError as error:
        assert re.fullmatch(r"[A-Z][^\n:]+: [^\n]+\.", str(error))
        return "refused"
    if wanted is None:
        return "wrong"
    likeness = np.corrcoef(result.ravel(), wanted.ravel())[0, 1]
    return "read" if likeness > 0.85 else "wrong"


@pytest.mark.parametrize("kind", SCENES)
def test_a_digit_is_read_or_refused_and_never_wrong_without_a_word(kind: str, digits: Any) -> None:
    least, scene = SCENES[kind]
    rng = np.random.default_rng(0)
    outcomes = []
    for image in digits[::2][:DIGITS]:
        ink = strokes(image)
        wanted = to_mnist((255 * (1 - np.pad(ink, 50))).astype(np.uint8))
        outcomes.append(outcome(scene(ink, rng), wanted))
    assert "wrong" not in outcomes
    assert outcomes.count("read") >= least


@pytest.mark.parametrize("kind", EMPTY)
def test_a_page_without_a_digit_is_refused(kind: str) -> None:
    rng = np.random.default_rng(0)
    assert {outcome(EMPTY[kind](rng), None) for _ in range(5)} == {"refused"}


# Two digits and more ------------------------------------------------------------------------------


def in_a_row(images: npt.NDArray[np.uint8], gap: int, side: int = 110) -> Levels:
    """Cut out the digits and put them side by side."""
    cut = [strokes(image, side) for image in images]
    cut = [ink[:, np.flatnonzero(ink.max(axis=0) > 0.5)] for ink in cut]
    return np.hstack([np.pad(ink, ((0, 0), (gap, 0))) for ink in cut])


@pytest.mark.parametrize("gap", [8, 20, 60])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("paper", ["plain", "squared", "small"])
def test_two_digits_are_asked_for_one_at_a_time(
    count: Any, gap: Any, paper: Any, digits: Any
) -> None:
    rng = np.random.default_rng(0)
    for start in range(0, 18, 3):
        row = in_a_row(digits[start : start + count], gap)
        page = sheet(rng)
        if paper == "squared":
            page = ruled(page, rng, 40, 0, 90)
        picture = write(page, row).clip(0, 255).astype(np.uint8)
        if paper == "small":  # no larger than digits of MNIST side by side
            ends = PAGE // 2 - 60, PAGE // 2 + 60
            image = Image.fromarray(picture[ends[0] : ends[1], 40:-40])
            picture = np.asarray(image.resize((64, 22), Image.Resampling.BOX))
        with pytest.raises(PictureError, match="one at a time"):
            to_mnist(picture)


def test_digits_one_above_the_other_are_asked_for_one_at_a_time(digits: Any) -> None:
    rng = np.random.default_rng(0)
    for start in range(0, 18, 3):
        column = in_a_row(digits[start : start + 2].transpose(0, 2, 1), 40).T
        with pytest.raises(PictureError, match="one at a time"):
            to_mnist(write(sheet(rng), column).clip(0, 255).astype(np.uint8))


def stroke(*ends: tuple[int, int], width: int = 9) -> npt.NDArray[np.bool_]:
    """A pen's way from point to point on the page."""
    drawn = np.zeros((PAGE, PAGE), bool)
    for (row, column), (to_row, to_column) in pairwise(ends):
        steps = max(abs(to_row - row), abs(to_column - column)) + 1
        drawn[
            np.linspace(row, to_row, steps).astype(int),
            np.linspace(column, to_column, steps).astype(int),
        ] = True
    return ndimage.binary_dilation(drawn, iterations=width)


TWO_STROKES = {
    "a 5 whose bar is off": stroke((100, 200), (210, 180), (240, 260), (320, 240), (330, 170))
    | stroke((95, 235), (90, 310)),
    "an open 4": stroke((110, 180), (230, 150), (240, 250)) | stroke((120, 290), (340, 285)),
    "a 7 with a bar across": stroke((100, 160), (100, 290), (340, 200))
    | stroke((220, 160), (220, 215)),
    "a broken 0": stroke((110, 215), (200, 160), (300, 180), (340, 215))
    | stroke((112, 245), (200, 290), (300, 280), (338, 245)),
    "a broken 1": stroke((100, 225), (210, 225)) | stroke((236, 225), (340, 225)),
}


@pytest.mark.parametrize("kind", TWO_STROKES)
def test_a_digit_of_two_strokes_is_one_digit(kind: str) -> None:
    drawn = TWO_STROKES[kind]
    image = to_mnist(np.where(drawn, 40, 230).astype(np.uint8))
    rows, columns = np.nonzero(drawn)
    cut = drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    shown = image[image.any(axis=1)][:, image.any(axis=0)]
    clean = Image.fromarray(cut.astype(np.uint8) * 255).resize(shown.T.shape, Image.Resampling.BOX)
    assert np.corrcoef(np.asarray(clean).ravel(), shown.ravel())[0, 1] > 0.85


def loops(gap: int) -> npt.NDArray[np.bool_]:
    """Two loops of a thin pen, one above the other, with as many rows between their strokes."""
    radius, width = 38, 5
    ring = np.zeros((PAGE, PAGE), bool)
    for side in (-1, 1):
        middle = side * (radius + width / 2 + gap / 2)
        ring |= np.abs(np.hypot(ROWS - middle, COLUMNS) - radius) <= width / 2
    return ring


def test_loops_are_one_eight_where_a_dot_links_them() -> None:
    """A pen that lifts at a crossing leaves a dot; nothing lies between two noughts."""
    noughts = loops(gap=18)
    eight = noughts | (np.hypot(ROWS, COLUMNS) <= 4)
    page = sheet(np.random.default_rng(0))
    image = to_mnist(write(page, eight.astype(float)).clip(0, 255).astype(np.uint8))
    assert all(half.max() > 100 for half in (image[4:12], image[16:24]))  # both loops are there
    with pytest.raises(PictureError, match="one at a time"):
        to_mnist(write(page, noughts.astype(float)).clip(0, 255).astype(np.uint8))


def test_every_digit_of_the_sample_is_one_digit() -> None:
    """In its own form, and on the pages of exercise 4, on which every digit must be read."""
    sample = data.load_sample()
    for image in sample.x_train[::3]:
        assert to_mnist(image).any()
    page = np.full((120, 140), 240, np.uint8)
    for image in sample.x_test[::3]:
        written = page.copy()
        written[10:94, 20:104] -= np.kron(image * 0.8, np.ones((3, 3))).astype(np.uint8)
        assert to_mnist(written).any()
        assert to_mnist(255 - written[::-1]).any()


def test_digits_of_mnist_are_hardly_ever_taken_for_two() -> None:
    """Cracked ink is frequent in MNIST: 1 in 50 images of it has more than one part."""
    digits = data.load_mnist()
    if not digits.is_mnist:
        pytest.skip("MNIST is not at hand")
    refused = 0
    for image in digits.x_test[::2]:
        try:
            to_mnist(image)
        except PictureError:
            refused += 1
    assert refused <= 5  # of 5,000
