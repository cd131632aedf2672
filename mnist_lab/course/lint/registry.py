"""Where lints register themselves, so that a new lint is one function.

A lint of a lesson takes the notebook and what ``course.toml`` says of it, and yields one sentence a
fault that says where the fault is and what to do::

    @lesson_lint
    def no_shouting(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
        for number, cell in markdown_cells(notebook):
            if "!!" in cell.source:
                yield f"cell {number} shouts: end the sentence with a full stop"

It may take for granted that every code cell is Python. A lint of an assignment takes the source,
the copy that learners get of it (cells of both have the same numbers), and the lesson's name::

    @assignment_lint
    def no_shouting(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nbformat import NotebookNode

from mnist_lab.course.execution.catalogue import Lesson

__all__ = [
    "ASSIGNMENT_LINTS",
    "LESSON_LINTS",
    "AssignmentLint",
    "LessonLint",
    "assignment_lint",
    "lesson_lint",
]

LessonLint = Callable[[NotebookNode, Lesson], Iterator[str]]

AssignmentLint = Callable[[NotebookNode, NotebookNode, str], Iterator[str]]

LESSON_LINTS: list[LessonLint] = []
ASSIGNMENT_LINTS: list[AssignmentLint] = []


def lesson_lint(lint: LessonLint) -> LessonLint:
    """Register a lint of lessons; it stays what it is."""
    LESSON_LINTS.append(lint)
    return lint


def assignment_lint(lint: AssignmentLint) -> AssignmentLint:
    """Register a lint of assignments; it stays what it is."""
    ASSIGNMENT_LINTS.append(lint)
    return lint
