"""Where the digits come from, and proof that they are the digits.

``load_mnist()`` looks in this order: its argument or the environment variable ``MNIST_LAB_DATA``,
the course's own cache (``MNIST_LAB_CACHE`` may name its folder), Keras' cache, three mirrors on the
network, and last a sample of other digits that needs no network. Whatever the route, MNIST is what
has MNIST's SHA-256 digests; a file that fails this proof is never used, changed or deleted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from mnist_lab._files import replacing
from mnist_lab.data import _cache, _csv, _mirrors
from mnist_lab.data._cache import find_cached
from mnist_lab.data._proof import Arrays, DataError, UInt8Array, blaming
from mnist_lab.data._search import existing, load

__all__ = [
    "DataError",
    "Digits",
    "find_cached",
    "load_mnist",
    "load_sample",
    "read_csv",
    "to_csv",
]

_ADVICE = (
    "set MNIST_LAB_DATA to a file or folder with MNIST (.npz, IDX or CSV), or go online once "
    "and call load_mnist() again"
)


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures of digits and what they show, for training and for testing.

    Attributes:
        x_train: pixels, uint8 of shape (n, 28, 28), 0 paper to 255 full ink.
        y_train: the digits 0 to 9, uint8 of shape (n,).
        x_test: pixels of the test images, the same form.
        y_test: the digits on them, the same form.
        source: a sentence for people that says where the digits came from.
        is_mnist: True if all four arrays are proven to be MNIST's.
    """

    x_train: UInt8Array = field(repr=False)
    y_train: UInt8Array = field(repr=False)
    x_test: UInt8Array = field(repr=False)
    y_test: UInt8Array = field(repr=False)
    source: str
    is_mnist: bool


def _proven(arrays: Arrays, origin: str, note: str = "") -> Digits:
    source = f"MNIST, {origin} (proven by its digests). {note}".rstrip()
    return Digits(**arrays, source=source, is_mnist=True)


def load_mnist(source: str | os.PathLike[str] = "auto", *, allow_sample: bool = True) -> Digits:
    """Find MNIST, prove it and return it.

    Args:
        source: ``"auto"`` looks everywhere, as the top of this module says; ``"sample"`` takes the
            sample; anything else is the path of a file or folder. A folder holds ``mnist.npz``, or
            the four IDX files, gzipped or not, or ``mnist_train.csv`` and ``mnist_test.csv``. The
            files may lie as torchvision or 7-Zip left them, and be called ``MNIST.NPZ`` or
            ``mnist (1).npz``. A single IDX or CSV file stands for its folder. ``MNIST_LAB_DATA``
            takes the same values.
        allow_sample: whether the sample may take the place of MNIST.

    Returns:
        60,000 training and 10,000 test images, or the sample, whose ``is_mnist`` is False.

    Raises:
        DataError: the path that was asked for is not MNIST, or nothing was found and the sample is
            not allowed; the message lists what was tried.
    """
    who = "load_mnist"
    if source == "auto" and (given := os.environ.get("MNIST_LAB_DATA")):
        source, who = given, "MNIST_LAB_DATA"
    if source == "sample":
        if not allow_sample:
            raise DataError(f"{who} asks for the sample, and only MNIST will do here: {_ADVICE}.")
        return load_sample()
    if source != "auto":
        try:
            arrays = load(Path(source))
        except DataError as error:
            raise DataError(
                f"{who} names {error}. Give the path of MNIST's original files, or leave it out: "
                "the course then looks for MNIST itself."
            ) from error
        return _proven(arrays, f"from the path given by {who}")
    return _look_everywhere(allow_sample)


def _look_everywhere(allow_sample: bool) -> Digits:
    """Look in the caches and on the network; a bad file is passed over and remembered."""
    tried: list[str] = []
    for name, paths in _cache.CACHES:
        try:
            candidates = paths()
        except DataError as error:
            tried.append(f"{name}: {error}")
            continue
        for path in candidates:
            try:
                return _proven(load(path), f"from {name}")
            except DataError as error:
                tried.append(f"{name}: {error}")
    if found := _mirrors.download(tried):
        arrays, mirror = found
        return _proven(arrays, f"downloaded from {mirror}", _cache.keep(arrays))
    report = "\n".join(f"- {line}" for line in tried)
    if not allow_sample:
        raise DataError(f"MNIST was not found. Tried:\n{report}\nTo go on, {_ADVICE}.")
    sample = load_sample()
    return replace(sample, source=f"{sample.source} MNIST was not found.\n{report}")


def load_sample() -> Digits:
    """Return the sample that needs no network: scikit-learn's 1,797 handwritten digits.

    They are 8x8 pixels of 17 levels, brought to MNIST's form by
    :func:`mnist_lab.pictures.to_mnist`, 1,497 to train and 300 to test. The split is fixed:
    ``train_test_split(test_size=300, stratify=labels, random_state=0)``. The same people wrote both
    parts.

    Returns:
        The digits, with ``is_mnist`` False: no published figure applies to them.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository (1998), as ``sklearn.datasets.load_digits`` has it.
    """
    x_train, x_test, y_train, y_test = (part.copy() for part in _sample_parts())
    source = (
        "The bundled SAMPLE, not MNIST: scikit-learn's 1,797 digits. No published figure applies."
    )
    return Digits(x_train, y_train, x_test, y_test, source, is_mnist=False)


@cache
def _sample_parts() -> tuple[UInt8Array, ...]:
    """Make the sample's images and labels, which takes a second, once in a process."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from mnist_lab.pictures import to_mnist

    pictures, labels = load_digits(return_X_y=True)
    pictures = np.round(pictures.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.stack([to_mnist(picture) for picture in pictures])
    labels = labels.astype(np.uint8)
    return tuple(train_test_split(images, labels, test_size=300, stratify=labels, random_state=0))


def to_csv(digits: Digits, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write the digits as ``mnist_train.csv`` and ``mnist_test.csv``.

    The form is as in Kaggle's digit-recognizer: a header ``label,pixel0,...,pixel783``, then one
    image a row, its pixels row by row. Files of these names are replaced, each in one step.

    Args:
        digits: what to write.
        folder: where; it is created if need be.

    Returns:
        The paths of the two files.

    Raises:
        DataError: the folder cannot be written to.
    """
    folder = Path(folder)
    train, test = (folder / name for name in _csv.NAMES)
    numbers = [b"%d" % value for value in range(256)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, x, y in (
            (train, digits.x_train, digits.y_train),
            (test, digits.x_test, digits.y_test),
        ):
            rows = np.column_stack([y, x.reshape(len(x), -1)])
            with replacing(path) as file:
                file.write(",".join(_csv.HEADERS[0]).encode() + b"\n")
                file.writelines(
                    b",".join([numbers[v] for v in row.tobytes()]) + b"\n" for row in rows
                )
    except OSError as error:
        raise DataError(f"{error}: give to_csv a folder that you may write to.") from error
    return train, test


def read_csv(path: str | os.PathLike[str]) -> tuple[UInt8Array, UInt8Array]:
    """Read digits from a CSV file as :func:`to_csv` writes it, and check every value.

    Pixel columns may also be called ``pixel1`` to ``pixel784``, ``1x1`` to ``28x28`` or ``0`` to
    ``783``, or the header may be missing. Values may be quoted or written as ``7.0``.

    Args:
        path: the file, of at most 70,000 rows.

    Returns:
        Images, uint8 of shape (n, 28, 28), and labels, uint8 of shape (n,). They are not proven
        to be MNIST's.

    Raises:
        DataError: the file cannot be read, or a row has a wrong number of values or a value that
            is no pixel or digit. The message says what was found, and in which line and column.
    """
    try:
        with blaming(str(path)), existing(Path(path)).open("rb") as file:
            return _csv.read_csv(file)
    except DataError as error:
        raise DataError(f"{error}. Mend the file or write it again with to_csv.") from error
