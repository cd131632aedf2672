"""Learner copies: written, compared, and byte for byte what their sources give."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import good_assignment
import pytest
from good_lesson import edited
from small_course import write_course
from typer.testing import CliRunner

from mnist_lab.course.assignments import release
from mnist_lab.course.assignments.source import read_assignment
from mnist_lab.course.cli.main import app
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.execution.pointers import Pointer
from mnist_lab.course.lint import assignment_problems
from mnist_lab.course.publishing import badges

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [ROOT / "assignments" / f"{lesson.name}.ipynb" for lesson in read_course(ROOT).lessons]
COURSE = read_course(ROOT)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_course(tmp_path, "01_good")
    (tmp_path / "assignments").mkdir()
    good_assignment.save(good_assignment.build(), tmp_path / "assignments/01_good.ipynb")
    monkeypatch.chdir(tmp_path / "assignments")
    return tmp_path


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def change_source(course: Path, old: str, new: str) -> None:
    notebook = edited(good_assignment.build(), old, new)
    good_assignment.save(notebook, course / "assignments/01_good.ipynb")


def test_release_writes_once_and_the_same_bytes(course: Path) -> None:
    copy = course / "exercises/01_good.ipynb"
    assert call("release").stdout == (
        "exercises/01_good.ipynb written\n1 learner copies changed.\n"
    )
    before = copy.read_bytes()
    assert before.endswith(b"}\n")
    content = json.loads(before)
    assert json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n" == (
        before.decode()
    )
    assert all(c.get("outputs", []) == [] for c in content["cells"])
    assert all(c.get("execution_count") is None for c in content["cells"])
    assert call("release").stdout == "0 learner copies changed.\n"
    copy.unlink()
    call("release")
    assert copy.read_bytes() == before


def test_metadata_and_outputs_of_a_source_do_not_show(course: Path) -> None:
    release.release(read_course(course))
    before = (course / "exercises/01_good.ipynb").read_bytes()
    notebook = deepcopy(good_assignment.build())
    for one in notebook.cells:
        one.id = f"other-{one.id}"
        one.metadata.clear()
    good_assignment.save(notebook, course / "assignments/01_good.ipynb")
    assert release.stale(read_course(course)) == []
    assert release.release(read_course(course)) == []
    assert (course / "exercises/01_good.ipynb").read_bytes() == before


def test_check_says_what_is_stale(course: Path) -> None:
    missing = "exercises/01_good.ipynb is not what its source gives: run mnist-lab release.\n"
    assert (call("release", "--check").stderr, call("release", "--check").exit_code) == (missing, 1)
    call("release")
    assert call("release", "--check").stdout == "All learner copies are what their sources give.\n"
    change_source(course, "limit = 100", "limit = 99")
    assert call("release", "--check").stderr == missing
    call("release")
    (course / "exercises/09_gone.ipynb").write_text("{}")
    result = call("release", "--check")
    assert result.exit_code == 1
    assert result.stderr.startswith("exercises/09_gone.ipynb is no listed lesson's copy: remove it")


def test_line_ends_of_a_windows_checkout_are_not_stale(course: Path) -> None:
    release.release(read_course(course))
    copy = course / "exercises/01_good.ipynb"
    copy.write_bytes(copy.read_bytes().replace(b"\n", b"\r\n"))
    assert release.stale(read_course(course)) == []


def test_nothing_is_released_while_a_lint_complains(course: Path) -> None:
    change_source(course, "How large can a pixel be?", 'Try images.astype("float32") / 255.0')
    result = call("release")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Nothing was released" in result.stderr
    assert not (course / "exercises").exists()


def test_lint_names_every_fault(course: Path) -> None:
    path = "01_good.ipynb"
    assert call("lint", path).stdout == "1 files, no fault.\n"
    change_source(course, "# SETUP", "# Setup:")
    change_source(course, "**Goal.** Write", "Write")
    result = call("lint", path)
    assert (result.exit_code, result.stderr) == (
        1,
        "01_good.ipynb: 01-normalise has no `**Goal.**`: say it in a paragraph that begins so.\n",
    )


def test_lint_reads_the_texts_beside_the_notebooks(course: Path) -> None:
    text = course / "assignments" / "01_good.md"
    text.write_text("# Goals\n\nThis is short.\n")
    assert call("lint", str(text)).stdout == "1 files, no fault.\n"
    text.write_text(f"# Goals\n\nThis is{' so' * 30} long.\n")
    result = call("lint", str(text))
    assert result.exit_code == 1
    assert result.stderr.startswith("01_good.md: it has a sentence of 33 words ('This is so so so'")
    assert "01_good.md: it has a sentence of 33 words" in call("lint").stderr


@pytest.mark.parametrize(("command", "code"), [("lint", 1), ("release", 2)])
def test_assignment_that_is_missing_is_said(command: str, code: int, course: Path) -> None:
    (course / "assignments/01_good.ipynb").unlink()
    result = call(command)
    assert result.exit_code == code
    assert "01_good.ipynb is not there: restore it from the repository." in result.stderr


def test_badges_move_source_and_copy_alike(course: Path) -> None:
    release.release(read_course(course))
    fork = Pointer("me", "fork", "v2")
    assert len(badges.repoint(course, fork)) == 3
    assert {str(pointer) for _, pointer in badges.find_pointers(course)} == {"me/fork@v2"}
    assert release.stale(read_course(course)) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("error")  # nbformat repairs a notebook while it reads it, and warns
def test_assignment_has_no_fault(path: Path) -> None:
    found = assignment_problems(path)
    assert not found, "\n".join(found)


def test_committed_copies_are_what_their_sources_give() -> None:
    assert release.stale(COURSE) == []


def test_ids_are_those_of_one_exercise_only() -> None:
    ids = [exercise.id for path in SOURCES for exercise in read_assignment(path).exercises]
    assert ids and len(ids) == len(set(ids))


def test_code_of_assignments_is_clean() -> None:
    folders = [ROOT / "assignments", ROOT / "exercises"]
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, folders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
