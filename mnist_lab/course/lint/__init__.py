"""What a notebook must be: every lint, and the notebooks of the course that they look at."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Course, Lesson
from mnist_lab.course.execution.records import read_notebook

# The modules are imported for the lints that register themselves in them.
from mnist_lab.course.lint import code as code
from mnist_lab.course.lint import outputs as outputs
from mnist_lab.course.lint import prose as prose
from mnist_lab.course.lint import structure as structure
from mnist_lab.course.lint.assignments import assignment_problems
from mnist_lab.course.lint.registry import LESSON_LINTS

__all__ = ["assignment_problems", "faults_of", "lesson_problems", "notebooks_of"]


def lesson_problems(notebook: NotebookNode, lesson: Lesson) -> list[str]:
    """Return everything that is wrong with a lesson and its stored outputs, a sentence each."""
    found = list(structure.readable(notebook))
    if not found:
        found = [problem for lint in LESSON_LINTS for problem in lint(notebook, lesson)]
    return [f"{lesson.name}: {problem}." for problem in found]


def notebooks_of(course: Course) -> list[Path]:
    """Return the files of all lessons and of the sources of all assignments."""
    folders = (course.notebooks, course.assignments)
    return [folder / f"{lesson.name}.ipynb" for folder in folders for lesson in course.lessons]


def faults_of(path: Path, course: Course) -> list[str]:
    """Return what is wrong with a file: as a lesson in ``notebooks``, else as an assignment."""
    listed = {lesson.name: lesson for lesson in course.lessons}
    if path.resolve().parent == course.notebooks.resolve():
        if path.stem not in listed:
            return [f"{path.stem}: it is not listed in course.toml: add it, or remove the file."]
        try:
            return lesson_problems(read_notebook(path), listed[path.stem])
        except CourseError as error:
            return [str(error)]
    return assignment_problems(path)
