"""Marks of a class: a CSV that grows by a row for each submission."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.assignments.source import Assignment
from mnist_lab.course.grading.checks import STATUSES, Result
from mnist_lab.course.grading.grader import Limits
from mnist_lab.course.grading.submission import harmless

__all__ = ["Gradebook", "Mark", "fingerprint"]

_COLUMNS = ("student", "score", "max", "status", "isolation", "seconds")


@dataclass(frozen=True)
class Mark:
    """What became of a submission: results by exercise, how it was isolated, seconds it took."""

    student: str
    results: Mapping[str, Result]
    isolation: str
    seconds: float
    note: str = ""

    @property
    def score(self) -> float:
        """Points of all exercises."""
        return sum(result.points for result in self.results.values())

    @property
    def status(self) -> str:
        """The status that says most: ``passed`` only if all exercises are."""
        return min((r.status for r in self.results.values()), key=STATUSES.index)


class Gradebook:
    """A CSV of marks that is complete after each submission, whatever stops the grading.

    ``graded`` are the learners whose rows stand and whose submissions have not changed since. A row
    that no longer stands stays until the new one is there; rows of learners who are not among the
    fingerprints, such as learners of another group, stay for good. A file beside the CSV says which
    submission a row is of: where it is lost or broken, all of them are graded again.

    Args:
        path: the CSV; it need not be there.
        assignment: its exercises are the columns.
        fingerprints: learner -> :func:`fingerprint` of the submission to grade.
        fresh: no row stands.

    Raises:
        CourseError: the CSV is of something else, or of other exercises and not ``fresh``.
    """

    def __init__(
        self, path: Path, assignment: Assignment, fingerprints: Mapping[str, str], *, fresh: bool
    ) -> None:
        self.path, self.assignment, self.fingerprints = path, assignment, fingerprints
        self.header = [*_COLUMNS]
        for exercise in assignment.exercises:
            self.header += [exercise.id, f"{exercise.id}.status", f"{exercise.id}.note"]
        self._state = path.with_name(f".{path.name}.state.json")
        self._rows: dict[str, list[str]] = {}
        self._prints: dict[str, str] = {}
        self._replaces = False  # a CSV of other exercises
        header, rows = _read_table(path) if path.exists() else ([], [])
        if header:
            self._replaces = header != self.header
            if self._replaces and not fresh:
                raise CourseError(
                    f"{path} holds marks of other exercises: give another name to --csv, or add "
                    "--fresh to begin a new file in its place."
                )
            if not self._replaces:
                self._rows = {row[0]: row for row in rows}
                whole = {student for student, row in self._rows.items() if len(row) == len(header)}
                known = _read_state(self._state)
                self._prints = {student: known[student] for student in known.keys() & whole}
        standing = {} if fresh else self._prints
        self.graded = {s for s, print_now in fingerprints.items() if standing.get(s) == print_now}

    def begin(self, students: Collection[str]) -> None:
        """Note that these learners are about to be graded again, before any of them is.

        From here on, no stop can leave an old row that counts as the new one: a row counts only
        with its fingerprint, and that is written after the row. A CSV of other exercises is put
        aside under another name.
        """
        if self._replaces:
            self.path.rename(_free_name(self.path))
            self._replaces = False
        for student in students:
            self._prints.pop(student, None)
        self._write_state()

    def add(self, mark: Mark) -> None:
        """Write the file anew, with the row of one more submission, sorted by learner."""
        total = sum(exercise.points for exercise in self.assignment.exercises)
        row = [mark.student, f"{mark.score:g}", f"{total:g}", mark.status, mark.isolation]
        row.append(f"{mark.seconds:.1f}")
        for exercise in self.assignment.exercises:
            result = mark.results[exercise.id]
            row += [f"{result.points:g}", result.status, f"{mark.note}{result.note}".strip()]
        self._rows[mark.student] = [harmless(value) for value in row]
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(self.header)
        table.writerows(row for _, row in sorted(self._rows.items()))
        write_text(self.path, "\ufeff" + text.getvalue())  # the mark tells Excel that it is UTF-8
        self._prints[mark.student] = self.fingerprints[mark.student]
        self._write_state()

    def _write_state(self) -> None:
        write_text(self._state, json.dumps(self._prints))


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a CSV of marks, both empty where nothing is in it.

    Empty lines, as spreadsheets leave them, are no rows. Raises CourseError for a file of
    something else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if any(line)]
    except (UnicodeDecodeError, csv.Error):
        lines = [["what is no text"]]
    if not lines:
        return [], []
    if lines[0][0].startswith("student;"):
        raise CourseError(
            f"{path} has semicolons between its columns, as some spreadsheets write them: save it "
            "with commas, or give another name to --csv."
        )
    if tuple(lines[0][: len(_COLUMNS)]) != _COLUMNS:
        raise CourseError(f"{path} holds no marks: give another name to --csv.")
    return lines[0], lines[1:]


def _read_state(path: Path) -> dict[str, str]:
    """Return learner -> fingerprint; nothing if the file is not what we wrote."""
    try:
        known = json.loads(path.read_bytes())
    except (FileNotFoundError, RecursionError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {student: found for student, found in known.items() if isinstance(found, str)}


def _free_name(path: Path) -> Path:
    """Return the first of marks.old.csv, marks.old2.csv and so on that is not there."""
    names = (path.with_name(f"{path.stem}.old{n}{path.suffix}") for n in ("", *range(2, 10_000)))
    return next(name for name in names if not name.exists())


def fingerprint(path: Path, assignment: Assignment, isolation: str, limits: Limits) -> str:
    """Return a digest of all that a mark depends on.

    How many submissions are graded at a time, and so the threads of each, is no part of it. A file
    that cannot be read counts as an empty one: once it can be, its digest is another.
    """
    bounds = (limits.timeout, limits.total, limits.memory)
    digest = hashlib.sha256(repr((assignment, isolation, bounds)).encode())
    with suppress(OSError):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
