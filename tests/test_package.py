"""What importing costs, and the wall between what a lesson imports and what runs the course."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_lab

PACKAGE = Path(mnist_lab.__file__).parent
HEAVY = ("IPython", "keras", "matplotlib", "pandas", "pooch", "requests", "scipy", "sklearn")


def imported(statement: str) -> tuple[float, list[str]]:
    """Seconds that a statement takes in a fresh Python, and the modules that it loads."""
    code = (
        "import json, sys, time; start = time.perf_counter()\n"
        f"{statement}\n"
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not result.stderr
    seconds, modules = json.loads(result.stdout)
    return seconds, modules


def test_importing_the_package_does_no_work() -> None:
    runs = [imported("import mnist_lab") for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.1
    assert not {"numpy", "tensorflow", *HEAVY}.intersection(runs[0][1])


def test_importing_data_loads_nothing_heavy() -> None:
    _, modules = imported("import mnist_lab.data")
    assert "mnist_lab.data" in modules
    assert not {"tensorflow", *HEAVY}.intersection(modules)


def imports_of_course(package: Path) -> list[str]:
    """Every import of ``mnist_lab.course`` in the modules of a package outside ``course``."""
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] == "course":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                # One dot is the package of the module itself, each further dot one package up.
                here = ("mnist_lab", *place.parent.parts)
                base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
                module = ".".join(filter(None, (base, node.module)))
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Call):  # importlib.import_module("mnist_lab.course")
                names = [
                    value.value
                    for value in node.args
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                ]
            if any(f"{name}.".startswith("mnist_lab.course.") for name in names):
                found.append(f"{place}:{node.lineno}")
    return found


def test_learner_half_never_imports_the_course() -> None:
    assert len(list(PACKAGE.glob("*.py"))) > 1
    assert imports_of_course(PACKAGE) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import mnist_lab.course",
        "import mnist_lab.course.cli as commands",
        "from mnist_lab import course",
        "from mnist_lab import data, course",
        "from mnist_lab.course import cli",
        "from mnist_lab.course.cli import app",
        "from . import course",
        "from .course import cli",
        "importlib.import_module('mnist_lab.course.cli')",
    ],
)
def test_the_wall_can_be_seen_to_break(statement: str, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "cli.py").write_text("from mnist_lab.course import execute\n")
    module = tmp_path / "data.py"
    module.write_text("import numpy\nfrom mnist_lab import courses\nfrom . import plots\n")
    assert imports_of_course(tmp_path) == []
    module.write_text(f"import numpy\n\n\ndef late():\n    {statement}\n")
    assert imports_of_course(tmp_path) == ["data.py:5"]


def test_the_wall_stands_in_subpackages(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "tables.py").write_text("from .. import course\n")
    assert imports_of_course(tmp_path) == ["results/tables.py:1"]
