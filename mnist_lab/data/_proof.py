"""Private: what MNIST is, and the proof that four arrays are it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mnist_lab import IMAGE_SHAPE

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

    @property
    def idx_name(self) -> str:
        """Return the name of its IDX file, to which ``.gz`` may be added."""
        return f"{self.stem}-idx{len(self.shape)}-ubyte"


# fmt: off
PARTS = (
    Part("x_train", "train-images", (60000, *IMAGE_SHAPE),
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    Part("y_train", "train-labels", (60000,),
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    Part("x_test", "t10k-images", (10000, *IMAGE_SHAPE),
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    Part("y_test", "t10k-labels", (10000,),
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
# fmt: on


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Name the file in every error, whatever a damaged one makes zipfile, zlib or NumPy raise."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    except Exception as error:
        raise DataError(f"{name}: cannot be read ({type(error).__name__}: {error})") from error


def check_shape(part: Part, shape: tuple[int, ...]) -> None:
    """Raise DataError if an array of this shape cannot be this part of MNIST."""
    if shape != part.shape:
        swapped = shape == PARTS[PARTS.index(part) - 2].shape
        hint = ": training and test digits are swapped, so exchange them" if swapped else ""
        raise DataError(f"{part.name} has shape {shape}, but in MNIST it has {part.shape}{hint}")


def idx_header(shape: tuple[int, ...]) -> bytes:
    """Magic number for unsigned bytes and the number of axes, then the size of each axis."""
    return struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)


def _sha256(array: UInt8Array) -> str:
    return hashlib.sha256(idx_header(array.shape) + array.tobytes()).hexdigest()


def differing(arrays: Arrays) -> list[Part]:
    """Return the parts, of those that are there, which are not MNIST's to the last bit."""
    return [
        part for part in PARTS if part.name in arrays and _sha256(arrays[part.name]) != part.sha256
    ]


def prove(arrays: Arrays) -> Arrays:
    """Return the four arrays if they are MNIST's to the last bit, raise DataError otherwise."""
    if wrong := differing(arrays):
        hint = "They have MNIST's shapes, but other content, like Fashion-MNIST"
        for images in (part for part in wrong if len(part.shape) == 3):
            array = arrays[images.name]
            if _sha256(~array) == images.sha256:
                hint = "Pixels are inverted: store 255 - x"
            elif _sha256(array.swapaxes(1, 2)) == images.sha256:
                hint = "Rows and columns are exchanged: store x.swapaxes(1, 2)"
        raise DataError(f"not MNIST: {', '.join(p.name for p in wrong)} differ. {hint}")
    return arrays
