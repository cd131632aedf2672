"""Private: digits in CSV files, in the forms in which they are handed around.

A row is a label and 784 pixels. Files differ in their header, or have none, and in how they spell a
number. Other differences, such as an index column or no labels, are reported and not guessed away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from mnist_lab import CLASSES, IMAGE_SHAPE
from mnist_lab.data._formats import describe, read_head
from mnist_lab.data._proof import DataError, UInt8Array

NAMES = ("mnist_train.csv", "mnist_test.csv")
PIXELS = math.prod(IMAGE_SHAPE)
COLUMNS = 1 + PIXELS
HEADERS = (
    ["label", *(f"pixel{i}" for i in range(PIXELS))],
    ["label", *(f"pixel{i}" for i in range(1, COLUMNS))],
    ["label", *(f"{row + 1}x{column + 1}" for row, column in np.ndindex(*IMAGE_SHAPE))],
    # What pandas makes up where it was told of no header.
    ["label", *map(str, range(PIXELS))],
    [*map(str, range(COLUMNS))],
)
MAX_ROWS = 70_000  # training and test digits in one file
MAX_LINE = 32_000  # bytes: 785 numbers as numpy.savetxt writes them, in quotes, have 21,000


class _Numbers(dict[bytes, int]):
    """0 to 255 by how a file spells them: 7, "7", 7.0, 7.0e+00; each spelling is parsed once."""

    def __missing__(self, field: bytes) -> int:
        value = float(field.strip(b" \t\"'"))
        if not 0 <= value <= 255 or value % 1 or b"_" in field:
            raise ValueError
        if len(self) < 5000:
            self[field] = int(value)
        return int(value)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Number the lines up to the blank ones at the end; no line is read beyond its limit."""
    number = 1
    while (line := file.readline(MAX_LINE + 1)).strip():
        if len(line) > MAX_LINE:
            raise DataError(f"line {number} has more than {MAX_LINE:,} bytes, so it is no digit")
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        number += 1
    if file.read(MAX_LINE).strip():
        raise DataError(f"line {number} is blank, and more lines follow it")


def read_csv(file: BinaryIO, rows: int = MAX_ROWS) -> tuple[UInt8Array, UInt8Array]:
    """Read images and labels from a CSV file of no more than so many rows."""
    if kind := describe(read_head(file)):
        raise DataError(kind)
    table = bytearray()
    numbers = _Numbers({b"%d" % value: value for value in range(256)})
    columns = None
    for number, line in _lines(file):
        fields = line.rstrip(b"\r\n").split(b",")
        if columns is None:
            columns, is_header = _first_line(line, fields, numbers)
            if is_header:
                continue
        if len(fields) != COLUMNS:
            raise DataError(f"line {number} has {len(fields)} values, but it needs {COLUMNS}")
        if len(table) == rows * COLUMNS:
            raise DataError(f"has more than {rows:,} rows")
        try:
            values = bytes(map(numbers.__getitem__, fields))
        except ValueError:
            values = b""
        if not values or values[0] >= CLASSES:
            raise DataError(f"line {number}, column {_first_wrong(fields, columns, numbers)}")
        table += values
    if not table:
        raise DataError("holds no digits")
    array = np.frombuffer(table, np.uint8).reshape(-1, COLUMNS)
    return array[:, 1:].reshape(-1, *IMAGE_SHAPE), array[:, 0].copy()


def _is_number(field: bytes, numbers: _Numbers, top: int) -> bool:
    try:
        return numbers[field] <= top
    except ValueError:
        return False


def _first_wrong(fields: list[bytes], columns: list[str], numbers: _Numbers) -> str:
    tops = [CLASSES - 1, *[255] * PIXELS]
    column, field, top = next(
        (column, field, top)
        for column, field, top in zip(columns, fields, tops, strict=True)
        if not _is_number(field, numbers, top)
    )
    found = field[:20].decode(errors="replace")
    hint = "; pixels that were scaled have to be multiplied by 255" if found[:2] == "0." else ""
    return f"{column}: {found!r} is not a whole number from 0 to {top}{hint}"


def _first_line(line: bytes, fields: list[bytes], numbers: _Numbers) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether line 1 gives them or is a digit itself."""
    text = line.decode(errors="replace").strip()
    names = [name.strip(" \t\"'").lower() for name in text.split(",")]
    if names in HEADERS:
        return names, True
    are_numbers = all(_is_number(field, numbers, 255) for field in fields)
    if are_numbers and len(fields) == COLUMNS:
        return HEADERS[0], False
    raise DataError(_wrong_columns(text, names, are_numbers))


def _wrong_columns(text: str, names: list[str], are_numbers: bool) -> str:
    for sign, kind in ((";", "semicolons"), ("\t", "tabs"), (" ", "spaces"), ("|", "bars")):
        if text.count(sign) >= PIXELS > len(names):
            return f"separates its values by {kind}: save it with commas"
    if len(names) == PIXELS and (are_numbers or "label" not in names):
        return f"has {PIXELS} columns and no labels: choose a file with labels"
    if len(names) == COLUMNS + 1 and (are_numbers or names[1:] in HEADERS):
        return "has an index as its first column: save it without one (in pandas: index=False)"
    if len(names) == COLUMNS and names[-1] in ("label", "class"):
        return "has its labels in the last column: put them first"
    columns = f"{len(names)} column{'s' * (len(names) != 1)}"
    return (
        f"line 1 is neither a digit nor the header label,pixel0,...,pixel{PIXELS - 1}: "
        f"it has {columns} and begins with {text[:20]!r}"
    )
