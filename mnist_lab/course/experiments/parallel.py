"""Where joblib's work goes: to processes of this machine, or to a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib

from mnist_lab.course import CourseError

__all__ = ["workers"]


@contextmanager
def workers(jobs: int, cluster: str | None, scatter: Sequence[Any] = ()) -> Iterator[None]:
    """Within the block, joblib runs its tasks there.

    Args:
        jobs: processes on this machine; a cluster has its own number of them.
        cluster: address of a Dask scheduler, or None for this machine.
        scatter: what many tasks are given, to be sent to a cluster once.

    Raises:
        CourseError: Dask is not installed.
        OSError: no scheduler answers at that address.
    """
    if cluster is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise CourseError('--cluster needs Dask: pip install "mnist-lab[cluster]".') from error
    with (
        Client(cluster, timeout=10, set_as_default=False) as client,  # type: ignore[no-untyped-call]
        joblib.parallel_config(backend="dask", client=client, scatter=list(scatter) or None),
    ):
        yield
