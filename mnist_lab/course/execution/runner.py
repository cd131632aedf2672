"""Runs of many lessons: what is to do and with what, what is finished, and one after another done.

A run writes executed notebooks and nothing else. What readers get of them is made by the command,
with :mod:`mnist_lab.course.publishing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import joblib
from nbformat import NotebookNode

from mnist_lab import environment
from mnist_lab.course.execution import execute, records
from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import executed_cells
from mnist_lab.course.execution.kernels import in_parallel
from mnist_lab.course.execution.progress import Progress
from mnist_lab.data import Digits

__all__ = ["RunPlan", "plan_run", "refresh", "run"]

MOST_JOBS = 4  # lessons at a time; a TensorFlow kernel each takes about a gigabyte


@dataclass(frozen=True)
class RunPlan:
    """What a run has to do.

    Attributes:
        notebooks: name -> lesson to run, in the order of the course.
        parameters: name -> values of that lesson's parameters.
        digests: name -> digest of all that the results of that lesson depend on.
        finished: name -> executed notebook of those lessons that an earlier run has finished.
        expected: name -> seconds that a lesson is expected to take, for those still to run.
        stamp: what is known of the run before it begins: ``data``, ``is_mnist``, ``versions``.
        output: folder for the executed notebooks.
        jobs: lessons at a time.
        timeout: seconds that one cell may take, None for any number.
    """

    notebooks: Mapping[str, NotebookNode]
    parameters: Mapping[str, Mapping[str, Any]]
    digests: Mapping[str, str]
    finished: Mapping[str, NotebookNode]
    expected: Mapping[str, float]
    stamp: Mapping[str, Any]
    output: Path
    jobs: int
    timeout: int | None

    @cached_property
    def todo(self) -> list[str]:
        """Lessons to run, the longest first: one that starts last would keep the others waiting."""
        return sorted(self.expected, key=lambda name: -self.expected[name])

    def progress(self) -> Progress:
        """Return the display of this run."""
        cells = {
            name: len(executed_cells(self.notebooks[name])) + bool(self.parameters[name])
            for name in self.todo
        }
        return Progress({name: self.expected[name] for name in self.todo}, cells, self.jobs)


def plan_run(
    lessons: Mapping[str, Lesson],
    notebooks: Mapping[str, NotebookNode],
    parameters: Mapping[str, Mapping[str, Any]],
    digits: Digits,
    output: Path,
    *,
    fresh: bool,
    jobs: int | None,
    timeout: int | None,
) -> RunPlan:
    """Find out what is to do.

    Args:
        lessons: name -> what the course lists of each lesson to run.
        notebooks: name -> those lessons.
        parameters: name -> values of each lesson's parameters.
        digits: what the lessons will load.
        output: folder that earlier runs wrote to.
        fresh: run also what is finished.
        jobs: lessons at a time; by default one per processor, at most four.
        timeout: seconds that one cell may take, None for any number.
    """
    versions = environment.versions()
    digests = {
        name: records.run_digest(notebook, parameters[name], digits.is_mnist, versions)
        for name, notebook in notebooks.items()
    }
    earlier = records.earlier_runs(output, notebooks)
    finished = {
        name: notebook
        for name, notebook in earlier.items()
        if not fresh and execute.is_finished(notebook, digests[name])
    }
    expected = {}
    for name in notebooks.keys() - finished.keys():
        took = records.recorded_seconds(earlier.get(name), digits.is_mnist, parameters[name])
        expected[name] = took or 60.0 * lessons[name].minutes.run
    if jobs is None:
        jobs = min(joblib.cpu_count(), MOST_JOBS)
    return RunPlan(
        notebooks=notebooks,
        parameters=parameters,
        digests=digests,
        finished=finished,
        expected=expected,
        stamp={"data": digits.source, "is_mnist": digits.is_mnist, "versions": versions},
        output=output,
        jobs=max(1, min(jobs, len(expected))),
        timeout=timeout,
    )


def run(plan: RunPlan, progress: Progress) -> Iterator[tuple[str, NotebookNode]]:
    """Do what a plan has to do; yield name and executed notebook of each lesson once it is saved.

    Each notebook has its record, as :func:`mnist_lab.course.execution.execute.run_lesson` says; a
    lesson that failed is in there up to its failing cell. Close the iterator to end all kernels.
    """
    processors = joblib.cpu_count()
    threads = max(1, processors // plan.jobs) if plan.jobs > 1 else None

    def execute_one(name: str) -> NotebookNode:
        progress.start(name)
        return execute.run_lesson(
            plan.notebooks[name],
            plan.parameters[name],
            {**plan.stamp, "run": plan.digests[name]},
            timeout=plan.timeout,
            threads=threads,
            on_cell=partial(progress.cell, name),
        )

    plan.output.mkdir(parents=True, exist_ok=True)
    tasks = {name: partial(execute_one, name) for name in plan.todo}
    with closing(in_parallel(tasks, plan.jobs, progress.tick)) as results:
        for name, notebook in results:
            records.save_notebook(plan.output / f"{name}.ipynb", notebook)
            yield name, notebook


def refresh(
    notebooks: Mapping[str, NotebookNode],
    digits: Digits,
    progress: Progress,
    *,
    timeout: int | None,
) -> Iterator[tuple[str, NotebookNode]]:
    """Execute lessons one after another; yield name and executed notebook of each.

    One at a time and with TensorFlow's own choice of threads, as for a reader. Nothing is saved: a
    lesson whose record has a ``failure`` is not to be committed.
    """
    stamp = {"data": digits.source, "versions": environment.versions()}

    def execute_one(name: str) -> NotebookNode:
        progress.start(name)
        return execute.refresh_lesson(
            notebooks[name], stamp, timeout=timeout, on_cell=partial(progress.cell, name)
        )

    tasks = {name: partial(execute_one, name) for name in notebooks}
    with closing(in_parallel(tasks, 1, progress.tick)) as results:
        yield from results
