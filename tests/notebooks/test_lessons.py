"""The committed lessons: their anatomy, code, stored outputs, prose, stamps and badges."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import good_lesson
import pytest

from mnist_lab.course.execution.catalogue import Lesson, read_course
from mnist_lab.course.lint import lesson_problems
from mnist_lab.course.lint.structure import stamp_problems
from mnist_lab.course.publishing import badges

ROOT = Path(__file__).resolve().parents[2]
COURSE = read_course(ROOT)
PATHS = [COURSE.notebooks / f"{lesson.name}.ipynb" for lesson in COURSE.lessons]


def test_every_lesson_is_listed_and_there() -> None:
    files = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert files == {lesson.name for lesson in COURSE.lessons}


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
@pytest.mark.filterwarnings("error")  # nbformat repairs a notebook while it reads it, and warns
def test_lesson_has_no_problem(lesson: Lesson) -> None:
    path = COURSE.notebooks / f"{lesson.name}.ipynb"
    found = lesson_problems(good_lesson.read(path), lesson)
    assert not found, "\n".join(found)


def test_stamps_agree() -> None:
    found = stamp_problems({path.stem: good_lesson.read(path) for path in PATHS})
    assert not found, "\n".join(found)


def test_badges_agree() -> None:
    found = badges.disagreements(COURSE)
    assert not found, "\n".join(found)


def test_code_is_clean() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, PATHS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
