"""The list of lessons: what it knows, and what it says where it is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_course import write_course

from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import (
    Lesson,
    Minutes,
    add_lesson,
    choose,
    find_course,
    read_course,
)

HEAD = 'repository = "me/fork"\ntag = "v1"\n'
MINUTES = "minutes = {{ read = 1, do = 2, run = 3 }}\n"
LESSON = '[[lesson]]\nname = "{}"\ntitle = "T"\nsummary = "s"\n' + MINUTES


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    write_course(tmp_path)
    before = "# A comment that stays.\n" + (tmp_path / "course.toml").read_text()
    (tmp_path / "course.toml").write_text(before)
    full = Lesson(
        "07_tuning",
        'Choosing "well"',
        "To choose",
        Minutes(1, 2, 3),
        tensorflow=False,
        packages=("keras-tuner",),
        bounds={"cells": (1.0, 5.5)},
    )
    add_lesson(tmp_path, full)
    assert read_course(tmp_path).lessons == (full,)
    assert (tmp_path / "course.toml").read_text().startswith(before)
    assert (full.number, full.heading) == (7, '7 · Choosing "well"')
    assert str(full.minutes) == "Minutes: 1 to read, 2 to do, 3 to run."


def test_course_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    course = write_course(tmp_path, "01_good")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    assert find_course(tmp_path / "deep" / "down") == course
    assert str(course.pointer) == "mnist-lab/mnist-lab@v0.1.0"


def test_lesson_that_is_not_listed_is_said(tmp_path: Path) -> None:
    lessons = write_course(tmp_path, "01_good", "02_other").lessons
    with pytest.raises(CourseError, match="no lesson '7': choose from 01_good, 02_other"):
        choose(lessons, ["1", "7"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lesson = [", "is not TOML"),
        ('tag = "v1"', "lacks the entry 'repository'"),
        ('repository = "fork"\ntag = "v1"', "does not name a tag of a repository"),
        (HEAD + '[[lesson]]\nname = "01_a"\n', "lacks the entry 'minutes'"),
        (HEAD + LESSON.format("01_a") + "colour = 1\n", "wrong kind .*'colour'"),
        (HEAD + LESSON.format("1_a"), "'1_a' is no name of a lesson"),
        (HEAD + LESSON.format("02_b") + LESSON.format("01_a"), "twice or out of order"),
        (HEAD + LESSON.format("01_a") + LESSON.format("01_b"), "twice or out of order"),
    ],
)
def test_a_fault_of_the_list_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(CourseError, match=said):
        read_course(tmp_path)
