"""One submission, graded: its cells run in a kernel, the instructor's checks run here.

A loop or a crash costs the exercise that it is in. The kernel is started afresh where need be, and
all cells but the culprits run again.
"""

from __future__ import annotations

import ast
import builtins
import io
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mnist_lab.course.assignments import Assignment, Exercise
from mnist_lab.course.channel import Kernel, KernelError
from mnist_lab.course.proxies import LearnerError, Objects, Tampered, plain_text
from mnist_lab.course.answers import cleaned, is_untouched, locate

__all__ = ["STATUSES", "Limits", "Result", "grade"]

# From the one that says most of a submission to the one that says least.
STATUSES = (
    *("unreadable", "tampered", "crashed", "timeout", "error", "failed"),
    *("missing", "not attempted", "passed"),
)


CANARY_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """Seconds for one cell or check, seconds for all of a submission, MB of memory, threads."""

    timeout: float = 60.0
    total: float = 600.0
    memory: int = 8192
    threads: int = 1


@dataclass(frozen=True)
class Result:
    """What became of an exercise: points, one of STATUSES, and a sentence for the learner."""

    points: float
    status: str
    note: str = ""


def grade(
    assignment: Assignment, cells: Sequence[str], isolation: str, limits: Limits
) -> dict[str, Result]:
    """Return the result of each exercise (id -> Result) of a submission's code cells."""
    results = {e.id: Result(0, "missing", "It is not in the notebook.") for e in assignment.exercises}
    run = _Run(assignment, locate(cells, assignment), isolation, limits)
    try:
        for index, (cell, exercises) in enumerate(run.cells):
            reply = run.execute(index, cell)
            for exercise in exercises:
                results[exercise.id] = run.check(exercise, cell, index, reply)
        run.look_for_tampering()
    except _OutOfTimeError:
        spent = Result(0, "timeout", f"The notebook took longer than {limits.total:g} s.")
        rest = [e.id for _, answered in run.cells[run.done :] for e in answered]
        results |= dict.fromkeys(rest, spent)
    except Tampered as error:
        results = dict.fromkeys(results, Result(0, "tampered", plain_text(error)))
    finally:
        run.close()
    return results


class _OutOfTimeError(Exception):
    """The time for all of a submission is over."""


class _Run:
    """A submission while it is graded; ``done`` of its cells are over with."""

    def __init__(
        self,
        assignment: Assignment,
        cells: list[tuple[str, list[Exercise]]],
        isolation: str,
        limits: Limits,
    ) -> None:
        self.assignment, self.cells = assignment, cells
        self.isolation, self.limits = isolation, limits
        self.done = 0
        self._end = time.monotonic() + limits.total
        self._culprits: set[int] = set()
        self._kernel: Kernel | None = None
        self._names = {name for e in assignment.exercises for name in e.names}

    def close(self) -> None:
        if self._kernel:
            self._kernel.close()

    def execute(self, index: int, cell: str) -> dict[str, Any] | KernelError:
        """Run a cell; return what the kernel replied, or why it did not."""
        self.done = index
        try:
            return self._fresh_deadline(self._ready(index)).run(cell)
        except KernelError as error:
            self._culprits.add(index)
            return error

    def check(
        self, exercise: Exercise, cell: str, index: int, reply: dict[str, Any] | KernelError
    ) -> Result:
        """Return the result of an exercise whose cell was just run."""
        if isinstance(reply, KernelError):
            return Result(0, reply.status, reply.note)
        if is_untouched(cell, exercise):
            return Result(0, "not attempted")
        try:
            result = self._judge(exercise, reply)
        except KernelError as error:
            result = Result(0, error.status, error.note)
        if self._kernel and self._kernel.failure:  # whatever the check made of it
            failure = self._kernel.failure
            self._culprits.add(index)
            return Result(0, failure.status, f"{failure.note} That was when it was checked.")
        self.look_for_tampering()
        return result

    def look_for_tampering(self) -> None:
        """Raise Tampered if an assertion that is false goes through in the kernel."""
        if self._kernel and self._kernel.alive:
            try:
                self._kernel.deadline = time.monotonic() + CANARY_SECONDS
                reply = self._kernel.run("assert False")
            except KernelError:
                return
            if reply.get("status") == "ok":
                raise Tampered("The submission switches assertions off.")

    def _judge(self, exercise: Exercise, reply: dict[str, Any]) -> Result:
        tree = ast.parse(exercise.check)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        objects = Objects(self._fresh_deadline(self._ready(self.done)))
        found = objects.named(sorted(used & self._names))
        if exercise.names and all(found.get(name) is None for name in exercise.names):
            nothing = "not attempted" if exercise.names[0] in found else "missing"
            return _stopped(reply) or Result(0, nothing, "" if found else f"{exercise.names[0]} is not defined.")
        namespace = {**_outside(self.assignment.setup), **found, "__name__": "check"}
        try:
            with _quiet(), _limited(self.limits.timeout + 5):
                exec(compile(tree, f"<check {exercise.id}>", "exec"), namespace)  # noqa: S102
        except (KernelError, Tampered):
            raise
        except LearnerError as error:
            if isinstance(error, NotImplementedError):
                return Result(0, "not attempted")
            return Result(0, "error", f"Your code stopped with {error.kind}.")
        except AssertionError as error:
            return Result(0, "failed", plain_text(error) or "It gives another result than it should.")
        except NameError as error:
            if error.name in self._names - found.keys():
                missing = Result(0, "missing", f"{error.name} is not defined.")
                return _stopped(reply) or missing
            return Result(0, "failed", plain_text(f"NameError: {error}"))
        except Exception as error:  # what the learner returned is of no use to the check
            return Result(0, "failed", plain_text(f"{type(error).__name__}: {error}"))
        return Result(exercise.points, "passed")

    def _ready(self, index: int) -> Kernel:
        """Return a kernel in which all cells before this one have run, but for the culprits."""
        while self._kernel is None or not self._kernel.alive:
            self.close()
            self._in_time()
            self._kernel = Kernel(self.isolation, self.limits.memory, self.limits.threads)
            for source in self.assignment.setup:
                self._fresh_deadline(self._kernel).run(cleaned(source))
            for earlier in range(index):
                if self._kernel.alive and earlier not in self._culprits:
                    try:
                        self._fresh_deadline(self._kernel).run(self.cells[earlier][0])
                    except KernelError:
                        self._culprits.add(earlier)
        return self._kernel

    def _fresh_deadline(self, kernel: Kernel) -> Kernel:
        self._in_time()
        kernel.failure = None
        kernel.deadline = min(time.monotonic() + self.limits.timeout, self._end)
        return kernel

    def _in_time(self) -> None:
        if time.monotonic() > self._end:
            raise _OutOfTimeError


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
    """Interrupt a check that a value keeps busy here, as in ``range(value)``."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise KernelError("timeout", "Checking the result took longer than the time limit.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
