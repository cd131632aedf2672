"""The export is what nbgrader wants: shown on its metadata, and by running nbgrader itself.

nbgrader needs a newer IPython than Colab has, so it cannot stand beside our pins: give it (and
NumPy) an environment of its own and name the Python there in ``MNIST_LAB_NBGRADER``.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import good_assignment
import nbformat
import pytest
from answer_room import SOURCES
from good_lesson import cell, edited
from typer.testing import CliRunner

from mnist_lab.course.assignments.nbgrader import export, nbgrader_source
from mnist_lab.course.assignments.source import read_assignment
from mnist_lab.course.cli.main import app

PYTHON = str(Path(os.environ.get("MNIST_LAB_NBGRADER", sys.executable)).absolute())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    good_assignment.save(good_assignment.build(), tmp_path / "01_good.ipynb")
    return tmp_path / "01_good.ipynb"


def test_cells_have_the_metadata_of_their_kind() -> None:
    notebook = nbgrader_source(good_assignment.build())
    nbformat.validate(notebook)
    found = {
        one.id: (one.metadata.nbgrader.grade_id, one.metadata.nbgrader.get("points"))
        for one in notebook.cells
        if one.metadata
    }
    assert found == {
        "setup": ("setup-3", None),
        "normalise": ("exercise-01-normalise", None),
        "normalise-check": ("check-01-normalise", 2.0),
        "count": ("exercise-01-count", None),
        "count-check": ("check-01-count", 3.0),
    }
    exercise, check = (cell(notebook, name).metadata.nbgrader for name in ("count", "count-check"))
    assert (exercise.solution, exercise.grade, exercise.locked) == (True, False, False)
    assert (check.solution, check.grade, check.locked) == (False, True, True)
    assert all(one.source for one in notebook.cells)
    assert "secret" not in nbformat.writes(notebook)


def test_command_writes_where_nbgrader_looks(source: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export-nbgrader", str(source), str(tmp_path / "course")])
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "course/source/01_good/01_good.ipynb").is_file()
    assert "nbgrader generate_assignment 01_good" in result.stdout


def test_faulty_source_is_not_exported(source: Path, tmp_path: Path) -> None:
    good_assignment.save(edited(good_assignment.build(), "# SETUP", "#SETUP"), source)
    with pytest.raises(ValueError, match="looks like a mark"):
        export(source, tmp_path)


def nbgrader(course: Path, *arguments: str) -> None:
    """Run a command of nbgrader; what learners handed in runs in a kernel of this environment."""
    kernel = course / "jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": launch, "display_name": "course", "language": "python"}))
    settings = {
        "PATH": os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]]),  # it has alembic
        "HOME": str(course),
        "JUPYTER_CONFIG_DIR": str(course),
        "JUPYTER_PATH": str(course / "jupyter"),
        "MNIST_LAB_DATA": "sample",
    }
    done = subprocess.run(
        [PYTHON, "-m", "nbgrader", *arguments],
        cwd=course,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def scores(course: Path) -> dict[str, tuple[float, float]]:
    """Return points and maximum of each learner, as nbgrader exports them."""
    nbgrader(course, "export")
    with (course / "grades.csv").open() as file:
        return {
            row["student_id"]: (float(row["score"]), float(row["max_score"]))
            for row in csv.DictReader(file)
        }


needs_nbgrader = pytest.mark.skipif(
    sys.executable == PYTHON and not importlib.util.find_spec("nbgrader"),
    reason="nbgrader is not here, and MNIST_LAB_NBGRADER names no Python that has it",
)


@needs_nbgrader
def test_nbgrader_generates_autogrades_and_exports(source: Path, tmp_path: Path) -> None:
    course = tmp_path / "course"
    export(source, course)
    nbgrader(course, "generate_assignment", "01_good")
    released = nbformat.read(course / "release/01_good/01_good.ipynb", 4)
    text = nbformat.writes(released)
    for secret in ("astype", "images > limit", "fifth", "105"):
        assert secret not in text
    assert text.count("# YOUR CODE HERE") == 2

    answers: dict[str, Any] = {
        "right": {"normalise": "    return images / 255", "count": good_assignment.COUNT},
        "half": {"normalise": "    return images", "count": good_assignment.COUNT},
        "untouched": {},
    }
    for student, answer in answers.items():
        notebook = nbformat.from_dict(released)
        for name, code in answer.items():
            one = cell(notebook, name)
            head = one.source[: one.source.index("    # YOUR")] if name == "normalise" else ""
            one.source = head + code
        path = course / "submitted" / student / "01_good/01_good.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    nbgrader(course, "autograde", "01_good")
    assert scores(course) == {"right": (5.0, 5.0), "half": (3.0, 5.0), "untouched": (0.0, 5.0)}


@needs_nbgrader
@pytest.mark.parametrize("name", SOURCES)
def test_nbgrader_grades_the_course_s_own(name: str, tmp_path: Path) -> None:
    course = tmp_path / "course"
    exported = export(SOURCES[name], course)
    nbgrader(course, "generate_assignment", name)
    released = course / "release" / name / f"{name}.ipynb"
    for student, notebook in {"solution": exported, "untouched": released}.items():
        path = course / "submitted" / student / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook.read_bytes())
    nbgrader(course, "autograde", name)
    points = sum(exercise.points for exercise in read_assignment(SOURCES[name]).exercises)
    assert scores(course) == {"solution": (points, points), "untouched": (0.0, points)}
