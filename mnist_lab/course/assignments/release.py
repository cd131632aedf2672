"""The learner copies in ``exercises/``, generated from the sources in ``assignments/``."""

from __future__ import annotations

from pathlib import Path

import nbformat

from mnist_lab._files import write_text
from mnist_lab.course.assignments.source import learner_copy, read_assignment
from mnist_lab.course.execution.catalogue import Course
from mnist_lab.course.execution.records import read_notebook

__all__ = ["find_sources", "release", "stale"]


def find_sources(course: Course) -> list[Path]:
    """Return the sources of the assignments of all lessons, in their order."""
    return [course.assignments / f"{lesson.name}.ipynb" for lesson in course.lessons]


def release(course: Course) -> list[Path]:
    """Write the learner copies that are missing or stale, and return their paths.

    The same sources give the same bytes. Raises CourseError, and writes nothing, when the marks of
    a source are at fault.
    """
    course.exercises.mkdir(exist_ok=True)
    changed = {path: text for path, text in _copies(course).items() if not _holds(path, text)}
    for path, text in changed.items():
        write_text(path, text)
    return list(changed)


def stale(course: Course) -> list[str]:
    """Say which learner copies are not what ``release`` would write, one sentence each."""
    copies = _copies(course)
    found = [
        f"exercises/{path.name} is not what its source gives: run mnist-lab release."
        for path, text in copies.items()
        if not _holds(path, text)
    ]
    return found + [
        f"exercises/{path.name} is no listed lesson's copy: remove it, or list it in course.toml."
        for path in sorted(course.exercises.glob("*.ipynb"))
        if path not in copies
    ]


def _copies(course: Course) -> dict[Path, str]:
    """Return path and content of every learner copy as it should be."""
    copies = {}
    for path in find_sources(course):
        read_assignment(path)  # complains about marks that are out of order
        copy = learner_copy(read_notebook(path))
        copies[course.exercises / path.name] = nbformat.writes(copy) + "\n"
    return copies


def _holds(path: Path, text: str) -> bool:
    # On Windows, git may have turned the line ends into others.
    return path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == text.encode()
