"""The tables in the README are those that the list of lessons and the measurements give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.publishing import readme

COURSE = read_course(Path(__file__).resolve().parents[3])
TEXT = (COURSE.folder / "README.md").read_text(encoding="utf-8")


def test_readme_has_the_tables_of_today() -> None:
    assert readme.renewed(TEXT, COURSE) == TEXT, "run mnist-lab refresh"


@pytest.mark.parametrize("first", ["\n| lesson |", "\n| project |"])
def test_renewing_writes_the_tables_and_nothing_else(first: str, tmp_path: Path) -> None:
    begin = TEXT.index(first)
    end = TEXT.index("<!-- end -->", begin)
    path = tmp_path / "README.md"
    path.write_text(TEXT[:begin] + TEXT[end:], encoding="utf-8")
    readme.renew(replace(COURSE, folder=tmp_path))
    assert path.read_text(encoding="utf-8") == TEXT


def test_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(CourseError, match=r"README.md lacks the lines .* restore them"):
        readme.renewed("# mnist-lab", COURSE)
