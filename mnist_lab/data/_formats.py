"""Private: reads MNIST's arrays from .npz and IDX files that nobody vouches for."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from mnist_lab.data import _proof
from mnist_lab.data._proof import Arrays, DataError, Part, UInt8Array, check_shape, idx_header

HEAD = 64  # bytes that are enough to say what a file is
_OTHER = "choose a file in another form (.npz, IDX or CSV)"
_PICKLE = f"is a pickle, which can run any program and is never loaded: {_OTHER}"
_SIGNS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file itself: run git lfs pull",
    b"PK\x03\x04": "is a zip archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive: unpack it",
    b"Rar!": "is a RAR archive: unpack it",
    b"\x1f\x8b": "is gzipped: unpack it",
    b"\xff\xfe": "is text in UTF-16: save it in UTF-8",
    b"\xfe\xff": "is text in UTF-16: save it in UTF-8",
    b"\x93NUMPY": "is one array of NumPy (.npy): put all four arrays into one .npz",
    b"\x89HDF": f"is an HDF5 file: {_OTHER}",
    b"PAR1": f"is a Parquet file: {_OTHER}",
    b"MATLAB": f"is a MATLAB file: {_OTHER}",
    b"\x80\x02": _PICKLE,
    b"\x80\x03": _PICKLE,
    b"\x80\x04": _PICKLE,
    b"\x80\x05": _PICKLE,
    b"%PDF": f"is a PDF document: {_OTHER}",
    b"<": "is a web page, not the data: what was saved may be a page that asks to sign in",
    b"{": f"is JSON text, not the data: {_OTHER}",
}
_npy: Any = np.lib.format  # typed in some versions of NumPy only


def describe(head: bytes) -> str | None:
    """Say what a file is that begins with these bytes, if it is a known kind of wrong file."""
    if not head:
        return "is empty"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for sign, kind in _SIGNS.items():
        if head.startswith(sign) or start.startswith(sign):
            return kind
    if len(head) > 3 and not (any(head[0::2]) and any(head[1::2])):
        return "is text in UTF-16: save it in UTF-8" if any(head) else "holds nothing but zeros"
    return None


def read_head(file: Any) -> bytes:
    """Return how a file begins, and go back to its start."""
    head: bytes = file.read(HEAD)
    file.seek(0)
    return head


def read_npz(file: BinaryIO) -> Arrays:
    """Read the four arrays from what `numpy.savez` wrote under the names that Keras uses."""
    head = read_head(file)
    if not head.startswith(b"PK"):
        raise DataError(describe(head) or "is not an .npz file")
    _check_end(file)
    with zipfile.ZipFile(file) as archive:
        return {part.name: _read_npy(archive, part) for part in _proof.PARTS}


def _check_end(file: BinaryIO) -> None:
    """Refuse a list of contents that is missing, or longer than four arrays can need.

    The zipfile module reads all of this list before anything can be asked.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 42))
    tail = file.read().rjust(42)
    file.seek(0)
    locator, end = tail[:20], tail[20:]
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\x00\x00")):
        raise DataError("does not end as an .npz file does: it is cut short, so download it again")
    if struct.unpack("<L", end[12:16])[0] > 2**16 or locator.startswith(b"PK\x06\x07"):
        raise DataError("lists more contents than MNIST has")


def _read_npy(archive: zipfile.ZipFile, part: Part) -> UInt8Array:
    if f"{part.name}.npy" not in archive.namelist():
        found = ", ".join(name.removesuffix(".npy")[:40] for name in archive.namelist()[:8])
        raise DataError(f"there is no array {part.name}, only: {found or 'nothing'}")
    member = archive.getinfo(f"{part.name}.npy")
    with archive.open(member) as stream:
        # The header of a later version may be gigabytes long. The header of 1.0 ends within 64 KB.
        if _npy.read_magic(stream) != (1, 0):
            raise DataError(f"{part.name} has a header that numpy.save does not write for MNIST")
        shape, _, dtype = _npy.read_array_header_1_0(stream)
        if dtype != np.uint8:
            kind = "pickled Python objects, never loaded" if dtype.hasobject else f"dtype {dtype}"
            raise DataError(f"{part.name} has {kind}, but in MNIST it has uint8")
        check_shape(part, shape)
        if member.file_size != stream.tell() + math.prod(shape):
            raise DataError(
                f"{part.name} declares {member.file_size:,} bytes, which are too many or too few"
            )
    with archive.open(member) as stream:
        return np.ascontiguousarray(_npy.read_array(stream, allow_pickle=False))


def read_idx(file: BinaryIO, part: Part) -> UInt8Array:
    """Read one array from an IDX file, gzipped or not: browsers unpack .gz and keep the name."""
    gzipped = read_head(file).startswith(b"\x1f\x8b")
    stream: Any = gzip.GzipFile(fileobj=file) if gzipped else file
    head, size = read_head(stream), math.prod(part.shape)
    header = stream.read(4 * (1 + len(part.shape)))
    if header[:4] != idx_header(part.shape)[:4]:
        if gzipped and head.startswith(b"\x1f\x8b"):
            raise DataError("is gzipped twice: unpack it once")
        raise DataError(describe(head) or f"does not begin with the IDX header of {part.name}")
    if len(header) == len(idx_header(part.shape)):
        check_shape(part, struct.unpack(f">{len(part.shape)}I", header[4:]))
    if len(body := stream.read(size + 1)) != size:
        raise DataError(f"has too {'few' if len(body) < size else 'many'} bytes for {part.shape}")
    return np.frombuffer(body, np.uint8).reshape(part.shape).copy()
