"""The assignments of the course, handed in and graded as in a class, on MNIST if it is at hand.

``test_answers.py`` judges all answers where a learner is. Here one right and one wrong answer to
each exercise stay in a kernel of their own, and checks see them from outside.
"""

from __future__ import annotations

import csv
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from answer_room import ROOT, SOURCES, Answer, answers_of, unfair
from typer.testing import CliRunner

from mnist_lab.course.assignments import markers
from mnist_lab.course.assignments.source import read_assignment
from mnist_lab.course.cli.main import app
from mnist_lab.course.execution.cells import code_cells
from mnist_lab.course.grading import checks
from mnist_lab.course.sandbox.kernel_client import Kernel
from mnist_lab.course.sandbox.proxies import Objects

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")
MOODLE = "{}_assignsubmission_file_/{}.ipynb"


def stubs_of(name: str) -> dict[str, str]:
    """Return by exercise what learners find in its cell."""
    copy = nbformat.read(ROOT / "exercises" / f"{name}.ipynb", as_version=4)
    code = [(markers.find_mark(cell.source), cell.source) for _, cell in code_cells(copy)]
    return {mark.id: source for mark, source in code if mark and mark.kind == "EXERCISE"}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_grading_tells_what_the_learner_s_check_tells(name: str) -> None:
    assignment = read_assignment(SOURCES[name])
    names = {name for exercise in assignment.exercises for name in exercise.names}
    setup = checks.prepared(assignment.setup)
    stubs = stubs_of(name)
    faults = []
    with Kernel("process", memory=4096) as kernel:
        kernel.deadline = time.monotonic() + 600
        for source in assignment.setup:
            assert kernel.run(source)["status"] == "ok"
        for exercise in assignment.exercises:
            task = checks.Task.of(exercise, names)
            untouched = Answer("stub", exercise.id, "untouched", stubs[exercise.id], "")
            own = [answer for answer in answers_of(name) if answer.exercise == exercise.id]
            first = {answer.kind: answer for answer in reversed(own)}
            for answer in (untouched, *first.values()):
                reply = kernel.run(answer.source)
                result = checks.judge(task, setup, Objects(kernel), reply)
                faults.append(unfair(answer, result))
            assert kernel.run(exercise.source)["status"] == "ok"
    assert len(faults) == 3 * len(assignment.exercises)
    assert not [*filter(None, faults)], "\n".join(faults)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("stub", checks.Result(0, "failed", "divide by 255")),
        ("right", checks.Result(0, "failed", "divide by 255")),
        ("wrong", checks.Result(2, "passed")),
        ("wrong", checks.Result(0, "failed", "divide by 256")),
        ("wrong", checks.Result(0, "error", "Your cell stopped with ValueError.")),
    ],
)
def test_answer_that_is_graded_otherwise_is_noticed(kind: str, result: checks.Result) -> None:
    assert unfair(Answer(kind, "01-scale", "a title", "", "divide by 255"), result)


@pytest.mark.slow
def test_right_answers_get_all_points_and_stubs_none(tmp_path: Path) -> None:
    name = min(SOURCES)  # one assignment from the zip to the marks; the way is that of all
    copy = (ROOT / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8")
    solved = nbformat.reads(copy, 4)
    right = {a.exercise: a.source for a in reversed(answers_of(name)) if a.kind == "right"}
    for cell in solved.cells:
        mark, _, stub = cell.source.partition("\n")
        if cell.cell_type == "code" and stub and mark.startswith("# EXERCISE "):
            cell.source = f"{mark}\n{right.pop(mark.removeprefix('# EXERCISE '))}"
    assert not right
    with zipfile.ZipFile(tmp_path / "answers.zip", "w") as archive:
        archive.writestr(MOODLE.format("Ada Lovelace_12", name), nbformat.writes(solved))
        archive.writestr(MOODLE.format("Grace Hopper_7", name), copy)
    folder, marks = str(tmp_path / "answers"), tmp_path / "marks.csv"
    for command in (
        ["collect", str(tmp_path / "answers.zip"), folder],
        ["grade", str(SOURCES[name]), folder, "--csv", str(marks), "--jobs", "1"],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    with marks.open(encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    ada, grace = rows["Ada Lovelace_12"], rows["Grace Hopper_7"]
    assert (ada["score"], ada["status"]) == (ada["max"], "passed"), ada
    assert (grace["score"], grace["status"]) == ("0", "not attempted"), grace
