"""Private: where MNIST is kept between two lessons: the course's own cache, and Keras' cache."""

from __future__ import annotations

import os
import time
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mnist_lab._files import replacing
from mnist_lab.data._proof import DataError
from mnist_lab.data._search import load

UNFINISHED_SECONDS = 3600.0  # age at which nobody can still be writing a file


def import_pooch() -> Any:
    """Import pooch without the red warning in a notebook: tqdm.auto, which it loads, wants widgets.

    The course shows its progress as text and needs no widgets.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    return pooch


def cache_folder() -> Path:
    """Return the course's own cache: ``MNIST_LAB_CACHE``, or the platform's folder for such things.

    Raises:
        DataError: there is no home folder that could hold it.
    """
    try:
        folder = os.environ.get("MNIST_LAB_CACHE") or import_pooch().os_cache("mnist-lab")
        return Path(folder).expanduser()
    except RuntimeError:  # from platformdirs or from pathlib, by their versions
        raise DataError(
            "there is no home folder to keep MNIST in: set MNIST_LAB_CACHE to a folder"
        ) from None


def cached() -> list[Path]:
    """Return what the course's own cache holds, or the file that it could hold."""
    folder = cache_folder()
    with suppress(OSError):  # they may be another user's
        _remove_unfinished(folder)
    with suppress(OSError):
        if found := sorted(folder.glob("mnist*.npz")):
            return found
    return [folder / "mnist.npz"]


def _remove_unfinished(folder: Path) -> None:
    """Delete what kernels left that were killed while they wrote, under names of `replacing`."""
    for path in folder.glob(".mnist*.npz.*.part"):
        if time.time() - path.lstat().st_mtime > UNFINISHED_SECONDS:
            path.unlink()


def kept_by_keras() -> list[Path]:
    """Return the file in which Keras keeps MNIST; it is only ever read."""
    return [Path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets/mnist.npz"]


CACHES = (("the course's cache", cached), ("Keras' cache", kept_by_keras))


def find_cached() -> Path | None:
    """Return the file of MNIST that a cache holds, or None; the file is not proven.

    :func:`mnist_lab.data.load_mnist` proves what it reads. This function is for code that only
    needs to know where MNIST would be looked for first, such as a sandbox that makes it visible.
    """
    for _, paths in CACHES:
        with suppress(DataError, OSError, RuntimeError):
            for path in paths():
                if (place := path.expanduser()).is_file():
                    return place
    return None


def keep(arrays: dict[str, Any]) -> str:
    """Put proven arrays into the cache, beside what is damaged, never over it.

    Returns:
        Why they could not be kept, as a sentence; nothing if they were.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for n in count(1):
            path = folder / f"mnist{'' if n == 1 else f'-{n}'}.npz"
            if not os.path.lexists(path):  # a link that leads nowhere is somebody's, too
                break
            with suppress(DataError):
                load(path)  # another kernel was faster
                return ""
        with replacing(path) as file:
            np.savez(file, **arrays)
    except DataError as error:
        return f"It could not be kept: {error}."
    except OSError as error:
        return f"It could not be kept: the cache is not writable ({error.strerror})."
    return ""
