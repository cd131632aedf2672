"""Private: MNIST from .npz, IDX and CSV files that nobody vouches for, and the proof of it."""

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
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Arrays = dict[str, UInt8Array]


class DataError(ValueError):
    """The digits were not found, not readable or not MNIST; the message ends with what to do."""


class Part(NamedTuple):
    """One of MNIST's four arrays: its key in an .npz, its IDX file, and what proves it."""

    name: str
    stem: str
    shape: tuple[int, ...]
    sha256: str  # of the IDX header followed by the pixels or labels

    def idx_names(self) -> list[str]:
        ends = ("-ubyte", "-ubyte.gz")
        return [f"{self.stem}{dot}idx{len(self.shape)}{end}" for dot in "-." for end in ends]


# fmt: off
PARTS = (
    Part("x_train", "train-images", (60000, 28, 28),
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    Part("y_train", "train-labels", (60000,),
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    Part("x_test", "t10k-images", (10000, 28, 28),
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    Part("y_test", "t10k-labels", (10000,),
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
# fmt: on
CSV_NAMES = ("mnist_train.csv", "mnist_test.csv")
CSV_HEADERS = (
    ["label", *(f"pixel{i}" for i in range(784))],
    ["label", *(f"pixel{i}" for i in range(1, 785))],
    ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))],
)
_NUMBERS = {b"%d" % value: value for value in range(256)}
_npy: Any = np.lib.format  # typed in some versions of NumPy only


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Name the file in every error, whatever a damaged one makes zipfile, zlib or NumPy raise."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    except Exception as error:
        raise DataError(f"{name}: cannot be read ({type(error).__name__}: {error})") from error


def _check_shape(part: Part, shape: tuple[int, ...]) -> None:
    if shape != part.shape:
        swapped = shape == PARTS[PARTS.index(part) - 2].shape
        hint = "; training and test digits are swapped, exchange them" if swapped else ""
        raise DataError(f"{part.name} has shape {shape}, in MNIST it has {part.shape}{hint}")


def read_npz(file: Path | BinaryIO) -> Arrays:
    """Read the four arrays from what `numpy.savez` wrote under the names that Keras uses."""
    with zipfile.ZipFile(file) as archive:
        return {part.name: _read_npy(archive, part) for part in PARTS}


def _read_npy(archive: zipfile.ZipFile, part: Part) -> UInt8Array:
    if f"{part.name}.npy" not in archive.namelist():
        found = ", ".join(name.removesuffix(".npy") for name in archive.namelist()[:8])
        raise DataError(f"there is no array {part.name}, only: {found or 'nothing'}")
    member = archive.getinfo(f"{part.name}.npy")
    with archive.open(member) as stream:
        # A later version's header may itself be gigabytes long; that of 1.0 ends within 64 KB.
        if _npy.read_magic(stream) != (1, 0):
            raise DataError(f"{part.name} has a header that numpy.save does not write for MNIST")
        shape, _, dtype = _npy.read_array_header_1_0(stream)
        if dtype != np.uint8:
            kind = "pickled Python objects, never loaded" if dtype.hasobject else f"dtype {dtype}"
            raise DataError(f"{part.name} has {kind}, in MNIST it has uint8")
        _check_shape(part, shape)
        if member.file_size != stream.tell() + math.prod(shape):
            raise DataError(f"{part.name} declares {member.file_size:,} bytes, too many or too few")
    with archive.open(member) as stream:
        return np.ascontiguousarray(_npy.read_array(stream, allow_pickle=False))


def _idx_header(shape: tuple[int, ...]) -> bytes:
    """Magic number for unsigned bytes and the number of axes, then the size of each axis."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)


def read_idx(file: BinaryIO, part: Part) -> UInt8Array:
    """Read one array from an IDX file, gzipped or not: browsers unpack .gz and keep the name."""
    gzipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream: Any = gzip.GzipFile(fileobj=file) if gzipped else file
    header, size = stream.read(4 + 4 * len(part.shape)), math.prod(part.shape)
    if header[:4] != _idx_header(part.shape)[:4]:
        raise DataError(f"does not begin with the IDX header of {part.name}")
    _check_shape(part, struct.unpack(f">{len(part.shape)}I", header[4:]))
    if len(body := stream.read(size + 1)) != size:
        raise DataError(f"has too {'few' if len(body) < size else 'many'} bytes for {part.shape}")
    return np.frombuffer(body, np.uint8).reshape(part.shape).copy()


def read_csv(path: Path, rows: int | None = None) -> tuple[UInt8Array, UInt8Array]:
    """Read images and labels from a CSV file, from its first `rows` rows or all."""
    table = bytearray()
    with path.open("rb") as file:
        header = file.readline().decode("utf-8-sig", "replace").strip().replace('"', "").split(",")
        if header not in CSV_HEADERS:
            raise DataError("line 1 is not the header label,pixel0,...,pixel783")
        for number, line in enumerate(islice(file, rows), start=2):
            fields = line.rstrip(b"\r\n").split(b",")
            if len(fields) != len(header):
                raise DataError(f"line {number} has {len(fields)} values, it needs {len(header)}")
            try:
                values = bytes(map(_NUMBERS.__getitem__, fields))
                if values[0] > 9:
                    raise KeyError(fields[0])
            except KeyError as error:
                wrong = error.args[0]
                column = header[fields.index(wrong)]
                where = f"line {number}, column {column}: {wrong[:20].decode(errors='replace')!r}"
                top = 9 if column == "label" else 255
                raise DataError(f"{where} is not a whole number from 0 to {top}") from None
            table += values
    array = np.frombuffer(table, np.uint8).reshape(-1, len(header))
    return array[:, 1:].reshape(-1, 28, 28), array[:, 0].copy()


def load(path: Path) -> Arrays:
    """Read MNIST from a file or a folder in any form, and prove it."""
    with blaming(str(path)):
        return prove(_read_path(path.expanduser()))


def _read_path(path: Path) -> Arrays:
    if path.is_file() and path.suffix == ".npz":
        return read_npz(path)
    if not path.exists():
        raise DataError("there is no such file or folder")
    # A single IDX or CSV file stands for the set in its folder.
    folder = path if path.is_dir() else path.parent
    present = {file.name for file in folder.iterdir() if file.is_file()}
    if path.is_dir() and "mnist.npz" in present:
        return load(folder / "mnist.npz")
    arrays = {}
    if path.suffix != ".csv" and any(not present.isdisjoint(part.idx_names()) for part in PARTS):
        for part in PARTS:
            name = next((name for name in part.idx_names() if name in present), part.idx_names()[0])
            with blaming(name), (folder / name).open("rb") as stream:
                arrays[part.name] = read_idx(stream, part)
    elif not present.isdisjoint(CSV_NAMES):
        for name, images, labels in zip(CSV_NAMES, PARTS[::2], PARTS[1::2], strict=True):
            with blaming(name):
                x, y = read_csv(folder / name, rows=images.shape[0] + 1)
                _check_shape(images, x.shape)
            arrays |= {images.name: x, labels.name: y}
    else:
        raise DataError(f"there is no mnist.npz, {PARTS[0].idx_names()[0]}[.gz] or {CSV_NAMES[0]}")
    return arrays


def _sha256(array: UInt8Array) -> str:
    return hashlib.sha256(_idx_header(array.shape) + array.tobytes()).hexdigest()


def prove(arrays: Arrays) -> Arrays:
    """Return the four arrays if they are MNIST's to the last bit, raise DataError otherwise."""
    wrong = [part for part in PARTS if _sha256(arrays[part.name]) != part.sha256]
    if wrong:
        hint = "they have MNIST's shapes and other content, as Fashion-MNIST has"
        for images in (part for part in wrong if len(part.shape) == 3):
            array = arrays[images.name]
            if _sha256(~array) == images.sha256:
                hint = "pixels are inverted, store 255 - x"
            elif _sha256(array.swapaxes(1, 2)) == images.sha256:
                hint = "rows and columns are exchanged, store x.swapaxes(1, 2)"
        raise DataError(f"not MNIST, {', '.join(part.name for part in wrong)} differ: {hint}")
    return arrays
