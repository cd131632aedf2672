"""One submission, graded: its cells run in a kernel, the instructor's checks run here.

A loop or a crash costs the exercise that it is in. The kernel is started afresh where need be, and
all cells but the culprits run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mnist_lab.course.assignments.source import Assignment, Exercise
from mnist_lab.course.grading.checks import Result, judge
from mnist_lab.course.grading.submission import cleaned, is_untouched, locate
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError
from mnist_lab.course.sandbox.proxies import Objects, TamperedError
from mnist_lab.course.sandbox.serialization import plain_text

__all__ = ["GraderFault", "Limits", "grade"]

CANARY_SECONDS = 5.0


@dataclass(frozen=True)
class Limits:
    """What a submission may take: seconds for a cell or check and for all of it, MB, threads."""

    timeout: float = 60.0
    total: float = 600.0
    memory: int = 4096
    threads: int = 1
    scratch: str | None = field(default=None, repr=False)


class GraderFault(Exception):  # noqa: N818 - not an error of a learner's
    """A fault of the grader or of the instructor's own code: no mark comes of it."""


def grade(
    assignment: Assignment, cells: Sequence[str], isolation: str, limits: Limits
) -> dict[str, Result]:
    """Return the result of each exercise (id -> Result) of a submission's code cells."""
    results = {
        e.id: Result(0, "missing", "It is not in the notebook.") for e in assignment.exercises
    }
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
    except TamperedError as error:
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
        kernel, self._kernel = self._kernel, None
        if kernel:
            kernel.close()

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
            kernel = self._fresh_deadline(self._ready(index))
            result = judge(
                exercise,
                self.assignment.setup,
                self._names,
                Objects(kernel),
                reply,
                self.limits.timeout + CANARY_SECONDS,
            )
        except KernelError as error:
            result = Result(0, error.status, error.note)
        if self._kernel and self._kernel.failure:  # whatever the check made of it
            failure = self._kernel.failure
            self._culprits.add(index)
            return Result(0, failure.status, f"{failure.note} That was when it was checked.")
        self.look_for_tampering()
        return result

    def look_for_tampering(self) -> None:
        """Raise TamperedError if an assertion that is false goes through in the kernel."""
        if self._kernel and self._kernel.alive:
            try:
                self._kernel.deadline = time.monotonic() + CANARY_SECONDS
                reply = self._kernel.run("assert False")
            except KernelError:
                return
            if reply.get("status") == "ok":
                raise TamperedError("The submission switches assertions off.")

    def _ready(self, index: int) -> Kernel:
        """Return a kernel in which all cells before this one have run, but for the culprits."""
        while self._kernel is None or not self._kernel.alive:
            self.close()
            self._in_time()
            self._kernel = self._start()
            for source in self.assignment.setup:
                self._fresh_deadline(self._kernel).run(cleaned(source))
            for earlier in range(index):
                if self._kernel.alive and earlier not in self._culprits:
                    try:
                        self._fresh_deadline(self._kernel).run(self.cells[earlier][0])
                    except KernelError:
                        self._culprits.add(earlier)
        return self._kernel

    def _start(self) -> Kernel:
        limits = self.limits
        try:
            return Kernel(self.isolation, limits.memory, limits.threads, limits.scratch)
        except (OSError, ValueError):
            if not self._culprits:  # the first kernel: this is not the learner's doing
                raise
            raise KernelError("crashed", "It left no room for another kernel.") from None

    def _fresh_deadline(self, kernel: Kernel) -> Kernel:
        self._in_time()
        kernel.failure = None
        kernel.deadline = min(time.monotonic() + self.limits.timeout, self._end)
        return kernel

    def _in_time(self) -> None:
        if time.monotonic() > self._end:
            raise _OutOfTimeError
