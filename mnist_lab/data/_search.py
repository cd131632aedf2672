"""Private: finds MNIST in a file or folder that someone names, whatever its files are called.

Browsers number what is downloaded twice, Windows changes capitals, 7-Zip unpacks every file into a
folder of its own, torchvision has folders of its own. Names need not be trusted: the digests prove.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mnist_lab.data import _csv, _formats, _proof
from mnist_lab.data._proof import Arrays, DataError, Part, blaming, check_shape, differing, prove

Reader = Callable[[BinaryIO], Arrays]
_SUBFOLDERS = ("", "raw", "MNIST/raw")  # the latter two are torchvision's
_MOST_COPIES = 10


def load(path: Path) -> Arrays:
    """Read MNIST from a file or a folder in any form, and prove it."""
    with blaming(str(path)):
        place = existing(path)
        return prove(_read_folder(place) if place.is_dir() else _read_file(place))


def existing(path: Path) -> Path:
    """Return the whole path of a file or folder that is there, raise DataError otherwise.

    What else a path may lead to, such as a pipe, could be waited for without end.
    """
    try:
        path = path.expanduser().absolute()
    except RuntimeError:
        raise DataError("there is no home folder for ~ to stand for") from None
    if path.is_file() or path.is_dir():
        return path
    if path.exists():
        raise DataError("is neither a file nor a folder")
    if os.path.lexists(path):
        raise DataError("is a link that leads nowhere")
    raise DataError("there is no such file or folder")


def _read_npz(file: BinaryIO) -> Arrays:
    return prove(_formats.read_npz(file))  # here: an error then names the file, not its folder


def _read_idx(part: Part, file: BinaryIO) -> Arrays:
    return {part.name: _formats.read_idx(file, part)}


def _read_csv(images: Part, labels: Part, file: BinaryIO) -> Arrays:
    x, y = _csv.read_csv(file, rows=images.shape[0])
    check_shape(images, x.shape)
    return {images.name: x, labels.name: y}


def _forms() -> list[dict[str, Reader]]:
    """The sets of files that MNIST comes in, and what reads each of them."""
    parts = _proof.PARTS
    train, test = _csv.NAMES
    return [
        {"mnist.npz": _read_npz},
        {part.idx_name: partial(_read_idx, part) for part in parts},
        {train: partial(_read_csv, *parts[:2]), test: partial(_read_csv, *parts[2:])},
    ]


def _key(name: str) -> str:
    """Reduce a name to what stays the same: not its case, its "(1)", its dots and its .gz."""
    plain = re.sub(r"\s*\(\d+\)", "", name.lower()).removesuffix(".gz")
    return re.sub(r"[\s._-]+", "-", plain)


def _candidates(folder: Path, form: dict[str, Reader]) -> dict[str, list[Path]]:
    """Return, for each file of a set, the files that may be it, the plainest name first."""
    names = {_key(name): name for name in form}
    found: dict[str, list[Path]] = {}
    entries = [entry for entry in folder.iterdir() if _key(entry.name) in names]
    for entry in sorted(entries, key=lambda entry: (len(entry.name), entry.name)):
        key = _key(entry.name)
        inside = sorted(entry.iterdir()) if entry.is_dir() else [entry]
        if files := [file for file in inside if file.is_file() and _key(file.name) == key]:
            found.setdefault(names[key], []).extend(files)
    return found


def _read_folder(folder: Path) -> Arrays:
    places = [folder / name for name in _SUBFOLDERS]
    for place in filter(Path.is_dir, places):
        for form in _forms():
            if found := _candidates(place, form):
                return _read_set(place, form, found)
    npz, idx, csv = (next(iter(form)) for form in _forms())
    raise DataError(f"there is no {npz}, {idx}[.gz] or {csv} in it")


def _read_file(path: Path) -> Arrays:
    with path.open("rb") as file:
        head = file.read(_formats.HEAD)
    key = _key(path.name)
    for form in _forms()[1:]:
        # A single IDX or CSV file stands for the set in its folder.
        name = next((name for name in form if _key(name) == key), None)
        if name or (path.suffix.lower() == ".csv" and set(form) == set(_csv.NAMES)):
            alone = _key(path.parent.name) == key  # in a folder of its own, as by 7-Zip
            folder = path.parent.parent if alone else path.parent
            found = _candidates(folder, form)
            if name:
                others = [other for other in found.get(name, []) if other != path]
                found[name] = [path, *others]
            return _read_set(folder, form, found)
    if head.startswith(b"PK") or path.suffix.lower() == ".npz":
        with path.open("rb") as file:
            return _read_npz(file)
    expected = ", ".join(name for form in _forms() for name in form)
    raise DataError(_formats.describe(head) or f"is not called like a file of MNIST: {expected}")


def _read_set(folder: Path, form: dict[str, Reader], found: dict[str, list[Path]]) -> Arrays:
    arrays: Arrays = {}
    for name, read in form.items():
        if name not in found:
            raise DataError(f"there is no {name} beside the rest")
        arrays |= _read_best(folder, found[name][:_MOST_COPIES], read)
    return arrays


def _read_best(folder: Path, copies: list[Path], read: Reader) -> Arrays:
    """Read the first copy that is MNIST's; if none is, the first one that can be read."""
    readable: Arrays = {}
    first_error: DataError | None = None
    for path in copies:
        try:
            with blaming(str(path.relative_to(folder))), path.open("rb") as file:
                arrays = read(file)
        except DataError as error:
            first_error = first_error or error
            continue
        if len(copies) == 1 or not differing(arrays):
            return arrays
        readable = readable or arrays
    if readable:
        return readable
    assert first_error
    raise first_error
