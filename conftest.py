"""Makes ``pytest --nbval notebooks/`` strict and green with no further flag, from any folder.

Everything is set here and not in ``addopts``. Paths in ``addopts`` depend on the working folder.
Options of nbval there would break plain pytest where nbval is not installed.
"""

from __future__ import annotations

import os
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent
SANITIZE = ROOT / "tests/nbval_sanitize.cfg"
CELL_SECONDS = 1800.0  # a dead kernel is noticed without it, and a busy computer is no fault
HEADER = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    if getattr(option, "dist", "no") in {"load", "worksteal"}:
        option.dist = "loadscope"  # the cells of a lesson stay together
        option.loadscopereorder = False  # see pytest_collection_modifyitems
    share_processors(config)
    if not (getattr(option, "nbval", False) or getattr(option, "nbval_lax", False)):
        return
    option.nbval_sanitize_with = option.nbval_sanitize_with or str(SANITIZE)
    option.nbval_current_env = not option.nbval_kernel_name
    option.nbval_cell_timeout = min(option.nbval_cell_timeout, CELL_SECONDS)
    export_environment(config)
    notice_dead_kernels()
    choose_comparison(config)  # workers of xdist, too: what is set here does not reach them


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long: begun last, it would keep one worker busy alone.

    These are the lessons that say so in course.toml, and the files with the most slow tests. Within
    a file the order stays: its tests share what they set up.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    minutes = {ROOT / "notebooks" / f"{name}.ipynb": run for name, run in run_minutes().items()}
    items.sort(key=lambda item: (-slow[item.path], -minutes.get(item.path, 0)))


def run_minutes() -> dict[str, int]:
    """Return how many minutes each lesson runs; nothing where there is no list of lessons."""
    path = ROOT / "course.toml"
    lessons = tomllib.loads(path.read_text(encoding="utf-8"))["lesson"] if path.is_file() else []
    return {lesson["name"]: lesson["minutes"]["run"] for lesson in lessons}


def pytest_report_header(config: pytest.Config) -> str | None:
    return config.stash.get(HEADER, None)


def choose_comparison(config: pytest.Config) -> None:
    """Compare the stored outputs only on the data that they were made from: MNIST."""
    from mnist_lab import data

    try:
        digits = data.load_mnist()
    except data.DataError as error:
        raise pytest.UsageError(str(error)) from error
    if not digits.is_mnist:
        config.option.nbval_lax = True
        os.environ["MNIST_LAB_DATA"] = "sample"  # the kernels need not search again
    how = "every cell is run, no" if config.option.nbval_lax else "every stored"
    config.stash[HEADER] = f"notebooks: {how} output is compared. {digits.source.splitlines()[0]}"


def export_environment(config: pytest.Config) -> None:
    """Give every kernel the same surroundings, whoever runs the tests."""
    os.environ["PYTHONWARNINGS"] = "ignore"
    # The kernels test this checkout, not another version that may be installed.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    os.environ.pop("MPLBACKEND", None)  # "Agg" would take every figure out of the lessons
    for name in ("MNIST_LAB_DATA", "MNIST_LAB_CACHE"):
        place = Path(os.environ.get(name) or "nowhere")
        if place.exists():  # kernels work in the folder of their lesson
            os.environ[name] = str(place.resolve())
    settings = tempfile.TemporaryDirectory(prefix="ipython-", ignore_cleanup_errors=True)
    config.add_cleanup(settings.cleanup)
    os.environ["IPYTHONDIR"] = settings.name  # nobody's own start-up files


def share_processors(config: pytest.Config) -> None:
    """Let tests side by side share the processors instead of fighting for them."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, threads)


def notice_dead_kernels() -> None:
    """Wait for a kernel in steps of a second: nbval would wait the whole timeout for a dead one."""
    from nbval.kernel import RunningKernel

    wait = RunningKernel.get_message

    def wait_watchfully(kernel: Any, stream: str, timeout: float | None = None) -> Any:
        end = time.monotonic() + (CELL_SECONDS if timeout is None else timeout)
        while True:
            remaining = end - time.monotonic()
            try:
                return wait(kernel, stream, timeout=max(0.0, min(1.0, remaining)))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("the kernel died in this cell (memory?)") from None
                if remaining <= 1.0:
                    raise

    RunningKernel.get_message = wait_watchfully
