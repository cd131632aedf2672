"""Files that are not what they should be: named, left alone and never unpacked whole."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from data_room import NAMES, Arrays, as_idx, idx, npz, random_arrays, same, tree

from mnist_lab import data
from mnist_lab.data import DataError

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")


def raw_npz(**members: bytes) -> bytes:
    """An .npz whose members are whatever one likes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
        file, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


class Boom:
    """Unpickling it ends the tests."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (66,)


ZEROS = bytes(50_000_000)
# Version 2.0 allows a header of 4 GB: this one declares fifty million bytes of header.
LONG_HEADER = b"\x93NUMPY\x02\x00" + len(ZEROS).to_bytes(4, "little") + ZEROS

WRONG_NPZ: dict[str, tuple[Callable[[Arrays], bytes], str]] = {
    "cut short": (lambda a: npz(a)[:-2000], "does not end as an .npz file does: it is cut short"),
    "a second file behind it": (lambda a: npz(a) + b"x", "does not end as an .npz file does"),
    "a list of thousands": (
        lambda a: raw_npz(**{f"{n}": b"" for n in range(3000)}),
        "lists more contents than MNIST has",
    ),
    "bytes changed": (lambda a: npz(a).replace(npz(a)[500:600], bytes(100)), "cannot be read"),
    "other names": (
        lambda a: npz({"images": a["x_train"], "labels": a["y_train"]}),
        "there is no array x_train, only: images, labels",
    ),
    "pickle": (
        lambda a: raw_npz(x_train=npy(np.array([Boom()], dtype=object))),
        "pickled Python objects, never loaded",
    ),
    "int64": (lambda a: npz(a | {"x_train": a["x_train"].astype(int)}), "x_train has dtype int64"),
    "flat": (
        lambda a: npz(a | {"x_train": a["x_train"].reshape(40, 784)}),
        r"x_train has shape \(40, 784\), but in MNIST it has \(40, 28, 28\)",
    ),
    "bomb by shape": (
        lambda a: raw_npz(x_train=npy_header((10_000_000, 28, 28)) + ZEROS),
        r"x_train has shape \(10000000, 28, 28\)",
    ),
    "bomb by size": (
        lambda a: raw_npz(x_train=npy_header((40, 28, 28)) + ZEROS),
        "x_train declares 50,000,128 bytes",
    ),
    "bomb in the header": (lambda a: raw_npz(x_train=LONG_HEADER), "x_train has a header that"),
    "other digits": (
        lambda a: npz(random_arrays(1)),
        r"not MNIST: x_train, y_train, x_test, y_test differ\. .*Fashion-MNIST",
    ),
    "one pixel": (
        lambda a: npz(a | {"x_test": a["x_test"] ^ (np.arange(784).reshape(28, 28) == 400)}),
        "not MNIST: x_test differ",
    ),
    "one label": (
        lambda a: npz(a | {"y_test": np.roll(a["y_test"], 1)}),
        "not MNIST: y_test differ",
    ),
    "swapped": (
        lambda a: npz(dict(zip(NAMES, [a[n] for n in NAMES[2:] + NAMES[:2]], strict=True))),
        "training and test digits are swapped, so exchange them",
    ),
    "inverted": (
        lambda a: npz(a | {"x_train": 255 - a["x_train"], "x_test": 255 - a["x_test"]}),
        "x_train, x_test differ. Pixels are inverted: store 255 - x",
    ),
    "transposed": (
        lambda a: npz(
            a | {"x_train": a["x_train"].swapaxes(1, 2), "x_test": a["x_test"].swapaxes(1, 2)}
        ),
        "x_train, x_test differ. Rows and columns are exchanged",
    ),
}


@pytest.mark.parametrize("fault", WRONG_NPZ)
def test_wrong_npz_is_named_and_left_alone(fault: str, mnist: Arrays, tmp_path: Path) -> None:
    build, message = WRONG_NPZ[fault]
    path = tmp_path / "digits.npz"
    path.write_bytes(build(mnist))
    before = tree(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(
            DataError, match=rf"load_mnist names .*digits\.npz: .*{message}.*\. Give"
        ):
            data.load_mnist(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "unpacked what it should not"
    finally:
        tracemalloc.stop()
    assert tree(tmp_path) == before


def cut(content: bytes) -> bytes:
    return content[:-1]


WRONG_IDX: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "cut short": ("train-images-idx3-ubyte", cut, "has too few bytes"),
    "too long": ("train-images-idx3-ubyte", lambda b: b + b"0", "has too many bytes"),
    "gzip cut short": (
        "t10k-labels-idx1-ubyte",
        lambda b: cut(gzip.compress(b)),
        "cannot be read .EOFError",
    ),
    "gzip bomb": (
        "t10k-labels-idx1-ubyte",
        lambda b: gzip.compress(b + ZEROS, 1),
        "has too many bytes",
    ),
    "gzipped twice": (
        "t10k-labels-idx1-ubyte",
        lambda b: gzip.compress(gzip.compress(b)),
        "is gzipped twice: unpack it once",
    ),
    "text": ("t10k-labels-idx1-ubyte", lambda b: b"7, 2, 1, 0", "does not begin with the IDX"),
    "header cut short": ("t10k-images-idx3-ubyte", lambda b: b[:9], "has too few bytes"),
    "labels for images": (
        "t10k-images-idx3-ubyte",
        lambda b: idx(np.zeros(12, np.uint8)),
        "does not begin with the IDX header of x_test",
    ),
    "test for training": (
        "train-labels-idx1-ubyte",
        lambda b: idx(np.zeros(12, np.uint8)),
        r"y_train has shape \(12,\), but in MNIST it has \(40,\): training and test .* swapped",
    ),
}


@pytest.mark.parametrize("fault", WRONG_IDX)
def test_wrong_idx_is_named(fault: str, mnist: Arrays, tmp_path: Path) -> None:
    name, spoil, message = WRONG_IDX[fault]
    as_idx(tmp_path, mnist)
    path = tmp_path / name
    path.write_bytes(spoil(path.read_bytes()))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"{name}: .*{message}.*\. Give"):
            data.load_mnist(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "unpacked what it should not"
    finally:
        tracemalloc.stop()


def test_unpacked_idx_that_kept_its_gz_name(mnist: Arrays, tmp_path: Path) -> None:
    as_idx(tmp_path, mnist)
    for path in tmp_path.glob("*-ubyte"):
        path.rename(path.with_name(path.name + ".gz"))
    assert same(data.load_mnist(tmp_path), mnist)


# What people have in place of a file of MNIST, whatever its name says.
KINDS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "a web page": (b"\xef\xbb\xbf\n<!DOCTYPE html><title>Sign in</title>", "is a web page"),
    "an error of a bucket": (b"<?xml version='1.0'?><Error>", "is a web page"),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9912422\n",
        "is a Git LFS pointer, not the file itself: run git lfs pull",
    ),
    "UTF-16": ("label,pixel0".encode("utf-16"), "is text in UTF-16: save it in UTF-8"),
    "UTF-16 without mark": ("label,pixel0".encode("utf-16-be"), "is text in UTF-16"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "is a 7z archive: unpack it"),
    "RAR": (b"Rar!\x1a\x07", "is a RAR archive: unpack it"),
    "Parquet": (b"PAR1\x15\x04", "is a Parquet file"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
    "JSON": (b'{"message": "Not Found"}', "is JSON text"),
    "PDF": (b"%PDF-1.7", "is a PDF document"),
    "pickle": (pickle.dumps([7, 2, 1, 0, 4]), "is a pickle, .* never loaded"),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform", "is a MATLAB file"),
    "zeros": (bytes(500), "holds nothing but zeros"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["mnist.npz", "train-images-idx3-ubyte.gz", "mnist_train.csv", "digits.dat"]
)
def test_what_is_no_file_of_mnist_is_said_in_every_place(
    kind: str, name: str, tmp_path: Path
) -> None:
    content, message = KINDS[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{re.escape(name)}.*: {message}.*\. Give"):
        data.load_mnist(tmp_path / name)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "mnist_train.csv"])
def test_archives_are_to_be_unpacked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(raw_npz(other=b""))
    with pytest.raises(DataError, match=f"{name}.*: is a zip archive: unpack it"):
        data.load_mnist(tmp_path)


@pytest.mark.parametrize("name", ["mnist.npz", "mnist_train.csv", "mnist.dat"])
def test_gzip_where_none_is_expected(name: str, mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(npz(mnist)))
    with pytest.raises(DataError, match=f"{name}.*: is gzipped: unpack it"):
        data.load_mnist(tmp_path / name)
