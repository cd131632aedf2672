"""The instructor's checks, run here on what is in a learner's kernel."""

from __future__ import annotations

import ast
import builtins
import ctypes
import io
import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mnist_lab.course.assignments.source import Exercise
from mnist_lab.course.grading.submission import cleaned
from mnist_lab.course.sandbox.kernel_client import KernelError
from mnist_lab.course.sandbox.proxies import LearnerError, Objects, TamperedError
from mnist_lab.course.sandbox.serialization import plain_text

__all__ = ["STATUSES", "Result", "judge"]

# From the one that says most of a submission to the one that says least.
STATUSES = (
    *("unreadable", "tampered", "crashed", "timeout", "error", "failed"),
    *("missing", "not attempted", "passed"),
)


class _OverTimeError(BaseException):
    """A check takes too long: not an Exception, which a check may catch."""


@dataclass(frozen=True)
class Result:
    """What became of an exercise: points, one of STATUSES, and a sentence for the learner."""

    points: float
    status: str
    note: str = ""


def judge(
    exercise: Exercise,
    setup: tuple[str, ...],
    names: Collection[str],
    objects: Objects,
    reply: dict[str, Any],
    seconds: float,
) -> Result:
    """Return the result of an exercise after its cell was run.

    Args:
        exercise: what is checked.
        setup: sources of the SETUP cells.
        names: those of all exercises; the check sees learners' objects of these names only.
        objects: what is in the kernel.
        reply: what the kernel replied to the exercise's cell.
        seconds: that the check may take.

    Raises KernelError when the kernel does not answer and TamperedError when it answers nonsense.
    """
    tree = ast.parse(exercise.check)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = objects.named(sorted(used & {*names}))
    undefined = [name for name in exercise.names if name not in found and name in used]
    if undefined:
        return _stopped(reply) or Result(0, "missing", f"{undefined[0]} is not defined.")
    if exercise.names and all(found.get(name) is None for name in exercise.names):
        return _stopped(reply) or Result(0, "not attempted")
    namespace = {**_outside(setup), **found, "__name__": "check"}
    try:
        with _quiet(), _limited(seconds):
            exec(compile(tree, f"<check {exercise.id}>", "exec"), namespace)  # noqa: S102
    except (KernelError, TamperedError):
        raise
    except LearnerError as error:
        if isinstance(error, NotImplementedError):
            return Result(0, "not attempted")
        if error.called:
            return Result(0, "error", f"Your code stopped with {error.kind}.")
        return Result(0, "failed", plain_text(f"{error.kind}: {error}"))
    except AssertionError as error:
        return Result(0, "failed", plain_text(error) or "The result is another than it should be.")
    except Exception as error:  # what the learner returned is of no use to the check
        return Result(0, "failed", plain_text(f"{type(error).__name__}: {error}"))
    return Result(exercise.points, "passed")


def _stopped(reply: dict[str, Any]) -> Result | None:
    """Return the result of an exercise whose cell stopped with an exception."""
    if reply.get("status") != "error":
        return None
    kind = reply.get("ename")
    if kind == "NotImplementedError":
        return Result(0, "not attempted")
    known = isinstance(getattr(builtins, str(kind), None), type)
    return Result(0, "error", f"Your cell stopped with {kind if known else 'an exception'}.")


@lru_cache(maxsize=1)
def _outside(setup: tuple[str, ...]) -> dict[str, Any]:
    """Return what the SETUP cells define, for checks; they run once in a process."""
    namespace: dict[str, Any] = {"__name__": "setup"}
    with _quiet():
        for source in setup:
            exec(compile(cleaned(source), "<setup>", "exec"), namespace)  # noqa: S102
    return namespace


@contextmanager
def _quiet() -> Iterator[None]:
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupt a check that a value keeps busy here, as in ``range(value)``.

    An alarm signal would reach the main thread only, and a Dask worker grades in another.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
    timer = threading.Timer(seconds, throw, (thread, ctypes.py_object(_OverTimeError)))
    timer.daemon = True
    timer.start()
    try:
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            throw(thread, None)  # were it on its way, it would hit what comes next
    except _OverTimeError:
        note = "Checking the result took longer than the time limit."
        raise KernelError("timeout", note) from None
