"""Where lints register themselves, so that a new lint is one function.

A lint of a lesson takes the notebook and what ``course.toml`` says of it, and yields one sentence a
fault that says where the fault is and what to do::

    @lesson_lint
    def no_shouting(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
        for number, cell in markdown_cells(notebook):
            if "!!" in cell.source:
                yield f"cell {number} shouts: end the sentence with a full stop"

It may take for granted that every code cell is Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nbformat import NotebookNode

from mnist_lab.course.execution.catalogue import Lesson

__all__ = ["LESSON_LINTS", "LessonLint", "lesson_lint"]

LessonLint = Callable[[NotebookNode, Lesson], Iterator[str]]

LESSON_LINTS: list[LessonLint] = []


def lesson_lint(lint: LessonLint) -> LessonLint:
    """Register a lint of lessons; it stays what it is."""
    LESSON_LINTS.append(lint)
    return lint
