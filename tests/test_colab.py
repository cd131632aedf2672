"""Installing the package on Colab changes nothing that is already there.

The list of what Colab has is at hand in CI and in the weekly workflow; elsewhere, name one in
MNIST_LAB_CONSTRAINTS (Colab publishes it as pip-freeze.txt).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mnist_lab.course.execution.catalogue import read_course

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(
    os.environ.get("MNIST_LAB_CONSTRAINTS", ROOT.parent / "shared" / "colab" / "constraints.txt")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXPLAIN: list[str] = PROJECT["optional-dependencies"]["explain"]
SERVE: list[str] = PROJECT["optional-dependencies"]["serve"]
TUNING: list[str] = PROJECT["optional-dependencies"]["tuning"]
SOURCE_ONLY = {"lime"}

pytestmark = pytest.mark.skipif(
    not LIST.is_file(), reason="no list of Colab's packages: name one in MNIST_LAB_CONSTRAINTS"
)


def pinned(text: str) -> dict[str, str]:
    lines = (line.split("==") for line in text.splitlines() if "==" in line)
    return {canonicalize_name(name): version.strip() for name, version in lines}


def resolve(versions: dict[str, str], folder: Path, *requirements: str) -> dict[str, str]:
    """Let pip resolve for Colab's Python, allowing no other version of what is there."""
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{n}=={v}\n" for n, v in versions.items()))
    report = folder / "report.json"
    target = [
        "--python-version",
        "3.13",
        "--only-binary",
        ":all:",
        "--target",
        str(folder / "site"),
        "--ignore-requires-python",  # pip would compare with the Python that runs it
    ]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", *target),
            *("--ignore-installed", "--constraint", str(constraints), "--report", str(report)),
            *requirements,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    installed = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return {canonicalize_name(m["name"]): m["version"] for m in installed}


def with_wheels(requirement: str) -> list[str]:
    """Return a requirement, or what it requires itself if it comes as source only.

    Pip resolves for another Python than its own from wheels only.
    """
    name = Requirement(requirement).name
    if name not in SOURCE_ONLY:
        return [requirement]
    return [
        each
        for each in metadata.requires(name) or []
        if (marker := Requirement(each).marker) is None or marker.evaluate({"extra": ""})
    ]


def changes(resolved: dict[str, str], versions: dict[str, str]) -> dict[str, str]:
    resolved = {name: v for name, v in resolved.items() if name != "mnist-lab"}
    return {name: v for name, v in resolved.items() if versions.get(name) != v}


@pytest.mark.slow
def test_nothing_changes(tmp_path: Path) -> None:
    versions = pinned(LIST.read_text())
    resolved = resolve(versions, tmp_path, f"{ROOT}[tf]")
    assert {"numpy", "keras", "tensorflow", "mnist-lab"} <= set(resolved)
    assert changes(resolved, versions) == {}


@pytest.mark.slow
def test_what_lessons_install_changes_nothing(tmp_path: Path) -> None:
    versions = pinned(LIST.read_text())
    requirements = [part for each in EXPLAIN + TUNING for part in with_wheels(each)]
    resolved = resolve(versions, tmp_path, f"{ROOT}[tf]", *requirements)
    assert {"shap", "scikit-image", "numpy", "keras-tuner", "tensorboard"} <= set(resolved)
    assert not changes(resolved, versions).keys() & versions.keys()
    assert changes(resolved, versions).keys() == {"keras-tuner", "kt-legacy"}


@pytest.mark.slow
def test_the_service_changes_nothing(tmp_path: Path) -> None:
    versions = pinned(LIST.read_text())
    resolved = resolve(versions, tmp_path, f"{ROOT}[tf]", *SERVE)
    assert {"ai-edge-litert", "fastapi", "numpy"} <= set(resolved)
    assert not changes(resolved, versions).keys() & versions.keys()  # more packages may come


def test_set_up_cells_install_what_colab_lacks_and_nothing_else() -> None:
    versions = pinned(LIST.read_text())
    installed = {name for lesson in read_course(ROOT).lessons for name in lesson.packages}
    lacking = {Requirement(each).name for each in EXPLAIN + SERVE + TUNING} - versions.keys()
    assert lacking <= installed
    assert not {canonicalize_name(Requirement(name).name) for name in installed} & versions.keys()


def test_an_older_numpy_there_turns_it_red(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        resolve({"numpy": "1.26.4"}, tmp_path, str(ROOT))
    assert b"conflicting dependencies" in failure.value.stderr


def test_a_package_that_is_not_there_turns_it_red() -> None:
    assert changes({"mnist-lab": "0.1.0", "pooch": "1.9.0"}, {}) == {"pooch": "1.9.0"}
