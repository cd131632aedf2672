"""Ten digits in three handwritings, as the strokes of a pen on a paper of 100 by 100."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

__all__ = ["HANDWRITINGS", "Stroke", "picture", "png"]

Stroke = list[tuple[int, int]]


def strokes(text: str) -> list[Stroke]:
    """Return strokes, which a bar divides, as lists of points x, y."""
    points = [[point.split(",") for point in stroke.split()] for stroke in text.split("|")]
    return [[(int(x), int(y)) for x, y in stroke] for stroke in points]


# As school teaches it in many countries: round and upright.
ROUND = {
    0: strokes("50,15 38,19 30,32 27,50 30,68 38,80 50,85 62,80 70,68 73,50 70,32 62,19 50,15"),
    1: strokes("50,14 50,32 50,50 50,68 50,86"),
    2: strokes(
        "30,32 33,22 42,16 53,15 63,20 67,30 64,42 55,54 43,67 31,81 29,84 40,84 55,83 71,83"
    ),
    3: strokes(
        "32,24 40,17 51,15 61,19 65,29 61,39 52,45 44,47 54,48 65,54 69,65 65,77 54,84 41,84 31,77"
    ),
    4: strokes("58,14 48,30 37,46 27,60 45,60 62,60 76,60 | 60,38 60,86"),
    5: strokes(
        "38,16 36,30 33,45 43,41 54,41 64,47 69,58 67,71 58,81 46,84 34,80 | 38,16 52,16 68,15"
    ),
    6: strokes(
        "61,15 50,22 41,33 34,47 31,62 34,76 43,84 54,84 63,78 67,68 64,58 55,52 45,53 36,60 32,67"
    ),
    7: strokes("28,18 42,17 56,17 71,16 63,32 55,49 48,67 42,86"),
    8: strokes(
        "63,25 55,16 44,16 36,24 38,36 48,45 60,55 66,67 61,79 50,85 38,80 33,69 38,57 50,47 "
        "60,38 64,27"
    ),
    9: strokes(
        "65,30 59,19 48,16 38,21 33,32 36,44 46,50 57,46 64,37 66,27 66,42 65,58 64,73 63,87"
    ),
}

# As many people in Europe write: 1 with an upstroke, 4 open, 7 with a bar.
EUROPEAN = {
    0: strokes("56,17 44,18 34,28 30,45 32,63 40,78 51,83 62,77 69,62 70,44 65,27 54,18 50,17"),
    1: strokes("36,34 44,26 52,16 53,34 53,52 53,70 53,86"),
    2: strokes("29,29 35,19 47,15 60,18 66,29 62,43 52,57 40,71 29,83 38,80 48,80 58,84 70,82"),
    3: strokes("31,18 45,17 58,17 66,18 57,30 47,42 59,45 67,55 67,69 59,81 46,85 32,79"),
    4: strokes("43,15 39,28 34,42 29,57 42,57 56,56 73,55 | 61,34 60,52 58,70 57,86"),
    5: strokes("67,16 54,17 41,17 39,30 36,44 48,42 60,46 67,57 65,71 55,82 42,84 30,78"),
    6: strokes("66,17 53,20 42,31 35,46 33,62 38,76 49,84 61,80 67,69 64,58 54,52 43,56 36,65"),
    7: strokes("27,19 41,18 55,18 70,17 62,33 54,50 47,68 41,86 | 38,51 51,50 66,49"),
    8: strokes(
        "52,48 41,42 36,31 41,20 51,16 61,20 65,31 61,42 51,49 38,55 32,67 37,79 51,85 64,79 "
        "69,67 63,55 52,48"
    ),
    9: strokes(
        "66,27 57,17 45,18 36,28 37,41 47,48 58,43 65,31 67,25 67,42 66,58 62,73 53,83 41,85 32,79"
    ),
}

# Written fast: leaning to the right.
SLANTED = {
    0: strokes("63,18 50,17 39,27 31,42 28,60 31,75 41,83 53,80 63,68 70,51 72,34 67,21 58,17"),
    1: strokes("60,14 56,32 51,51 46,70 42,87"),
    2: strokes("36,28 44,18 56,15 67,20 69,32 62,45 50,58 37,71 25,84 40,83 54,83 67,82"),
    3: strokes("38,22 48,16 60,16 68,24 64,36 53,44 47,46 58,49 65,59 62,73 51,82 37,84 27,78"),
    4: strokes("50,17 43,31 35,46 28,60 42,61 56,61 72,61 | 66,32 62,50 57,68 53,87"),
    5: strokes("46,18 42,31 37,45 49,42 60,45 65,56 61,70 50,80 37,84 26,80 | 46,18 59,17 74,16"),
    6: strokes("64,14 54,27 44,42 36,58 33,72 40,83 52,83 62,74 64,63 56,57 45,62 37,71"),
    7: strokes("33,19 46,18 60,18 75,17 65,31 54,47 44,65 35,86"),
    8: strokes(
        "68,24 58,16 46,20 42,32 49,43 57,54 59,68 51,81 38,84 29,75 33,62 46,51 59,42 68,31 68,24"
    ),
    9: strokes("69,26 60,17 48,20 40,31 41,43 50,47 60,40 68,28 64,43 58,58 52,73 46,88"),
}

HANDWRITINGS = {"round": ROUND, "European": EUROPEAN, "slanted": SLANTED}


def picture(*strokes: Stroke, side: int = 200) -> bytes:
    """Return a PNG file of strokes, black on white paper with some paper on all sides."""
    image = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(image)
    scale = side / 140
    for stroke in strokes:
        points = [((x + 20) * scale, (y + 20) * scale) for x, y in stroke]
        pen.line(points, fill=0, width=side // 18, joint="curve")
    return png(image)


def png(image: Image.Image) -> bytes:
    """Return the content of a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
