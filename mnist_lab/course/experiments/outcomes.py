"""Results of tasks side by side, whatever becomes of one of them or of the terminal."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from typing import Any

import joblib

from mnist_lab.course.experiments.parallel import end_with_parent, workers

__all__ = ["WorkerKilledError", "outcomes"]


class WorkerKilledError(Exception):
    """The process of a task was killed, most often by the system because memory ran out."""


def outcomes(
    calls: Mapping[str, Callable[[], Any]], jobs: int, cluster: str | None
) -> Iterator[tuple[str, Any]]:
    """Yield name and result of each call as it ends, whichever worker is killed meanwhile.

    When a worker is killed, the calls that had been handed out and not ended run again, each alone
    in a process, up to twice: a call that had been handed out may not have begun. The result of a
    call that kills both processes is a WorkerKilledError.
    """
    left = dict(calls)
    while left:
        begun: list[str] = []

        def tasks(begun: list[str] = begun) -> Iterator[Any]:
            for name, call in list(left.items()):
                begun.append(name)
                yield joblib.delayed(_named)(name, call)

        try:
            with workers(jobs, cluster):
                parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
                for name, result in parallel(tasks()):
                    del left[name]
                    yield name, result
        except _killed(cluster):
            for name in [name for name in begun if name in left]:
                yield name, _alone(left.pop(name), cluster)


def _named(name: str, call: Callable[[], Any]) -> tuple[str, Any]:
    return name, call()


def _killed(cluster: str | None) -> type[Exception]:
    """Return what is raised when a worker was killed."""
    if cluster is None:
        return BrokenProcessPool
    from dask.distributed import KilledWorker

    return KilledWorker


def _alone(call: Callable[[], Any], cluster: str | None) -> Any:
    """Return the result of a call that runs alone; WorkerKilledError if it is killed twice."""
    for _ in range(2):
        with suppress(_killed(cluster)):
            return _in_one_process(call, cluster)
    return WorkerKilledError(
        "Its process was killed twice while it ran alone. Systems kill a process when memory runs "
        "out."
    )


def _in_one_process(call: Callable[[], Any], cluster: str | None) -> Any:
    if cluster is not None:
        with workers(1, cluster):
            return joblib.Parallel()([joblib.delayed(call)()])[0]
    watch = partial(end_with_parent, os.getpid())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=watch) as pool:
        return pool.submit(call).result()
