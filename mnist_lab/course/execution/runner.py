"""Runs of many lessons: which ones, with what, what is finished, and what they leave behind."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from mnist_lab import environment
from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution import execute, records
from mnist_lab.course.execution.kernels import in_parallel
from mnist_lab.course.execution.progress import Progress
from mnist_lab.course.publishing import pages, readme
from mnist_lab.data import Digits

__all__ = ["assign_parameters", "choose", "find_course", "refresh", "run"]

Lessons = Mapping[str, Any]

_JSON = (bool, int, float, str, list, dict, type(None))  # what a notebook's metadata can keep


def find_course(start: Path) -> Path:
    """Return the checkout of the course that a folder belongs to; CourseError if there is none."""
    for folder in (start, *start.parents):
        if (folder / "notebooks").is_dir() and (folder / "mnist_lab").is_dir():
            return folder
    raise CourseError("This folder is not in a checkout of the course: go to one.")


def choose(folder: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """Return name -> notebook of the lessons in a folder, in order: all, or those wanted.

    Raises CourseError for a name (``02_fnn``, ``2`` or a path) that is no lesson's.
    """
    paths = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not paths:
        raise CourseError(f"There are no lessons in {folder}: name another folder.")
    chosen = set() if wanted else set(paths)
    for name in wanted:
        stem = Path(name).stem
        found = {p for p in paths if stem == p or stem.zfill(2) == p.partition("_")[0]}
        if not found:
            raise CourseError(f"There is no lesson {name!r}: choose from {', '.join(paths)}.")
        chosen |= found
    return {name: records.read_lesson(path) for name, path in paths.items() if name in chosen}


def assign_parameters(lessons: Lessons, given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return for each lesson those of the given ``NAME=VALUE`` that it has.

    Raises CourseError for what is not of this form and for a name that no lesson has.
    """
    import papermill

    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise CourseError(f"{text!r} is not a parameter: write NAME=VALUE, as in EPOCHS=1.")
        values[name] = value  # plain words need no quotes
        with suppress(SyntaxError, ValueError):
            if isinstance(literal := ast.literal_eval(value), _JSON):
                values[name] = literal
    known = {name: papermill.inspect_notebook(lesson) for name, lesson in lessons.items()}
    names = sorted(set().union(*known.values()))
    for name in values:
        if name not in names:
            listed = ", ".join(names) or "none at all"
            raise CourseError(f"No chosen lesson has a parameter {name!r}: they have {listed}.")
    return {lesson: {n: v for n, v in values.items() if n in known[lesson]} for lesson in lessons}


def run(
    folder: Path,
    lessons: Lessons,
    parameters: Mapping[str, dict[str, Any]],
    digits: Digits,
    output: Path,
    *,
    fresh: bool,
    jobs: int | None,
    timeout: int,
) -> list[str]:
    """Run lessons and write their notebooks, pages and the index; return the names that failed.

    Args:
        folder: all lessons of the course, for the index.
        lessons: name -> notebook of those to run.
        parameters: name -> values of each lesson's parameters.
        digits: what the lessons will load.
        output: folder to write to.
        fresh: run also what is finished.
        jobs: lessons at a time; by default one per processor, at most four.
        timeout: seconds that one cell may take.
    """
    course = choose(folder, [])
    versions = environment.versions()
    digests = {
        name: records.run_digest(lesson, parameters[name], digits.is_mnist, versions)
        for name, lesson in lessons.items()
    }
    output.mkdir(parents=True, exist_ok=True)
    executed = records.earlier_runs(output, course)
    finished = {
        name
        for name in lessons.keys() & executed.keys()
        if not fresh and execute.is_finished(executed[name], digests[name])
    }
    expected = {
        name: records.expected_seconds(
            lesson, executed.get(name), digits.is_mnist, parameters[name]
        )
        for name, lesson in lessons.items()
        if name not in finished
    }
    # The longest first: one that starts last would keep the other processors waiting.
    todo = sorted(expected, key=lambda name: -expected[name])
    processors = joblib.cpu_count()
    jobs = max(1, min(jobs or min(processors, 4), len(todo)))
    cells = {n: len(records.executed_cells(lessons[n])) + bool(parameters[n]) for n in todo}
    failed = []

    def execute_one(name: str) -> Any:
        progress.start(name)
        return execute.run_lesson(
            lessons[name],
            parameters[name],
            {
                "run": digests[name],
                "data": digits.source,
                "is_mnist": digits.is_mnist,
                "versions": versions,
            },
            timeout=timeout,
            threads=max(1, processors // jobs) if jobs > 1 else None,
            on_cell=partial(progress.cell, name),
        )

    def keep(name: str, notebook: Any) -> None:
        executed[name] = notebook
        record = notebook.metadata.mnist_lab
        if record.failure:  # said at once; a page takes a moment
            failed.append(name)
            progress.fail(name, record.failure)
        records.save_lesson(output / f"{name}.ipynb", notebook)
        write_text(output / f"{name}.html", pages.lesson_page(notebook, list(course)))
        write_text(output / "index.html", pages.index_page(course, executed))
        if not record.failure:
            line = f"{name}: done in {pages.minutes(record.seconds)}. {pages.headline(notebook)}"
            progress.finish(name, line.rstrip())

    with Progress({name: expected[name] for name in todo}, cells, jobs) as progress:
        for name in sorted(finished):
            took = pages.minutes(executed[name].metadata.mnist_lab.seconds)
            progress.say(f"{name}: finished before (in {took}), skipped; --fresh runs it again")
            if not (page := output / f"{name}.html").is_file():  # stopped before it was written
                write_text(page, pages.lesson_page(executed[name], list(course)))
        in_parallel({name: partial(execute_one, name) for name in todo}, jobs, keep, progress.tick)
    write_text(output / "index.html", pages.index_page(course, executed))
    return failed


def refresh(folder: Path, lessons: Lessons, digits: Digits, *, timeout: int) -> list[str]:
    """Execute lessons one after another and replace each that succeeds; return those that failed.

    One at a time and with TensorFlow's own choice of threads, as for a reader.
    """
    stamp = {"data": digits.source, "versions": environment.versions()}
    cells = {name: len(records.executed_cells(lesson)) for name, lesson in lessons.items()}
    failed = []

    def execute_one(name: str) -> Any:
        progress.start(name)
        return execute.refresh_lesson(
            lessons[name], stamp, timeout=timeout, on_cell=partial(progress.cell, name)
        )

    def keep(name: str, notebook: Any) -> None:
        if failure := notebook.metadata.mnist_lab.get("failure"):
            failed.append(name)
            progress.fail(name, failure)
        else:
            records.save_lesson(folder / f"{name}.ipynb", notebook)
            if "verdicts" in records.save_pictures(folder.parent / ".github", notebook):
                readme.renew(folder.parent / "README.md")
            progress.finish(name, f"{name}: refreshed. {pages.headline(notebook)}".rstrip())

    expected = {n: records.expected_seconds(x, None, True, {}) for n, x in lessons.items()}
    with Progress(expected, cells, 1) as progress:
        in_parallel({name: partial(execute_one, name) for name in lessons}, 1, keep, progress.tick)
    return failed
