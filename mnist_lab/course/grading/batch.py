"""A class of submissions: graded side by side, marks and feedback written one by one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import joblib

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.assignments.source import Assignment, read_assignment
from mnist_lab.course.experiments.parallel import workers
from mnist_lab.course.grading import grader, submission
from mnist_lab.course.grading.checks import Result
from mnist_lab.course.grading.feedback import feedback_page
from mnist_lab.course.grading.gradebook import Gradebook, Mark, fingerprint
from mnist_lab.course.grading.grader import Limits
from mnist_lab.course.sandbox.doctor import choose_isolation
from mnist_lab.course.sandbox.process import refuse_if_visible, remove

__all__ = ["grade_class", "grade_one", "prove_solution"]


def grade_one(
    assignment: Assignment, student: str, path: Path, note: str, isolation: str, limits: Limits
) -> Mark:
    """Return the mark of one submission, whatever the file is.

    ``isolation`` may be ``auto``: then the computer that this runs on decides.
    """
    if isolation == "auto":
        isolation = _isolation_here()
    began = time.monotonic()
    everywhere = [exercise.id for exercise in assignment.exercises]
    try:
        cells = submission.read_cells(path)
    except ValueError as error:
        results = dict.fromkeys(everywhere, Result(0, "unreadable", str(error)))
    else:
        try:
            results = grader.grade(assignment, cells, isolation, limits)
        except Exception as error:  # one submission, whatever is in it, does not stop the class
            said = f"Grading stopped ({type(error).__name__}): look at this one by hand."
            results = dict.fromkeys(everywhere, Result(0, "crashed", said))
    return Mark(student, results, isolation, time.monotonic() - began, note)


@lru_cache
def _isolation_here() -> str:
    return choose_isolation("auto")[0]


def prove_solution(source: Path, assignment: Assignment, isolation: str, limits: Limits) -> None:
    """Raise CourseError unless the instructor's own solution earns all points in the same way."""
    mark = grade_one(assignment, "solution", source.resolve(), "", isolation, limits)
    for exercise, result in mark.results.items():
        if result.status != "passed":
            raise CourseError(
                f"The solution of {exercise} does not pass its own check ({result.status}. "
                f"{result.note}): mend the check, or raise the limits."
            )


def grade_class(
    source: Path,
    folder: Path,
    marks: Path,
    isolation: str,
    limits: Limits,
    *,
    jobs: int,
    cluster: str | None,
    feedback: Path | None,
    fresh: bool,
    started: Callable[[int, int], None],
    graded: Callable[[Mark], None],
) -> Gradebook:
    """Grade all submissions in a folder that are not graded yet.

    Args:
        source: the assignment, with solutions and hidden tests.
        folder: notebooks of learners, one each.
        marks: the CSV to write.
        isolation: ``bwrap`` or ``process``, with a cluster also ``auto``.
        limits: of one submission.
        jobs: submissions at a time.
        cluster: address of a Dask scheduler whose workers see the folder under the same path.
        feedback: folder for a page a learner.
        fresh: grade also what is graded.
        started: called with the number of submissions, and of those already graded.
        graded: called with each mark once it is written.

    Raises:
        CourseError: the source, the folder or the CSV is not what it should be.
    """
    assignment = read_assignment(source)
    found = submission.find_submissions(folder)
    if not found:
        raise CourseError(f"There are no notebooks in {folder}: name the folder that has them.")
    for path in (source, folder, marks):
        refuse_if_visible(path)
    prints = {s: fingerprint(path, assignment, isolation, limits) for s, (path, _) in found.items()}
    book = Gradebook(marks, assignment, prints, fresh=fresh)
    todo = {
        student: place
        for student, place in found.items()
        if student not in book.graded or (feedback and not (feedback / f"{student}.html").is_file())
    }
    started(len(found), len(found) - len(todo))
    if not todo:
        return book
    with _scratch(limits, cluster) as limits:
        prove_solution(source, assignment, isolation, limits)
        tasks = (
            joblib.delayed(grade_one)(assignment, student, path.absolute(), note, isolation, limits)
            for student, (path, note) in todo.items()
        )
        with workers(jobs, cluster):
            for mark in joblib.Parallel(return_as="generator_unordered")(tasks):
                book.add(mark)
                if feedback:
                    feedback.mkdir(parents=True, exist_ok=True)
                    write_text(feedback / f"{mark.student}.html", feedback_page(mark, assignment))
                graded(mark)
    return book


@contextmanager
def _scratch(limits: Limits, cluster: str | None) -> Iterator[Limits]:
    """Keep what kernels write in one folder, which goes even if workers are killed."""
    # Paths of sockets have at most 107 bytes: a long TMPDIR would leave no room.
    short = "/tmp" if len(tempfile.gettempdir()) > 60 else None  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="mnist-lab-", dir=short))
    try:
        yield replace(limits, scratch=None if cluster else str(folder))
    finally:
        remove(folder)
