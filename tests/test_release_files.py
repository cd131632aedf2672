"""What a release promises: one version everywhere, and a workflow whose commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from mnist_lab import __version__
from mnist_lab.course.cli.main import app
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.execution.pointers import Pointer

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_citation_names_this_version_and_repository() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    pointer = read_course(ROOT).pointer
    assert str(citation["version"]) == __version__
    assert citation["repository-code"] == f"https://github.com/{pointer.owner}/{pointer.repo}"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_changes_of_this_version_are_told() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"(?m)^## (\d+\.\d+\.\d+)$", text)
    assert released[0] == __version__
    for version in re.split(r"(?m)^## ", text)[1:-1]:  # the first version changed nothing
        for readers in ("learners", "instructors", "maintainers"):
            assert f"**For {readers}**\n\n- " in version


def unknown_commands(workflow: str) -> list[str]:
    """The commands ``mnist-lab`` of a workflow that do not exist."""
    jobs = yaml.safe_load(workflow)["jobs"].values()
    lines = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    called = re.findall(r"\bmnist-lab ([a-z-]+)", "\n".join(lines))
    return [command for command in called if command not in typer.main.get_group(app).commands]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_calls_commands_that_exist(path: Path) -> None:
    assert unknown_commands(path.read_text(encoding="utf-8")) == []


def test_an_unknown_command_is_noticed() -> None:
    workflow = "jobs:\n  a:\n    steps:\n      - run: mnist-lab site && mnist-lab sight\n"
    assert unknown_commands(workflow) == ["sight"]


def test_a_tag_publishes_the_book_it_names() -> None:
    text = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads "on" as true
    runs = [step.get("run", "") for step in workflow["jobs"]["book"]["steps"]]
    check = 'mnist-lab badges --check "$GITHUB_REPOSITORY@$GITHUB_REF_NAME"'
    assert runs.index(check) < runs.index("mnist-lab site")
    assert Pointer.parse("mnist-lab/mnist-lab@v0.2.0")  # the form that the check is called with
