"""The table of verdicts in the README is the one that the measurements give."""

from pathlib import Path

import pytest

from mnist_lab.course import CourseError
from mnist_lab.course.publishing import readme

ROOT = Path(__file__).resolve().parents[3]


def test_readme_has_the_verdicts_of_today():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.renewed(text) == text, "run mnist-lab refresh 5"
    begin, end = text.index("<!-- verdicts"), text.index("<!-- end -->")
    stale = text[:begin] + text[begin:end].replace(" ± ", " + ") + text[end:]
    assert stale != text == readme.renewed(stale)


def test_renewing_writes_the_table_and_nothing_else(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    begin, end = text.index("\n| project"), text.index("<!-- end -->")
    path = tmp_path / "README.md"
    path.write_text(text[:begin] + text[end:], encoding="utf-8")
    readme.renew(path)
    assert path.read_text(encoding="utf-8") == text


def test_readme_without_its_marks_is_refused():
    with pytest.raises(CourseError, match=r"README.md lacks the lines .* restore them"):
        readme.renewed("# mnist-lab")
