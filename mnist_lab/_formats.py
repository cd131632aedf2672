"""Private: MNIST's four arrays from .npz, IDX and CSV files that nobody vouches for, and their proof.

Every reader checks what a file declares (keys, shapes, dtypes, sizes) before it unpacks anything, and
raises :class:`DataError` whatever is wrong. Only :func:`load` proves the content.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from uuid import uuid4

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Arrays = dict[str, UInt8Array]


class DataError(ValueError):
    """The digits were not found, not readable or not MNIST; the message ends with what to do."""


class Part(NamedTuple):
    """One of MNIST's four arrays: its key in .npz files, its IDX file, and what proves it."""

    name: str
    stem: str
    shape: tuple[int, ...]
    sha256: str  # of the IDX header followed by the pixels or labels


PARTS = (
    Part(
        *("x_train", "train-images", (60000, 28, 28)),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    Part(
        *("y_train", "train-labels", (60000,)),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    Part(
        *("x_test", "t10k-images", (10000, 28, 28)),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    Part(
        *("y_test", "t10k-labels", (10000,)),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

CSV_NAMES = ("mnist_train.csv", "mnist_test.csv")
CSV_HEADERS = (
    ["label", *(f"pixel{i}" for i in range(784))],
    ["label", *(f"pixel{i}" for i in range(1, 785))],
    ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))],
)
_NUMBERS = {b"%d" % value: value for value in range(256)}


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn whatever a damaged file makes zipfile, zlib, NumPy or the system raise into DataError."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"it cannot be read ({type(error).__name__}: {error})") from error


def _check_shape(part: Part, shape: tuple[int, ...]) -> None:
    if shape != part.shape:
        other_half = PARTS[PARTS.index(part) - 2]
        swapped = shape == other_half.shape
        hint = "; training and test digits are swapped, so exchange them" if swapped else ""
        raise DataError(f"{part.name} has shape {shape}, in MNIST it has {part.shape}{hint}")


def read_npz(file: Path | BinaryIO) -> Arrays:
    """Read ``x_train``, ``y_train``, ``x_test`` and ``y_test`` from a file of ``numpy.savez``."""
    with _plainly(), zipfile.ZipFile(file) as archive:
        return {part.name: _read_npy(archive, part) for part in PARTS}


def _read_npy(archive: zipfile.ZipFile, part: Part) -> UInt8Array:
    if f"{part.name}.npy" not in archive.namelist():
        found = ", ".join(name.removesuffix(".npy") for name in archive.namelist()[:8])
        raise DataError(f"it has no array {part.name}, it has: {found or 'nothing'}")
    member = archive.getinfo(f"{part.name}.npy")
    with archive.open(member) as stream:
        # Later versions of the header may themselves be gigabytes long; version 1.0 stops at 64 KB.
        if np.lib.format.read_magic(stream) != (1, 0):
            raise DataError(f"{part.name} has a header that numpy.save does not write for MNIST")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype.hasobject:
            raise DataError(f"{part.name} holds pickled Python objects, which are never loaded")
        if dtype != np.uint8:
            raise DataError(f"{part.name} has dtype {dtype}, in MNIST it has uint8")
        _check_shape(part, shape)
        if member.file_size != stream.tell() + math.prod(shape):
            raise DataError(f"{part.name} declares {member.file_size:,} bytes, not what its shape needs")
    with archive.open(member) as stream:
        return np.ascontiguousarray(np.lib.format.read_array(stream, allow_pickle=False))


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The first bytes of an IDX file of unsigned bytes: magic number, then the size of each axis."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)


def read_idx(file: BinaryIO, part: Part) -> UInt8Array:
    """Read one array from an open IDX file, gzipped or not whatever its name says."""
    with _plainly():
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if gzipped else file
        expected, size = idx_header(part.shape), math.prod(part.shape)
        header = stream.read(len(expected))
        if header[:4] != expected[:4] or len(header) != len(expected):
            raise DataError("it does not begin as an IDX file of MNIST does")
        _check_shape(part, struct.unpack(f">{len(part.shape)}I", header[4:]))
        body = stream.read(size + 1)
        if len(body) != size:
            raise DataError(f"it is {'cut short' if len(body) < size else 'longer than it declares'}")
        return np.frombuffer(body, np.uint8).reshape(part.shape).copy()


def read_csv(path: Path, rows: int | None = None) -> tuple[UInt8Array, UInt8Array]:
    """Read images and labels from a CSV file, at most ``rows`` of them."""
    with _plainly(), path.open("rb") as file:
        header = file.readline().decode("utf-8-sig", "replace").strip().replace('"', "").split(",")
        if header not in CSV_HEADERS:
            raise DataError("its first line is not label,pixel0,...,pixel783, so add or mend that line")
        table = bytearray()
        for number, line in enumerate(islice(file, rows), start=2):
            fields = line.rstrip(b"\r\n").split(b",")
            if len(fields) != len(header):
                raise DataError(f"line {number} has {len(fields)} values, it needs {len(header)}")
            try:
                table += bytes(map(_NUMBERS.__getitem__, fields))
            except KeyError:
                column = next(i for i, field in enumerate(fields) if field not in _NUMBERS)
                wrong = fields[column][:20].decode(errors="replace")
                raise DataError(
                    f"line {number}, column {header[column]} holds '{wrong}', "
                    "it needs a whole number from 0 to 255"
                ) from None
            if table[-len(header)] > 9:
                raise DataError(f"line {number} has the label {table[-len(header)]}, it needs 0 to 9")
    if not table:
        raise DataError("it has a header and no digits")
    values = np.frombuffer(table, np.uint8).reshape(-1, len(header))
    return values[:, 1:].reshape(-1, 28, 28), values[:, 0].copy()


def _idx_file(folder: Path, part: Part) -> Path | None:
    """The IDX file of one array under any of its usual names, or None."""
    for dot in "-.":
        for ending in ("", ".gz"):
            path = folder / f"{part.stem}{dot}idx{len(part.shape)}-ubyte{ending}"
            if path.is_file():
                return path
    return None


def _read_idx_files(files: dict[Part, Path | None]) -> Arrays:
    arrays = {}
    for part, path in files.items():
        if path is None:
            raise DataError(f"the file {part.stem}-idx{len(part.shape)}-ubyte is missing")
        try:
            with path.open("rb") as file:
                arrays[part.name] = read_idx(file, part)
        except DataError as error:
            raise DataError(f"in {path.name}, {error}") from error
    return arrays


def _read_csv_files(folder: Path) -> Arrays:
    arrays = {}
    for name, images, labels in zip(CSV_NAMES, PARTS[::2], PARTS[1::2], strict=True):
        try:
            x, y = read_csv(folder / name, rows=None)
            _check_shape(images, x.shape)
        except DataError as error:
            raise DataError(f"in {name}, {error}") from error
        arrays |= {images.name: x, labels.name: y}
    return arrays
