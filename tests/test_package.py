"""What importing costs, and the wall between what a lesson imports and what runs the course."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mnist_lab

PACKAGE = Path(mnist_lab.__file__).parent
HEAVY = ("IPython", "keras", "matplotlib", "pandas", "pooch", "requests", "scipy", "sklearn")


def imported(statement: str) -> list[str]:
    """The modules that a statement loads in a fresh Python."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not result.stderr
    modules: list[str] = json.loads(result.stdout)
    return modules


def test_importing_the_package_does_no_work() -> None:
    assert not {"numpy", "tensorflow", *HEAVY}.intersection(imported("import mnist_lab"))


def test_importing_data_loads_nothing_heavy() -> None:
    modules = imported("import mnist_lab.data")
    assert "mnist_lab.data" in modules
    assert not {"tensorflow", *HEAVY}.intersection(modules)


# One import through each kind of wall: the module that gets it, the statement, the broken contract.
FORBIDDEN = {
    "upwards": (
        "course/execution/runner.py",
        "import mnist_lab.course.publishing.pages",
        "Folders",
    ),
    "upwards_and_late": (
        "course/sandbox/process.py",
        "def late():\n    from mnist_lab.course.grading import grader",
        "Folders",
    ),
    "next_door": ("course/lint/code.py", "from mnist_lab.course.sandbox import doctor", "Folders"),
    "below": ("course/execution/cells.py", "import mnist_lab.course.experiments.sweep", "Folders"),
    "learners": ("plots.py", "from mnist_lab.course import CourseError", "What lessons import"),
    "learners_late": (
        "models.py",
        "def late():\n    from mnist_lab.course.execution import cells",
        "What lessons import",
    ),
    "service": ("plots.py", "from mnist_lab.serving import network", "import the service"),
    "service_to_course": (
        "serving/app.py",
        "from mnist_lab.course import CourseError",
        "What lessons import",
    ),
    "tensorflow": ("serving/app.py", "def late():\n    import tensorflow", "no TensorFlow"),
    "tensorflow_behind": (
        "serving/app.py",
        "def late():\n    from mnist_lab import models",
        "no TensorFlow",
    ),
    "a_room_without_a_layer": ("course/attic/__init__.py", "import os", "Folders"),
}


def broken_walls(folder: Path) -> str:
    """What import-linter says of a copy of the package; nothing if all walls stand."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)  # some versions colour it
    return "" if done.returncode == 0 else said


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "results", "templates")
    shutil.copytree(PACKAGE, tmp_path / "mnist_lab", ignore=ignored)
    shutil.copy(PACKAGE.parent / "pyproject.toml", tmp_path)
    return tmp_path


def test_all_walls_stand(copy: Path) -> None:
    assert broken_walls(copy) == ""


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_import_is_noticed(name: str, copy: Path) -> None:
    place, statement, contract = FORBIDDEN[name]
    path = copy / "mnist_lab" / place
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{before}\n\n{statement}\n", encoding="utf-8")
    said = broken_walls(copy)
    assert re.search(rf"{contract}.* BROKEN", said) or "attic" in said, said


def names_as_text(package: Path) -> list[str]:
    """Every place outside ``course`` that names ``mnist_lab.course`` in a string, to import it."""
    return [
        f"{path.relative_to(package).as_posix()}:{node.lineno}"
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] != "course"
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for node in call.args
        if isinstance(node, ast.Constant) and "mnist_lab.course" in str(node.value)
    ]


def test_no_import_by_name_in_a_string(tmp_path: Path) -> None:
    assert names_as_text(PACKAGE) == []
    (tmp_path / "data.py").write_text(
        "import importlib\nimportlib.import_module('mnist_lab.course')"
    )
    assert names_as_text(tmp_path) == ["data.py:2"]


def not_packaged(patterns: list[str]) -> set[str]:
    """The files of the package that an installation would lack."""
    packaged = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path not in packaged
    }


def test_every_file_is_packaged() -> None:
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    patterns = tomllib.loads(text)["tool"]["setuptools"]["package-data"]["mnist_lab"]
    assert not_packaged(patterns) == set()
    fewer = [pattern for pattern in patterns if pattern != "serving/*.tflite"]
    assert not_packaged(fewer) == {"serving/detector.tflite", "serving/digits.tflite"}
