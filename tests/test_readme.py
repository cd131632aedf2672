"""The README keeps its word: every command runs, every figure was printed, every link leads on."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest

from mnist_lab.course.prose import unprinted_figures
from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LESSONS = {path.stem: nbformat.read(path, 4) for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)

# What a fresh environment is made with; make runs the same lines, as a test below shows.
SET_UP = {
    "python -m venv .venv",
    ".venv/bin/python -m pip install --requirement requirements.txt",
}
# These would run this very test again: they only collect their tests here.
RECURSIVE = {
    "make test",
    ".venv/bin/python -m pytest tests",
    ".venv/bin/python -m pytest --nbval notebooks",
}
# Needs MNIST, which a bare machine has not: it says so and changes nothing.
NEEDS_MNIST = {".venv/bin/mnist-lab refresh"}

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is committed, with the environment that runs this test as its .venv."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in tracked.stdout.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":  # it must be newer than what it was made from
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv" / "ready").touch()
    return folder


@needs_make
@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of Linux and macOS")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in SET_UP])
def test_command_runs_on_a_bare_machine(command, checkout, tmp_path):
    """No MNIST, an empty home: everything runs on the bundled sample."""
    environment = os.environ | {"HOME": str(tmp_path), "MNIST_LAB_DATA": "sample"}
    if command in RECURSIVE:
        environment["PYTEST_ADDOPTS"] = "--collect-only --quiet"
    result = subprocess.run(
        command.replace("OWNER/REPO", "someone/fork"),
        shell=True,
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = result.stdout + result.stderr
    if command in NEEDS_MNIST:
        assert (result.returncode, "only MNIST will do" in said) == (2, True), said
    else:
        assert result.returncode == 0, said[-4000:]


@needs_make
def test_set_up_without_make_is_what_make_does():
    result = subprocess.run(
        ["make", "--dry-run", "--always-make", "--no-print-directory", "PYTHON=python", "course"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert {*SET_UP, ".venv/bin/mnist-lab run"} <= set(result.stdout.splitlines())
    assert set(COMMANDS) >= SET_UP


@needs_make
@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of Linux and macOS")
def test_make_lab_opens_the_lessons(checkout, tmp_path):
    settings = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            ["make", "lab"], cwd=checkout, env=environment, stderr=stream, start_new_session=True
        )
    try:
        end = time.monotonic() + 120
        while "/lab?token=" not in log.read_text() and time.monotonic() < end:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    assert "/lab?token=" in log.read_text()
    assert f"local directory: {checkout / 'notebooks'}" in log.read_text()


def figures_not_printed(text):
    known = {value for recipe in RECIPES.values() for value in recipe.claims.values()}
    known |= {3.13, np.trace(PUBLISHED_MATRIX) / PUBLISHED_MATRIX.sum()}  # a Python, the matrix
    code = [
        cell for lesson in LESSONS.values() for cell in lesson.cells if cell.cell_type == "code"
    ]
    page = nbformat.NotebookNode(cells=[nbformat.v4.new_markdown_cell(text), *code])
    return list(unprinted_figures(page, known))


def test_every_figure_is_one_that_a_lesson_prints():
    assert figures_not_printed(README) == []
    assert figures_not_printed("We reach 99.87 %.") != []


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_is_listed_with_its_minutes(lesson):
    minutes = re.search(
        r"Minutes: (\d+) to read, (\d+) to do, (\d+) to run", LESSONS[lesson].cells[1].source
    )
    (row,) = re.findall(rf"^\|.*\(notebooks/{lesson}\.ipynb\).*\|$", README, re.MULTILINE)
    assert row.endswith("| {} + {} + {} |".format(*minutes.groups()))


def test_links_lead_to_files_that_are_there():
    targets = re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_cover_is_the_figure_of_the_first_lesson():
    """The picture is never drawn apart from the lesson that a reader finds it in."""
    cover = base64.b64encode((ROOT / ".github" / "cover.png").read_bytes()).decode()
    stored = [
        output.data["image/png"].replace("\n", "")
        for cell in LESSONS["01_eda"].cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert cover in stored
