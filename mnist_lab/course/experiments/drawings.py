"""Digits, letters and scribbles, drawn with a round pen as on the page of the service.

Each of two hands writes in its own way: its letters and digits have other strokes, and its
scribbles are of another kind. The first hand serves to choose what is refused, and the second one
to report what is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

__all__ = ["LETTERS", "NUMERALS", "Picture", "draw", "scribbles", "written"]

Points = npt.NDArray[np.float64]  # (n, 2): columns and rows, in 0..1
Picture = npt.NDArray[np.uint8]

SIDE = 360  # pixels of a drawing
MARGIN = 60
SMOOTH = 12  # straight pieces between two points of a curve

# Strokes of the capital letters, by hand. Each point is a column and a row from 0 to 8. Row 9 is
# below the line. A stroke that begins with "~" is a smooth curve through its points.
LETTERS: tuple[dict[str, str], dict[str, str]] = (
    {
        "A": "08 40 88;25 65",
        "B": "00 08;~00 50 62 44 04;~04 54 76 58 08",
        "C": "~72 50 12 04 16 58 76",
        "D": "00 08;~00 51 74 57 08",
        "E": "70 00 08 78;04 54",
        "F": "70 00 08;04 54",
        "G": "~71 40 12 04 16 48 77;77 74 54",
        "H": "00 08;80 88;04 84",
        "I": "40 48",
        "J": "60 66;~66 48 16 15",
        "K": "00 08;70 04 78",
        "L": "00 08 78",
        "M": "08 00 45 80 88",
        "N": "08 00 88 80",
        "O": "~40 12 04 16 48 76 84 72 40",
        "P": "00 08;~00 50 72 54 04",
        "Q": "~40 12 04 16 48 76 84 72 40;56 88",
        "R": "00 08;~00 50 72 54 04;34 78",
        "S": "~71 40 12 34 65 77 48 07",
        "T": "00 80;40 48",
        "U": "00 05;~05 27 48 67 85;85 80",
        "V": "00 48 80",
        "W": "00 28 43 68 80",
        "X": "00 88;80 08",
        "Y": "00 44 80;44 48",
        "Z": "00 80 08 88",
    },
    {
        "A": "~08 13 30 50 73 88;14 74",
        "B": "~18 10 50 62 34 24;~24 64 76 48 08",
        "C": "~81 61 30 04 38 68 87",
        "D": "~10 11 14 18;~00 40 74 57 28 08",
        "E": "~71 40 12 34 44;~34 05 28 58 77",
        "F": "~80 50 10 00;~40 43 36 18;14 64",
        "G": "~71 40 12 04 26 56 73;~73 74 78 69 38",
        "H": "~10 12 15 08;~70 72 75 88;~14 43 73",
        "I": "20 60;40 48;28 68",
        "J": "20 80;~60 63 67 48 16",
        "K": "~10 13 18;~80 42 14;~14 35 57 88",
        "L": "~50 20 13 16 18 08;~18 37 78",
        "M": "~08 12 20 35 47;~47 55 70 82 88",
        "N": "~08 03 10 35 78;~78 75 80",
        "O": "~61 40 12 05 28 57 74 62 40 20",
        "P": "~20 23 18;~02 30 61 63 44 24",
        "Q": "~61 40 12 05 28 57 74 62 40;~45 67 88",
        "R": "~20 23 18;~02 30 61 63 34 24;~34 56 88",
        "S": "~80 50 22 44 66 48 18 06",
        "T": "~02 10 40 71 80;~40 43 46 28",
        "U": "~01 10 24 18 37 66 80;~80 75 78 88",
        "V": "~00 13 38 48 63 80",
        "W": "~00 14 28 37 42;~42 57 68 74 80",
        "X": "~00 22 44 66 88;~80 62 44 26 08",
        "Y": "~00 13 34 63 80;~80 64 48 28",
        "Z": "~01 20 50 80;~80 53 25 08;~08 27 57 88",
    },
)


# Strokes of the digits, in the same way.
NUMERALS: tuple[dict[str, str], dict[str, str]] = (
    {
        "0": "~40 12 04 16 48 76 84 72 40",
        "1": "40 48",
        "2": "~02 20 50 62 53 25 08;08 78",
        "3": "~01 30 60 72 54 34;~34 64 76 58 28 07",
        "4": "40 05 85;60 68",
        "5": "70 10 03;~03 43 75 58 28 07",
        "6": "~60 30 14 06 28 58 76 64 34 15",
        "7": "00 70 38",
        "8": "~44 22 21 30 50 61 62 44 16 17 38 58 77 66 44",
        "9": "~72 50 20 02 14 44 72;72 58",
    },
    {
        "0": "~60 30 05 18 48 74 71 50 40",
        "1": "12 40 48",
        "2": "~11 30 60 61 34 07;~07 16 28 58 77",
        "3": "00 60 33;~33 63 76 48 07",
        "4": "10 15 75;60 68",
        "5": "~70 40 20 13 43 74 66 38 07",
        "6": "~50 22 05 17 48 67 55 34 15",
        "7": "00 70 38;24 64",
        "8": "~60 30 12 33 65 67 38 17 15 43 71 60",
        "9": "~71 40 11 13 34 63 71;~71 64 58 28",
    },
)


def _curve(points: Points) -> Points:
    """Return a smooth curve through points, as many short straight pieces."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    way = np.concatenate([[0], np.cumsum(np.maximum(steps, 1e-6) ** 0.5)])
    at = np.linspace(0, way[-1], SMOOTH * len(points))
    curve: Points = CubicSpline(way, points)(at)
    return curve


def draw(strokes: list[Points], pen: float) -> Picture:
    """Draw strokes with a round pen, black on white, so large that they fill the page.

    Args:
        strokes: points of each stroke, on any scale.
        pen: width of the strokes, in pixels of a page of 360 by 360.
    """
    everything = np.concatenate(strokes)
    low, extent = everything.min(axis=0), np.ptp(everything, axis=0).max()
    middle = np.ptp(everything, axis=0) / extent / 2
    page = Image.new("L", (SIDE, SIDE), 255)
    brush = ImageDraw.Draw(page)
    for stroke in strokes:
        placed = SIDE / 2 + ((stroke - low) / extent - middle) * (SIDE - 2 * MARGIN)
        path = [(float(column), float(row)) for column, row in placed]
        brush.line(path, fill=0, width=round(pen), joint="curve")
        for column, row in path:
            half = pen / 2
            brush.ellipse((column - half, row - half, column + half, row + half), fill=0)
    return np.asarray(page)


def written(signs: dict[str, str], seed: int) -> Iterator[tuple[str, Picture]]:
    """Write letters or digits: a seed decides slant, width, pen, and how unsteady the hand is.

    Args:
        signs: the strokes of one hand, from :data:`LETTERS` or :data:`NUMERALS`.
        seed: start of the random numbers.

    Yields:
        Each sign and its drawing, uint8 of shape (360, 360), black on white.
    """
    rng = np.random.default_rng(seed)
    slant, width, turn = rng.uniform(-0.1, 0.35), rng.uniform(0.55, 0.95), rng.normal(0, 0.07)
    pen = rng.uniform(16, 34)
    hand = np.array([[width, 0.0], [-slant, 1.0]])  # columns and rows of a sign that leans
    hand = hand @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    for sign, text in signs.items():
        strokes = []
        for stroke in text.split(";"):
            places = stroke.removeprefix("~").split()
            grid = np.array([[int(place[0]), int(place[1])] for place in places]) / 8
            points = (grid + rng.normal(0, 0.025, grid.shape)) @ hand
            strokes.append(_curve(points) if stroke.startswith("~") else points)
        yield sign, draw(strokes, pen)


def _wander(rng: np.random.Generator) -> Points:
    """A random walk that turns now to one side, now to the other."""
    steps, memory = int(rng.integers(60, 200)), rng.uniform(0.8, 0.97)
    turn, direction, walk = 0.0, rng.uniform(0, 2 * np.pi), []
    for step in rng.normal(0, rng.uniform(0.06, 0.12), steps):
        turn = memory * turn + step
        direction += turn
        walk.append((np.cos(direction), np.sin(direction)))
    path: Points = np.cumsum(walk, axis=0)
    return path


def _zigzag(rng: np.random.Generator) -> Points:
    """A pen that goes up and down while it moves on."""
    turns = int(rng.integers(5, 16))
    places = np.stack([np.arange(turns), np.arange(turns) % 2 * rng.uniform(2, 9)], axis=1)
    zigzag: Points = places + rng.normal(0, 0.5, places.shape)
    return zigzag


def _waves(rng: np.random.Generator) -> Points:
    """A pen that swings across and down at several speeds at once."""
    time = np.linspace(0, rng.uniform(4, 14), 240)[:, None, None]
    speeds, sizes = rng.uniform(0.3, 2.5, (3, 2)), rng.normal(0, 1, (3, 2))
    swing: Points = (sizes * np.sin(speeds * time + rng.uniform(0, 6.3, (3, 2)))).sum(axis=1)
    return swing


def _arcs(rng: np.random.Generator) -> Points:
    """A pen that goes to and fro between random places, in arcs."""
    places = rng.random((rng.integers(5, 14), 2))
    places[:, rng.integers(2)] *= rng.uniform(0.4, 1)
    return _curve(places)


_SCRIBBLES = ((_wander, _zigzag, _waves), (_arcs,))


def scribbles(hand: int, seed: int, number: int) -> Iterator[Picture]:
    """Draw scribbles.

    Args:
        hand: 0 for random walks, zigzags and waves, 1 for arcs to and fro between random places.
        seed: start of the random numbers.
        number: how many.

    Yields:
        uint8 of shape (360, 360), black on white.
    """
    rng = np.random.default_rng(seed)
    kinds = _SCRIBBLES[hand]
    for which in range(number):
        yield draw([kinds[which % len(kinds)](rng)], rng.uniform(14, 30))
