"""A new lesson is a beginning that works: it passes every lint and the whole round."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from good_lesson import on_sample
from typer.testing import CliRunner

from mnist_lab.course.cli.main import app
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.execution.execute import refresh_lesson
from mnist_lab.course.execution.records import read_notebook, save_notebook, source_digest
from mnist_lab.course.lint import lesson_problems

ROOT = Path(__file__).resolve().parents[3]
NAME = "99_ink"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course as far as the commands of a round look at it."""
    for name in ("course.toml", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("notebooks", "assignments", "exercises"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    return tmp_path


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")
def test_a_new_lesson_goes_the_whole_round(course: Path) -> None:
    before = (course / "course.toml").read_text()
    said = call("new-lesson", NAME, "How much ink", "--summary", "Where ink is")
    listed = read_course(course).lessons[-1]
    assert (listed.name, listed.heading) == (NAME, "99 · How much ink")
    assert (course / "course.toml").read_text().startswith(before)
    row = f"| [99 · How much ink](notebooks/{NAME}.ipynb) |"
    assert row in (course / "README.md").read_text(encoding="utf-8")
    for path in (f"notebooks/{NAME}.ipynb", f"exercises/{NAME}.ipynb", f"tests/answers/{NAME}.py"):
        assert f"{path} written" in said
        assert (course / path).is_file()
    # A refresh needs MNIST; the sample shows as well that the lesson runs and passes every lint.
    path = course / "notebooks" / f"{NAME}.ipynb"
    lesson = read_notebook(path)
    executed = refresh_lesson(on_sample(lesson), {"data": "the sample"}, timeout=120)
    for done, original in zip(executed.cells, lesson.cells, strict=True):
        done.source = original.source
    executed.metadata.mnist_lab.sources = source_digest(lesson)
    save_notebook(path, executed)
    assert lesson_problems(read_notebook(path), listed) == []
    call("lint")
    call("badges", "--check")
    call("release", "--check")
    # Run it as learners do, hand in the solution and the untouched copy, and grade both.
    assert "1 of 1 lessons done" in call("run", NAME, "--output", course / "build")
    handed_in = course / "submissions"
    for learner, kind in (("Ada", "assignments"), ("Ben", "exercises")):
        (handed_in / learner).mkdir(parents=True)
        shutil.copy(course / kind / f"{NAME}.ipynb", handed_in / learner)
    call("collect", handed_in, course / "answers")
    marks = course / "marks.csv"
    source = course / "assignments" / f"{NAME}.ipynb"
    call("grade", source, course / "answers", "--csv", marks, "--sandbox", "process")
    with marks.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["score"]) for row in rows] == [("Ada", "2"), ("Ben", "0")]


def test_code_of_a_new_lesson_is_clean(course: Path) -> None:
    call("new-lesson", NAME, "How much ink")
    paths = [course / kind / f"{NAME}.ipynb" for kind in ("notebooks", "assignments", "exercises")]
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, paths)]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("02_again", "does not follow"),
        ("ink", "is no name of a lesson"),
        ("99_Ink", "is no name of a lesson"),
        ("98_taken", "is there already"),
    ],
)
def test_a_name_that_does_not_fit_changes_nothing(name: str, reason: str, course: Path) -> None:
    (course / "assignments" / "98_taken.md").write_text("mine")
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    said = call("new-lesson", name, "How much ink", code=2)
    assert re.search(reason, said)
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before
