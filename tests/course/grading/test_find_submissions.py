"""Every notebook in a folder is graded, and two learners never share a row."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mnist_lab.course.grading.submission import find_submissions, harmless


def touch(folder: Path, *names: str) -> None:
    """Make files, each older than the one before."""
    for age, name in enumerate(names):
        path = folder / name
        path.touch()
        os.utime(path, (10_000 - age, 10_000 - age))


def files(folder: Path) -> dict[str, str]:
    return {student: path.name for student, (path, _) in find_submissions(folder).items()}


def test_all_endings_count_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "Ada.ipynb", "Grace.IPYNB", "Linus.ipynb.txt", "._Ada.ipynb", "x.html", "y.csv")
    assert files(tmp_path) == {
        "Ada": "Ada.ipynb",
        "Grace": "Grace.IPYNB",
        "Linus": "Linus.ipynb.txt",
    }
    assert find_submissions(tmp_path / "none") == {}


def test_second_download_counts_where_the_first_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "ada (1).ipynb", "ada.ipynb", "ada(2).ipynb", "bob.ipynb")
    found = find_submissions(tmp_path)
    assert found == {
        "ada": (tmp_path / "ada (1).ipynb", "The newest of 3 files counts. "),
        "bob": (tmp_path / "bob.ipynb", ""),
    }


@pytest.mark.parametrize(
    "stems",
    [
        ("Wang, Wei(1001)", "Wang, Wei(1002)"),
        ("Wang, Wei(1)", "Wang, Wei(2)"),
        ("Group (1)", "Group (2)"),
        ("Wei", "Wei (1001)"),
        ("Ada", "ada"),
        ("ada\x01", "ada\x02"),
        ("ada\u200b", "ada\ufffd"),
        ("ada", "ada "),
        ("a" * 205 + "1", "a" * 205 + "2"),
        ("a;b", "a,b"),
        ("=a", "'=a"),
        (" ", "unnamed"),
        ("Zo\u00eb", "Zoe\u0308"),
    ],
)
def test_names_that_differ_stay_different(stems: tuple[str, str], tmp_path: Path) -> None:
    touch(tmp_path, *[f"{stem}.ipynb" for stem in stems])
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes the two names for one")
    found = find_submissions(tmp_path)
    assert {path for path, _ in found.values()} == set(tmp_path.iterdir())
    assert not any(note for _, note in found.values())
    for student in found:
        assert student == harmless(student) and len(student.encode()) <= 205
        assert student.isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_in_latin_1(tmp_path: Path) -> None:
    for name in (b"Ren\xe9.ipynb", b"Ren\xe8.ipynb"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    found = find_submissions(tmp_path)
    assert len(found) == 2 and all(student.isprintable() for student in found)


def test_a_name_stays_when_another_learner_s_arrives(tmp_path: Path) -> None:
    """Unless the two would look alike: marks are kept under the name."""
    touch(tmp_path, "ada\x01.ipynb", "bob.ipynb")
    before = files(tmp_path)
    touch(tmp_path, "eve.ipynb")
    assert before == {"ada\ufffd": "ada\x01.ipynb", "bob": "bob.ipynb"}
    assert files(tmp_path) == before | {"eve": "eve.ipynb"}
