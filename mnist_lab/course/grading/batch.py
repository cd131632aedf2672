"""A class of submissions: graded side by side, marks and feedback written one by one."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from mnist_lab._files import LockedError, locked, write_text
from mnist_lab.course import CourseError
from mnist_lab.course.assignments.source import Assignment, read_assignment
from mnist_lab.course.experiments.outcomes import WorkerKilledError, outcomes
from mnist_lab.course.grading import grader, submission
from mnist_lab.course.grading.checks import Result
from mnist_lab.course.grading.feedback import feedback_page
from mnist_lab.course.grading.gradebook import Gradebook, Mark, fingerprint
from mnist_lab.course.grading.grader import GraderFault, Limits
from mnist_lab.course.sandbox.doctor import choose_isolation
from mnist_lab.course.sandbox.process import refuse_if_visible, remove, short_temporary

__all__ = ["GradingOptions", "NotGraded", "grade_class", "grade_one", "prove_solution"]


@dataclass(frozen=True)
class GradingOptions:
    """How a class is graded; none of it but isolation and limits changes a mark.

    Attributes:
        isolation: ``bwrap`` or ``process``, with a cluster also ``auto``.
        limits: of one submission.
        jobs: submissions at a time; a cluster has its own number of them.
        cluster: address of a Dask scheduler whose workers see the folder under the same path.
        feedback: folder for a page a learner.
        fresh: grade also what is graded.
    """

    isolation: str
    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    cluster: str | None = None
    feedback: Path | None = None
    fresh: bool = False


@dataclass(frozen=True)
class NotGraded:
    """A submission without a mark, because the grader or the computer is at fault.

    ``reason`` is a sentence. ``details`` is the traceback of a fault in the grader itself, else "".
    """

    student: str
    reason: str
    details: str = ""


def grade_one(
    assignment: Assignment, student: str, path: Path, note: str, isolation: str, limits: Limits
) -> Mark:
    """Return the mark of one submission, whatever the file is.

    ``isolation`` may be ``auto``: then the computer that this runs on decides. Any exception, above
    all GraderFault and OSError, is a fault of the grader or the computer: there is no mark.
    """
    if isolation == "auto":
        isolation = _isolation_here()
    began = time.monotonic()
    everywhere = [exercise.id for exercise in assignment.exercises]
    try:
        cells = _read(path)
    except ValueError as error:
        results = dict.fromkeys(everywhere, Result(0, "unreadable", str(error)))
    else:
        results = grader.grade(assignment, cells, isolation, limits)
    return Mark(student, results, isolation, time.monotonic() - began, note)


def _read(path: Path) -> list[submission.Cell]:
    """Return the code cells of a submission; CourseError for any file that has none to read."""
    try:
        if path.is_file() and not path.is_symlink():
            path.open("rb").close()
        return submission.read_cells(path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CourseError(
            f"The file cannot be read ({reason}): let the grader read it, and grade again."
        ) from None


@lru_cache
def _isolation_here() -> str:
    return choose_isolation("auto")[0]


def _attempt(
    assignment: Assignment, student: str, path: Path, note: str, isolation: str, limits: Limits
) -> Mark | NotGraded:
    """Return the mark of one submission, or why there is none."""
    try:
        return grade_one(assignment, student, path, note, isolation, limits)
    except (GraderFault, CourseError) as error:
        return NotGraded(student, str(error))
    except OSError as error:
        return NotGraded(
            student, f"The computer stopped the grading ({error}): mend this, and grade again."
        )
    except Exception as error:
        reason = f"This is a fault of mnist-lab ({type(error).__name__}): report it as an issue."
        return NotGraded(student, reason, traceback.format_exc())


def prove_solution(source: Path, assignment: Assignment, isolation: str, limits: Limits) -> None:
    """Raise CourseError unless the instructor's own solution earns all points in the same way."""
    try:
        mark = grade_one(assignment, "solution", source.resolve(), "", isolation, limits)
    except GraderFault as error:
        raise CourseError(f"The solution could not be graded. {error}") from None
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
    options: GradingOptions,
    *,
    started: Callable[[int, int], None],
    graded: Callable[[Mark | NotGraded], None],
) -> None:
    """Grade all submissions in a folder that are not graded yet.

    Args:
        source: the assignment, with solutions and hidden tests.
        folder: notebooks of learners, one each.
        marks: the CSV to write.
        options: how.
        started: called with the number of submissions, and of those already graded.
        graded: called with each mark once it is written, or with why there is none. A learner
            without a mark keeps the row of an earlier submission until the next call.

    Raises:
        CourseError: the source, the folder or the CSV is not what it should be, or another command
            writes the CSV.
    """
    assignment = read_assignment(source)
    isolation, feedback = options.isolation, options.feedback
    for path in (source, folder, marks, *filter(None, [feedback])):
        refuse_if_visible(path)
    with _only_writer(marks):
        found = submission.find_submissions(folder)
        if not found:
            raise CourseError(f"There are no notebooks in {folder}: name the folder that has them.")
        prints = {
            student: fingerprint(path, assignment, isolation, options.limits)
            for student, (path, _) in found.items()
        }
        book = Gradebook(marks, assignment, prints, fresh=options.fresh)
        todo = {
            student: place
            for student, place in found.items()
            if student not in book.graded
            or (feedback and not (feedback / f"{student}.html").is_file())
        }
        started(len(found), len(found) - len(todo))
        if not todo:
            return
        with _scratch(options) as limits:
            prove_solution(source, assignment, isolation, limits)
            book.begin(todo)
            calls = {
                student: partial(
                    _attempt, assignment, student, path.absolute(), note, isolation, limits
                )
                for student, (path, note) in todo.items()
            }
            for student, outcome in outcomes(calls, options.jobs, options.cluster):
                if isinstance(outcome, WorkerKilledError):
                    outcome = NotGraded(student, f"{outcome} Look at this submission by hand.")
                if isinstance(outcome, Mark):
                    if feedback:  # before the mark: what is stopped in between is graded again
                        feedback.mkdir(parents=True, exist_ok=True)
                        write_text(feedback / f"{student}.html", feedback_page(outcome, assignment))
                    book.add(outcome)
                graded(outcome)


@contextmanager
def _only_writer(marks: Path) -> Iterator[None]:
    """Keep another command from the CSV; CourseError if one is at it."""
    try:
        with locked(marks):
            yield
    except LockedError as error:
        raise CourseError(str(error)) from None


@contextmanager
def _scratch(options: GradingOptions) -> Iterator[Limits]:
    """Keep what kernels write in one folder, which goes even if workers are killed."""
    folder = Path(tempfile.mkdtemp(prefix="mnist-lab-", dir=short_temporary()))
    try:
        yield replace(options.limits, scratch=None if options.cluster else str(folder))
    finally:
        remove(folder)
