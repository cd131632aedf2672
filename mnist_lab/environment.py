"""Where a lesson runs: a quiet start of TensorFlow, the versions, and a two-line report.

Seeding stays in sight: the lessons call ``keras.utils.set_random_seed(SEED)`` in the cell that
builds a model, which alone makes a run repeatable on one machine.
"""

from __future__ import annotations

import io
import logging
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_lab import __version__

if TYPE_CHECKING:
    from mnist_lab.data import Digits

__all__ = ["processor", "quiet_start", "quietly", "report", "versions"]

# Distribution names: what is installed under them decides what a reader sees.
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scikit-learn", "matplotlib")


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's start-up log lines out of a notebook.

    They are written by compiled code straight to file descriptor 2, so neither ``warnings`` nor
    ``contextlib.redirect_stderr`` can catch them; TensorFlow 2.21 prints some of them whatever
    ``TF_CPP_MIN_LOG_LEVEL`` says. Only the descriptor is redirected: an exception raised inside
    the block still reaches the reader in full. From then on, TensorFlow's own logger reports errors
    only: it warns whoever builds many networks in one kernel, as the lessons do on purpose.

    Raises:
        RuntimeError: ``import keras`` in the block found another backend, image data format or
            type of floats than the lessons need; the sentence says where to change it.

    Example::

        with quiet_start():
            import keras
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A variable of the environment outweighs ~/.keras/keras.json, which may name another backend.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    saved = os.dup(2)
    with open(os.devnull, "wb") as silence:  # noqa: PTH123  (a descriptor is wanted, not a path)
        os.dup2(silence.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _check_keras()


@contextmanager
def quietly() -> Iterator[None]:
    """Keep out of a notebook what an export prints to either stream; errors are still raised.

    Keras describes the network that it exports, and TensorFlow's converter adds log lines.

    Example::

        with quietly():
            model.export("digits.tflite", format="litert")
    """
    absl = logging.getLogger("absl")
    level = absl.level
    absl.setLevel(logging.ERROR)
    try:
        with quiet_start(), redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        absl.setLevel(level)


def _check_keras() -> None:
    """Raise RuntimeError if Keras is set up for something else than the lessons expect."""
    keras = sys.modules.get("keras")
    if keras is None:
        return
    settings = {
        "backend": (keras.config.backend(), "tensorflow"),
        "image_data_format": (keras.config.image_data_format(), "channels_last"),
        "floatx": (keras.config.floatx(), "float32"),
    }
    for name, (found, wanted) in settings.items():
        if found != wanted:
            place = Path(os.environ.get("KERAS_HOME") or "~/.keras") / "keras.json"
            raise RuntimeError(
                f"Keras is set to {name} {found!r}, and the lessons need {wanted!r}: set it in "
                f"{place} (or remove the variable KERAS_BACKEND), and restart the kernel."
            )


def processor() -> str:
    """Return what this machine computes with: with the versions it decides the last bits."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or platform.machine()
    lines = [line.partition(":") for line in cpuinfo.read_text().splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in lines}
    name = facts.get("model name", platform.machine())
    details = [f"{what} {facts[what]}" for what in ("cpu family", "model") if what in facts]
    flags = facts.get("flags", "").split()
    details += [word for word in ("avx512f", "avx2") if word in flags][:1]
    return f"{name} ({', '.join(details)})"


def versions() -> dict[str, str]:
    """Return the versions that decide what a lesson prints.

    Returns:
        ``{"python": "3.13", "tensorflow": "2.20.0", ...}`` in a fixed order; a package that is not
        installed is left out, ``tensorflow-cpu`` counts as ``tensorflow``. Nothing is imported.
    """
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in _PACKAGES:
        for distribution in (package, f"{package}-cpu"):
            try:
                found.setdefault(package, metadata.version(distribution))
            except metadata.PackageNotFoundError:
                continue
    # The checkout knows its version; an installation in place keeps the one that it began with.
    return found | {"mnist-lab": __version__}


def report(digits: Digits) -> None:
    """Show the versions in use, where the digits came from and whether TensorFlow has a GPU.

    The metadata of the output repeats versions and source as ``mnist_lab``, for programs.

    Args:
        digits: what :func:`mnist_lab.data.load_mnist` returned.
    """
    found = versions()
    lines = [", ".join(f"{name} {version}" for name, version in found.items()), digits.source]
    # A lesson that has not imported TensorFlow does not need it, and asking it would import it.
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        lines.append("This lesson uses no TensorFlow: no GPU is needed.")
    elif gpus := tensorflow.config.list_physical_devices("GPU"):
        lines.append(f"TensorFlow uses {len(gpus)} GPU(s).")
    else:
        lines.append(
            "No GPU found, and none is needed. "
            "On Colab, Runtime > Change runtime type > T4 GPU gives one."
        )
    text = "\n".join(lines)
    # A notebook has IPython loaded; elsewhere a plain line does.
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        print(text)
    else:
        facts = {"data": digits.source.splitlines()[0], "versions": found}
        ipython.display.display({"text/plain": text}, metadata={"mnist_lab": facts}, raw=True)
