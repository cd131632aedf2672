"""Where joblib's work goes: to processes of this machine, or to a Dask cluster."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib

from mnist_lab.course import CourseError

__all__ = ["end_with_parent", "workers"]

SECONDS = 10  # that a scheduler may take to answer


def end_with_parent(parent: int) -> None:
    """Let this worker end within a second after the process that started it has ended.

    A parent that is killed cannot tell its workers, and loky's workers do not look after it: they
    would finish their tasks and then wait for more. A thread of the worker looks instead.

    Args:
        parent: process id of the parent. The worker is told the id, because a worker that asks
            for it may ask too late.
    """

    def watch() -> None:
        if sys.platform == "win32":  # where a process keeps the id of a parent that has ended
            starter = multiprocessing.parent_process()
            assert starter is not None  # loky starts its workers through multiprocessing
            starter.join()
        else:
            while os.getppid() == parent:
                time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()


@contextmanager
def workers(jobs: int, cluster: str | None, scatter: Sequence[Any] = ()) -> Iterator[None]:
    """Within the block, joblib runs its tasks there.

    Args:
        jobs: processes on this machine; a cluster has its own number of them.
        cluster: address of a Dask scheduler, or None for this machine.
        scatter: what many tasks are given, to be sent to a cluster once.

    Raises:
        CourseError: Dask is not installed, or no scheduler answers at that address.
    """
    if cluster is None:
        watch = {"initializer": end_with_parent, "initargs": (os.getpid(),)}
        with joblib.parallel_config(backend="loky", n_jobs=jobs, **watch):
            yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise CourseError('--cluster needs Dask: pip install "mnist-lab[cluster]".') from error
    client, problem = None, ""
    try:
        client = Client(cluster, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        problem = str(error)
    if client is None:
        # A client that was half made closes itself when it is collected. Were that while another
        # one starts, the two would wait for each other's lock for ever.
        gc.collect()
        raise CourseError(
            f"No Dask scheduler answers at {cluster} ({problem}): start one with the command "
            "dask scheduler, or correct the address."
        )
    with (
        client,
        joblib.parallel_config(backend="dask", client=client, scatter=list(scatter) or None),
    ):
        yield
