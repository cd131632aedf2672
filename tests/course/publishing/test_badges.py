"""Badges and set-up lines: re-pointed without touching anything else, and faults noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_course import write_course

from mnist_lab.course.execution.catalogue import point_at, read_course
from mnist_lab.course.execution.pointers import Pointer, without_pointers
from mnist_lab.course.publishing.badges import disagreements, find_pointers, repoint

OLD, FORK = Pointer("mnist-lab", "mnist-lab", "v0.1.0"), Pointer("me", "my.fork_2", "v2.0.zip-1")


def badge(name: str, target: Pointer = OLD) -> str:
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{target.owner}/{target.repo}"
        f"/blob/{target.tag}/notebooks/{name})"
    )


def install(target: Pointer = OLD) -> str:
    address = f"https://github.com/{target.owner}/{target.repo}/archive/refs/tags/{target.tag}.zip"
    return f'    %pip install -q "{address}"\n'


def write_lesson(folder: Path, name: str, title: str, set_up: str) -> None:
    # An indentation that no Jupyter writes, a line end missing: both must survive.
    cells = [{"cell_type": "markdown", "source": [title]}, {"cell_type": "code", "source": set_up}]
    (folder / "notebooks" / name).write_bytes(
        json.dumps({"cells": cells, "ä": "ö"}, indent=3, ensure_ascii=False).encode()
    )


@pytest.fixture
def course(tmp_path: Path) -> Path:
    write_course(tmp_path)
    for name in ("01_eda.ipynb", "02_fnn.ipynb"):
        write_lesson(tmp_path, name, f"# 1 · Title\n\n{badge(name)}", f"import x\n{install()}")
    text = f"Open {badge('01_eda.ipynb')}.\r\nSee https://github.com/other/thing and v0.1.0.\r\n"
    (tmp_path / "README.md").write_bytes(text.encode())
    return tmp_path


def faults_of(course: Path, expected: Pointer | None = None) -> list[str]:
    return disagreements(read_course(course), expected)


def contents(course: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_round_trip_changes_only_pointers(course: Path) -> None:
    before = contents(course)
    assert [path.name for path in repoint(course, FORK)] == [
        "course.toml",
        "README.md",
        "01_eda.ipynb",
        "02_fnn.ipynb",
    ]
    moved = contents(course)
    assert {str(pointer) for _, pointer in find_pointers(course)} == {str(FORK)}
    for name, content in moved.items():
        expected = before[name].replace(
            b"mnist-lab/mnist-lab/blob/v0.1.0", b"me/my.fork_2/blob/v2.0.zip-1"
        )
        expected = expected.replace(
            b"mnist-lab/mnist-lab/archive/refs/tags/v0.1.0.zip",
            b"me/my.fork_2/archive/refs/tags/v2.0.zip-1.zip",
        )
        if name != "course.toml":
            assert content == expected
    assert repoint(course, FORK) == []  # idempotent
    repoint(course, OLD)
    assert contents(course) == before
    assert faults_of(course) == []


def test_nothing_but_the_pointer_is_read_from_a_text() -> None:
    assert without_pointers(badge("a.ipynb")) == badge("a.ipynb", Pointer("OWNER", "REPO", "TAG"))
    assert without_pointers(install()) == without_pointers(install(FORK))
    assert without_pointers(install()) != install()
    other = "https://github.com/mnist-lab/mnist-lab/archive/refs/heads/main.zip"
    assert without_pointers(other) == other


@pytest.mark.parametrize(
    "text", ["", "me/fork", "me@v1", "me/fork@", "me/a/b@v1", "me/fork@v 1", "-/x@1"]
)
def test_what_names_no_tag_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write OWNER/REPO@TAG, for example"):
        Pointer.parse(text)


def test_pointer_reads_what_it_writes() -> None:
    assert Pointer.parse(str(FORK)) == FORK


def test_list_of_another_tag_is_noticed(course: Path) -> None:
    point_at(course, FORK)
    faults = faults_of(course)
    assert f"README.md points at {OLD}, not at {FORK}." in faults
    assert faults_of(course, OLD) == [f"course.toml points at {FORK}, not at {OLD}."]


def test_source_of_an_exercise_has_the_badge_of_its_copy(course: Path) -> None:
    for kind in ("assignments", "exercises"):
        (course / kind).mkdir()
        shown = badge("01_eda.ipynb").replace("notebooks/", "exercises/")
        write_lesson(course, f"../{kind}/01_eda.ipynb", shown, install())
    assert faults_of(course) == []
    assert len(repoint(course, FORK)) == 6
    write_lesson(course, "../assignments/01_eda.ipynb", badge("01_eda.ipynb", FORK), install(FORK))
    assert faults_of(course) == [
        "assignments/01_eda.ipynb has no Colab badge that opens exercises/01_eda.ipynb."
    ]


def test_stale_badge_is_noticed(course: Path) -> None:
    write_lesson(course, "02_fnn.ipynb", badge("02_fnn.ipynb", FORK), install())
    assert faults_of(course) == [f"notebooks/02_fnn.ipynb points at {FORK}, not at {OLD}."]


def test_stale_set_up_line_is_noticed(course: Path) -> None:
    write_lesson(course, "02_fnn.ipynb", badge("02_fnn.ipynb"), install(FORK))
    assert faults_of(course) == [f"notebooks/02_fnn.ipynb points at {FORK}, not at {OLD}."]


def test_badge_of_another_lesson_is_noticed(course: Path) -> None:
    write_lesson(course, "02_fnn.ipynb", badge("01_eda.ipynb"), install())
    (fault,) = faults_of(course)
    assert fault == "notebooks/02_fnn.ipynb has no Colab badge that opens notebooks/02_fnn.ipynb."


def test_badge_of_a_missing_lesson_is_noticed(course: Path) -> None:
    (course / "README.md").write_text(badge("09_gone.ipynb"), encoding="utf-8")
    assert faults_of(course) == ["README.md opens notebooks/09_gone.ipynb, which is not there."]


def test_missing_set_up_line_is_noticed(course: Path) -> None:
    write_lesson(course, "02_fnn.ipynb", badge("02_fnn.ipynb"), "import x")
    (fault,) = faults_of(course)
    assert fault == "notebooks/02_fnn.ipynb has no set-up line that installs the course."


def test_agreement_on_the_wrong_tag_is_noticed(course: Path) -> None:
    assert faults_of(course, OLD) == []
    assert len(faults_of(course, FORK)) == 6
