"""Marks of a class: a CSV that grows by a row for each submission."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.assignments.source import Assignment
from mnist_lab.course.grading.checks import STATUSES, Result
from mnist_lab.course.grading.grader import Limits
from mnist_lab.course.grading.submission import harmless

__all__ = ["Gradebook", "Mark", "fingerprint"]


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

    ``graded`` are the learners whose rows stand and whose submissions have not changed since. Rows
    of learners who are not among the fingerprints, as those of another group, stay.
    Raises CourseError for a CSV of something else, and for one of other exercises unless ``fresh``.
    """

    def __init__(
        self, path: Path, assignment: Assignment, fingerprints: Mapping[str, str], *, fresh: bool
    ) -> None:
        self.path, self.assignment, self.fingerprints = path, assignment, fingerprints
        self.header = ["student", "score", "max", "status", "isolation", "seconds"]
        for exercise in assignment.exercises:
            self.header += [exercise.id, f"{exercise.id}.status", f"{exercise.id}.note"]
        self._state = path.with_name(f".{path.name}.state.json")
        self._rows: dict[str, list[str]] = {}
        self._prints: dict[str, str] = {}
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as file:
                header, *rows = [*csv.reader(file)] or [[]]
            if header[:6] != self.header[:6]:
                raise CourseError(f"{path} holds no marks: give another name to --csv.")
            if header == self.header:
                self._keep(rows, fresh=fresh)
            elif not fresh:
                raise CourseError(
                    f"{path} holds marks of other exercises: give another name to --csv, or add "
                    "--fresh to write over them."
                )
        self.graded = self._rows.keys() & fingerprints.keys()

    def _keep(self, rows: list[list[str]], *, fresh: bool) -> None:
        known = {}
        if self._state.is_file():
            known = json.loads(self._state.read_text(encoding="utf-8"))
        for row in rows:
            student, print_now = row[0], self.fingerprints.get(row[0])
            if print_now is None or (not fresh and known.get(student) == print_now):
                self._rows[student], self._prints[student] = row, known.get(student, "")

    def add(self, mark: Mark) -> None:
        """Write the file anew, with the row of one more submission, sorted by learner."""
        total = sum(exercise.points for exercise in self.assignment.exercises)
        row = [mark.student, f"{mark.score:g}", f"{total:g}", mark.status, mark.isolation]
        row.append(f"{mark.seconds:.1f}")
        for exercise in self.assignment.exercises:
            result = mark.results[exercise.id]
            row += [f"{result.points:g}", result.status, f"{mark.note}{result.note}".strip()]
        self._rows[mark.student] = [harmless(value) for value in row]
        self._prints[mark.student] = self.fingerprints[mark.student]
        self._write()

    def _write(self) -> None:
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(self.header)
        table.writerows(row for _, row in sorted(self._rows.items()))
        write_text(self._state, json.dumps(self._prints))
        write_text(self.path, "\ufeff" + text.getvalue())  # the mark tells Excel that it is UTF-8


def fingerprint(path: Path, assignment: Assignment, isolation: str, limits: Limits) -> str:
    """Return a digest of all that a mark depends on."""
    settings = repr((assignment, isolation, limits)).encode()
    digest = hashlib.sha256(settings)
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
