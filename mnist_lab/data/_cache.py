"""Private: where MNIST is kept between two lessons: the course's own cache, and that of Keras."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mnist_lab._files import replacing
from mnist_lab.data._formats import DataError, load


def cache_folder() -> Path:
    """The course's own cache: ``MNIST_LAB_CACHE``, or the platform's folder for such things."""
    import pooch

    return Path(os.environ.get("MNIST_LAB_CACHE") or pooch.os_cache("mnist-lab"))


def cached() -> list[Path]:
    """What the course's own cache holds, or the file that it could hold."""
    with suppress(OSError, RuntimeError):  # the latter where there is no home to expand ~ to
        if found := sorted(cache_folder().expanduser().glob("mnist*.npz")):
            return found
    return [cache_folder() / "mnist.npz"]


def keras_file() -> Path:
    """Where Keras keeps MNIST; only ever read."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets/mnist.npz"


def keep(arrays: dict[str, Any]) -> bool:
    """Put proven arrays into the cache, beside damaged files, never over them; False if not."""
    try:
        folder = cache_folder().expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        for n in count(1):
            path = folder / f"mnist{'' if n == 1 else f'-{n}'}.npz"
            if not path.exists():
                break
            with suppress(DataError):
                load(path)  # another kernel was faster
                return True
        with replacing(path) as file:
            np.savez(file, **arrays)
    except (OSError, RuntimeError):
        return False
    return True


def find_cached() -> Path | None:
    """Return the file of MNIST that a cache holds, or None; the file is not proven.

    :func:`mnist_lab.data.load_mnist` proves what it reads; this is for those who only need to know
    where it would look first, such as a sandbox that has to make the file visible.
    """
    for path in (*cached(), keras_file()):
        with suppress(OSError, RuntimeError):
            if (place := path.expanduser()).is_file():
                return place
    return None
