"""Marks of a class: a CSV that is whole after each submission, whatever stood there before."""

from __future__ import annotations

import csv
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from grading_fixture import handed_in, save, source

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.assignments.source import Assignment, read_assignment
from mnist_lab.course.grading import checks, gradebook, submission
from mnist_lab.course.grading.feedback import feedback_page
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.grading.grader import Limits

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    return read_assignment(save(tmp_path / "01_source.ipynb", source()))


def rows(path: Path) -> dict[str, dict[str, str]]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return {row["student"]: row for row in csv.DictReader(lines)}


def test_names_and_notes_that_a_spreadsheet_would_run(
    tmp_path: Path, assignment: Assignment
) -> None:
    names = ["=1+1", "+1", "-1", "@x", "a;=1", "tab\tand\nline\x1b[2J", "<b>", "'=1+1"]
    for name in names:
        save(tmp_path / f"{name}.ipynb", handed_in())
    found = submission.find_submissions(tmp_path)
    note = checks.Result(0, "failed", "=HYPERLINK(1)")
    table = tmp_path / "marks.csv"
    book = gradebook.Gradebook(table, assignment, dict.fromkeys(found, "digest"), fresh=False)
    for student in found:
        results = {exercise.id: note for exercise in assignment.exercises}
        book.add(Mark(student, results, "bwrap", 1.0))
        page = feedback_page(Mark(student, results, "bwrap", 1.0), assignment)
        assert "<b>" not in page
    text = table.read_text(encoding="utf-8-sig")
    assert not set("\t\x1b;") & set(text)
    for row in csv.reader(text.splitlines()):
        assert not [value for value in row if value.startswith(("=", "+", "-", "@"))]
    again = gradebook.Gradebook(table, assignment, dict.fromkeys(found, "digest"), fresh=False)
    assert again.graded == set(found)  # each learner is known again under the harmless name


@pytest.mark.parametrize("status", checks.STATUSES)
def test_a_page_says_what_became_of_an_exercise(status: str, assignment: Assignment) -> None:
    results = {e.id: checks.Result(0, status, "A note.") for e in assignment.exercises}
    page = feedback_page(Mark("Ada", results, "bwrap", 1.0), assignment)
    assert page.count("A note.") == len(assignment.exercises)
    advice = "Look for a loop that does not end."
    assert page.count(advice) == (len(assignment.exercises) if status == "timeout" else 0)


def mark_of(student: str, assignment: Assignment, points: float) -> Mark:
    return Mark(
        student, {e.id: checks.Result(points, "passed") for e in assignment.exercises}, "", 1
    )


def score(table: Path, student: str) -> str | None:
    return rows(table).get(student, {}).get("score")


def test_marks_of_other_exercises_and_groups_stay(tmp_path: Path, assignment: Assignment) -> None:
    table = tmp_path / "marks.csv"
    for student in ("ada", "bob"):  # two groups
        book = gradebook.Gradebook(table, assignment, {student: "digest"}, fresh=student == "bob")
        book.add(mark_of(student, assignment, 1))
    assert set(rows(table)) == {"ada", "bob"}
    both = gradebook.Gradebook(table, assignment, {"ada": "digest", "bob": "other"}, fresh=False)
    assert both.graded == {"ada"}
    other = replace(assignment, exercises=assignment.exercises[:1])
    with pytest.raises(ValueError, match="holds marks of other exercises: give another name"):
        gradebook.Gradebook(table, other, {"ada": "digest"}, fresh=False)
    assert set(rows(table)) == {"ada", "bob"}


def test_what_a_mark_depends_on(tmp_path: Path, assignment: Assignment) -> None:
    path, limits = tmp_path / "ada.ipynb", Limits()
    path.write_text("{}")
    found = gradebook.fingerprint(path, assignment, "bwrap", limits)
    for alike in (replace(limits, threads=7), replace(limits, scratch="/elsewhere")):  # --jobs
        assert gradebook.fingerprint(path, assignment, "bwrap", alike) == found
    others = [
        gradebook.fingerprint(path, assignment, "process", limits),
        gradebook.fingerprint(path, replace(assignment, setup=()), "bwrap", limits),
        *(
            gradebook.fingerprint(path, assignment, "bwrap", other)
            for other in (
                replace(limits, timeout=1000),
                replace(limits, total=1000),
                replace(limits, memory=1000),
            )
        ),
    ]
    path.write_text("{} ")
    others.append(gradebook.fingerprint(path, assignment, "bwrap", limits))
    path.unlink()
    others.append(gradebook.fingerprint(path, assignment, "bwrap", limits))
    assert len({found, *others}) == 8


@pytest.mark.parametrize("stopped_at", range(4))
def test_no_stop_loses_a_mark_or_keeps_an_old_one(
    stopped_at: int, tmp_path: Path, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handed in anew, graded, and stopped at any of three writes: by a kill or a full disk."""
    table, scores = tmp_path / "marks.csv", {"first": "0", "second": "3"}
    book = gradebook.Gradebook(table, assignment, {"ada": "first", "bob": "his"}, fresh=False)
    for student in ("ada", "bob"):
        book.add(mark_of(student, assignment, 0))
    writes: list[Path] = []

    def write_or_stop(path: Path, text: str) -> None:
        if len(writes) == stopped_at:
            raise OSError
        writes.append(path)
        write_text(path, text)

    monkeypatch.setattr(gradebook, "write_text", write_or_stop)
    book = gradebook.Gradebook(table, assignment, {"ada": "second", "bob": "his"}, fresh=False)
    assert book.graded == {"bob"}
    with suppress(OSError):
        book.begin(["ada"])
        book.add(mark_of("ada", assignment, 1))
    assert len(writes) == stopped_at
    assert (score(table, "ada"), score(table, "bob")) == ("3" if stopped_at > 1 else "0", "0")
    for handed_in_now in scores:  # the learner may go back to the first file
        prints = {"ada": handed_in_now, "bob": "his"}
        book = gradebook.Gradebook(table, assignment, prints, fresh=False)
        assert "bob" in book.graded
        assert "ada" not in book.graded or score(table, "ada") == scores[handed_in_now]
    assert stopped_at < 3 or "ada" in book.graded


def test_fresh_goes_on_where_it_was(tmp_path: Path, assignment: Assignment) -> None:
    table, prints = tmp_path / "marks.csv", {"ada": "hers", "bob": "his"}
    for fresh in (False, True):
        book = gradebook.Gradebook(table, assignment, prints, fresh=fresh)
        assert book.graded == set()
        book.begin(["ada", "bob"])
        book.add(mark_of("ada", assignment, fresh))
        if not fresh:
            book.add(mark_of("bob", assignment, 0))
    assert (score(table, "ada"), score(table, "bob")) == ("3", "0")
    assert gradebook.Gradebook(table, assignment, prints, fresh=False).graded == {"ada"}


BROKEN = [b"", b"[]", b"null", b"3", b"\x80\xff\x00", b'{"ada": 3}', b"[" * 100_000, b'{"ada": "di']


@pytest.mark.parametrize("content", BROKEN)
def test_a_state_that_is_broken_grades_again(
    content: bytes, tmp_path: Path, assignment: Assignment
) -> None:
    table = tmp_path / "marks.csv"
    gradebook.Gradebook(table, assignment, {"ada": "digest"}, fresh=False).add(
        mark_of("ada", assignment, 1)
    )
    (tmp_path / ".marks.csv.state.json").write_bytes(content)
    book = gradebook.Gradebook(table, assignment, {"ada": "digest"}, fresh=False)
    assert book.graded == set()
    assert score(table, "ada") == "3"  # until the new mark is there
    book.add(mark_of("ada", assignment, 1))
    again = gradebook.Gradebook(table, assignment, {"ada": "digest"}, fresh=False)
    assert again.graded == {"ada"}


@pytest.mark.parametrize(
    "more", ["\r\n", "\n\n\n", ",,,,,,,,,,,,,,\r\n", "bob\r\n", "bob,1,2,3\r\n"]
)
def test_lines_that_spreadsheets_leave(more: str, tmp_path: Path, assignment: Assignment) -> None:
    table = tmp_path / "marks.csv"
    prints = {"ada": "digest", "bob": "his"}
    gradebook.Gradebook(table, assignment, prints, fresh=False).add(mark_of("ada", assignment, 1))
    with table.open("a", newline="") as file:
        file.write(more)
    book = gradebook.Gradebook(table, assignment, prints, fresh=False)
    assert book.graded == {"ada"}
    book.add(mark_of("bob", assignment, 1))
    assert (score(table, "ada"), score(table, "bob"), len(rows(table))) == ("3", "3", 2)


@pytest.mark.parametrize("content", ["", "\ufeff", "\r\n\r\n"])
def test_a_csv_with_nothing_in_it(content: str, tmp_path: Path, assignment: Assignment) -> None:
    table = tmp_path / "marks.csv"
    table.write_text(content, encoding="utf-8")
    book = gradebook.Gradebook(table, assignment, {"ada": "digest"}, fresh=False)
    book.begin(["ada"])
    book.add(mark_of("ada", assignment, 1))
    assert score(table, "ada") == "3"


FOREIGN = {
    "a budget": (b"item,price\n", "holds no marks"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", "holds no marks"),
    "UTF-16": ("student,score".encode("utf-16"), "holds no marks"),
    "a web page": (b"<!DOCTYPE html>", "holds no marks"),
    "one long line": (b"x" * 200_000, "holds no marks"),
    "semicolons": (b"student;score;max\n", "has semicolons .* save it with commas"),
}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_csv_of_others_is_not_overwritten(
    name: str, fresh: bool, tmp_path: Path, assignment: Assignment
) -> None:
    table = tmp_path / "budget.csv"
    content, said = FOREIGN[name]
    table.write_bytes(content)
    with pytest.raises(CourseError, match=said):
        gradebook.Gradebook(table, assignment, {}, fresh=fresh)
    assert table.read_bytes() == content


def test_fresh_puts_marks_of_other_exercises_aside(tmp_path: Path, assignment: Assignment) -> None:
    table, prints = tmp_path / "marks.csv", {"ada": "digest"}
    written: list[bytes] = []
    for count in (3, 2, 1):
        task = replace(assignment, exercises=assignment.exercises[:count])
        book = gradebook.Gradebook(table, task, prints, fresh=True)
        assert book.graded == set()
        if written:
            assert table.read_bytes() == written[-1]  # until it begins
        book.begin(["ada"])
        book.add(mark_of("ada", task, 1))
        written.append(table.read_bytes())
    assert (tmp_path / "marks.old.csv").read_bytes() == written[0]
    assert (tmp_path / "marks.old2.csv").read_bytes() == written[1]
