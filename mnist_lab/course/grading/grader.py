"""One submission, graded: its cells run in a kernel, the instructor's checks in another process.

A loop or a crash costs the exercise that it is in. The kernel is started afresh where need be, and
all cells but the culprits run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mnist_lab.course.assignments.source import Assignment, Exercise
from mnist_lab.course.grading.checker import Checker, GraderFault, borrowed
from mnist_lab.course.grading.checks import Result, Task, missing_module
from mnist_lab.course.grading.colab import cleaned
from mnist_lab.course.grading.submission import Cell, Plan, is_untouched, locate
from mnist_lab.course.sandbox import timeouts
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError
from mnist_lab.course.sandbox.proxies import KEEP_SETUP, PREPARE, TamperedError
from mnist_lab.course.sandbox.serialization import plain_text

__all__ = ["GraderFault", "Limits", "grade"]

CANARY_SECONDS = 5.0
SETUP_SECONDS = 120.0  # for the instructor's set-up, at least: a busy computer is nobody's mistake
SETTLE_SECONDS = 0.5  # for what a cell leaves behind to end the kernel
CHECKS_SHARE = 0.25  # of the memory of a kernel, for what checks compute


@dataclass(frozen=True)
class Limits:
    """What a submission may take: seconds for a cell or check and for all of it, MB, threads."""

    timeout: float = 60.0
    total: float = 600.0
    memory: int = 4096
    threads: int = 1
    scratch: str | None = field(default=None, repr=False)


def grade(
    assignment: Assignment, cells: Sequence[Cell], isolation: str, limits: Limits
) -> dict[str, Result]:
    """Return the result of each exercise (id -> Result) of a submission's cells.

    Raises GraderFault for what is not the learner's doing: then there is no mark.
    """
    plan = locate(cells, assignment)
    memory, seconds = int(limits.memory * CHECKS_SHARE), max(limits.timeout, SETUP_SECONDS)
    setup = tuple(map(cleaned, assignment.setup))
    with borrowed(setup, memory, seconds, limits.threads) as checker:
        run = _Run(assignment, plan, checker, isolation, limits)
        try:
            for index in range(len(plan.steps)):
                run.grade(index)
            run.look_for_tampering()
        except _OutOfTimeError:
            run.stop(timeouts.notebook(limits.total))
        except TamperedError as error:
            return dict.fromkeys(run.results, Result(0, "tampered", plain_text(error)))
        finally:
            run.close()
    return run.results


class _OutOfTimeError(Exception):
    """The time for all of a submission is over."""


class _Run:
    """A submission while it is graded; ``done`` of its steps are over with."""

    def __init__(
        self, assignment: Assignment, plan: Plan, checker: Checker, isolation: str, limits: Limits
    ) -> None:
        self.assignment, self.plan, self.checker = assignment, plan, checker
        self.isolation, self.limits = isolation, limits
        self.done = 0
        missing = Result(0, "missing", "The answer is not in the notebook.")
        self.results = {exercise.id: missing for exercise in assignment.exercises}
        for exercise, note in plan.notes.items():
            self.results[exercise] = Result(0, "missing", note)
        self._end = time.monotonic() + limits.total
        self._culprits: set[int] = set()
        self._kernel: Kernel | None = None
        self._is_careful = self._ended = False
        self._without = ""  # a module that is not here
        self._names = {name for e in assignment.exercises for name in e.names}

    def close(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel:
            kernel.close()

    def stop(self, note: str) -> None:
        """Give up the steps that are not done."""
        for step in self.plan.steps[self.done :]:
            for exercise in step.exercises:
                if self.results[exercise.id].status != "passed":
                    self.results[exercise.id] = Result(0, "timeout", note)

    def grade(self, index: int) -> None:
        """Run a step and check the exercises in it.

        A kernel may end a moment after the reply to the cell that ends it. So where it ends for the
        first time, all is done again, with a pause after each cell to see which one it is.
        """
        self.done = index
        results = self._attempt(index)
        if self._ended and not self._is_careful and self._may_be_another(index):
            self._is_careful = True
            self._culprits.discard(index)
            results = self._attempt(index)
        for exercise, result in results.items():
            self._keep(exercise, result)

    def _attempt(self, index: int) -> dict[str, Result]:
        """Return the results of the exercises of a step that have not passed yet."""
        self._ended = False
        step = self.plan.steps[index]
        reply = self._execute(index, step.source)
        results = {
            exercise.id: self._check(exercise, index, reply)
            for exercise in step.exercises
            if self.results[exercise.id].status != "passed"
        }
        try:
            self._settle()
        except KernelError as error:  # the results stand: they were there before
            self._culprit(index, error)
        return results

    def _keep(self, exercise: str, result: Result) -> None:
        """Keep the result of an exercise, unless the result of an earlier cell says more."""
        is_empty = result.status in ("missing", "not attempted")
        if is_empty and self.results[exercise].status != "missing":
            return
        hints = [self.plan.notes.get(exercise, "")] if is_empty else []
        lacks = bool(self._without) and result.status in ("missing", "error")
        if lacks and self._without not in result.note:
            hints.append(f"An earlier cell needs the module {self._without}, which is not here.")
        note = " ".join(filter(None, [result.note, *hints]))
        self.results[exercise] = replace(result, note=note)

    def _execute(self, index: int, source: str) -> dict[str, Any] | KernelError:
        """Run a cell; return what the kernel replied, or why it did not."""
        try:
            reply = self._fresh_deadline(self._ready(index)).run(source)
        except KernelError as error:
            self._culprit(index, error)
            return error
        self._without = self._without or missing_module(reply)
        return reply

    def _check(self, exercise: Exercise, index: int, reply: dict[str, Any] | KernelError) -> Result:
        """Return the result of an exercise whose cell was just run."""
        if isinstance(reply, KernelError):
            return Result(0, reply.status, reply.note)
        if is_untouched(self.plan.steps[index].source, exercise):
            return Result(0, "not attempted")
        seconds = min(self.limits.timeout, self._end - time.monotonic()) + CANARY_SECONDS
        try:
            kernel = self._fresh_deadline(self._ready(index + 1))
            task = Task.of(exercise, self._names)
            result = self.checker.judge(task, kernel, reply, seconds)
        except KernelError as error:
            result = Result(0, error.status, error.note)
        if self._kernel and (failure := self._kernel.failure):  # whatever the check made of it
            self._culprit(index, failure)
            return Result(0, failure.status, f"{failure.note} This happened during the check.")
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

    def _culprit(self, index: int, error: KernelError) -> None:
        self._culprits.add(index)
        self._ended = self._ended or error.status == "crashed"

    def _may_be_another(self, index: int) -> bool:
        """Say whether a cell before this one has run in the kernel."""
        return any(earlier not in self._culprits for earlier in range(index))

    def _settle(self) -> None:
        """Wait for the kernel to end, if it ever did so in this submission; KernelError if so."""
        if self._is_careful and self._kernel and self._kernel.alive:
            time.sleep(SETTLE_SECONDS)
            self._fresh_deadline(self._kernel).run("")

    def _ready(self, index: int) -> Kernel:
        """Return a kernel in which all cells before this one have run, but for the culprits."""
        while self._kernel is None or not self._kernel.alive:
            self.close()
            self._in_time()
            self._kernel = self._start()
            for earlier in range(index):
                if self._kernel.alive and earlier not in self._culprits:
                    try:
                        self._fresh_deadline(self._kernel).run(self.plan.steps[earlier].source)
                        self._settle()
                    except KernelError as error:
                        self._culprit(earlier, error)
        return self._kernel

    def _start(self) -> Kernel:
        """Return a kernel with the instructor's set-up; GraderFault where that does not work."""
        limits, began = self.limits, time.monotonic()
        seconds = max(limits.timeout, SETUP_SECONDS)
        try:
            kernel = Kernel(self.isolation, limits.memory, limits.threads, limits.scratch)
        except (OSError, ValueError) as error:
            raise GraderFault(f"No kernel started for this submission: {error}") from error
        kernel.deadline = time.monotonic() + seconds
        try:
            for source in (PREPARE, *map(cleaned, self.assignment.setup), KEEP_SETUP):
                reply = kernel.run(source)
                if reply.get("status") != "ok":
                    said = plain_text(f"{reply.get('ename')}: {reply.get('evalue')}")
                    raise GraderFault(f"The SETUP cells stop with {said}: mend them.")
        except KernelError as error:
            kernel.close()
            raise GraderFault(
                f"The SETUP cells do not run within {seconds:g} s and {limits.memory} MB "
                f"({error.note}): raise --timeout or --memory."
            ) from error
        except BaseException:
            kernel.close()
            raise
        self._end += time.monotonic() - began  # the total is for the learner's code
        return kernel

    def _fresh_deadline(self, kernel: Kernel) -> Kernel:
        self._in_time()
        kernel.failure = None
        kernel.deadline = min(time.monotonic() + self.limits.timeout, self._end)
        return kernel

    def _in_time(self) -> None:
        if time.monotonic() > self._end:
            raise _OutOfTimeError
