"""The files that a new lesson begins with: a lesson, its assignment, a page and typical answers.

They come from ``templates/new`` and are complete: each passes every lint, runs, and can be handed
out and graded. An author replaces them part by part and always has something that works.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Course, Lesson, add_lesson
from mnist_lab.course.execution.records import KERNELSPEC, LANGUAGE
from mnist_lab.course.publishing.templating import render

__all__ = ["DRAFT_BOUNDS", "write_new_lesson"]

# A beginning is shorter than a lesson: the author removes these bounds when the lesson has grown.
DRAFT_BOUNDS = {"cells": (15.0, 55.0), "prose_words": (200.0, 2600.0)}


def write_new_lesson(course: Course, lesson: Lesson) -> list[Path]:
    """List a new lesson, write its files and return their paths; no file is ever overwritten.

    Raises:
        CourseError: one of the files is there already, or the list does not take the lesson; in
            both cases nothing is written.
    """
    root, name = course.folder, lesson.name
    values = {
        "lesson": lesson,
        "pointer": course.pointer,
        "exercise": f"{name[:2]}-ink",
    }
    notebooks = {
        course.notebooks / f"{name}.ipynb": "new/lesson.py.j2",
        course.assignments / f"{name}.ipynb": "new/assignment.py.j2",
    }
    texts = {
        course.assignments / f"{name}.md": "new/assignment.md.j2",
        root / "tests" / "answers" / f"{name}.py": "new/answers.py.j2",
    }
    for path in (*notebooks, *texts):
        if path.exists():
            raise CourseError(f"{path} is there already: give the lesson another name.")
    add_lesson(root, lesson)
    for path, template in notebooks.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, nbformat.writes(_notebook(render(template, **values))) + "\n")
    for path, template in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, render(template, **values))
    return [*notebooks, *texts]


def _notebook(text: str) -> NotebookNode:
    """Return the notebook that a text in py:percent form describes, its cells named by number."""
    notebook: NotebookNode = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook
