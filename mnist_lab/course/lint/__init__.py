"""What a notebook must be: every lint, and the notebooks of the course that they look at."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Course, Lesson
from mnist_lab.course.execution.records import read_notebook

# The modules are imported for the lints that register themselves in them.
from mnist_lab.course.lint import code as code
from mnist_lab.course.lint import language as language
from mnist_lab.course.lint import outputs as outputs
from mnist_lab.course.lint import prose as prose
from mnist_lab.course.lint import structure as structure
from mnist_lab.course.lint.assignments import assignment_problems, other_exercises
from mnist_lab.course.lint.registry import LESSON_LINTS

__all__ = ["assignment_problems", "faults_of", "files_of", "lesson_problems"]


def lesson_problems(notebook: NotebookNode, lesson: Lesson) -> list[str]:
    """Return everything that is wrong with a lesson and its stored outputs, a sentence each."""
    found = list(structure.readable(notebook))
    if not found:
        found = [problem for lint in LESSON_LINTS for problem in lint(notebook, lesson)]
    return [f"{lesson.name}: {problem}." for problem in found]


def files_of(course: Course) -> list[Path]:
    """Return all lessons, the sources of all assignments, and the Markdown files beside them."""
    folders = (course.notebooks, course.assignments)
    notebooks = [folder / f"{lesson.name}.ipynb" for folder in folders for lesson in course.lessons]
    texts = (
        course.folder.glob(pattern)
        for pattern in ("*.md", "assignments/*.md", "benchmarks/*.md", "site/*.md")
    )
    return [*notebooks, *(path for found in texts for path in sorted(found))]


def faults_of(path: Path, course: Course) -> list[str]:
    """Return what is wrong with a file: a text, a lesson in ``notebooks``, else an assignment."""
    listed = {lesson.name: lesson for lesson in course.lessons}
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
        return [f"{path.name}: {fault}." for fault in language.sentence_faults(text)]
    if path.resolve().parent == course.notebooks.resolve():
        if path.stem not in listed:
            return [f"{path.stem}: it is not listed in course.toml: add it, or remove the file."]
        try:
            notebook = read_notebook(path)
            exercises = other_exercises(notebook, listed[path.stem], course.assignments / path.name)
            return [
                *lesson_problems(notebook, listed[path.stem]),
                *(f"{path.stem}: {fault}." for fault in exercises),
            ]
        except CourseError as error:
            return [str(error)]
    return assignment_problems(path)
