"""The README keeps its word: every command runs, every figure was printed, every link leads on."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest

from mnist_lab.course.lint.prose import unprinted_figures
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
    ".venv/bin/python -m pytest tests",
    ".venv/bin/python -m pytest --nbval notebooks assignments",
}
# Commands of README that another one must come before, where tests run side by side.
COLLECT = ".venv/bin/mnist-lab collect submissions.zip answers"
AFTER = {command: COLLECT for command in COMMANDS if "mnist-lab grade" in command}
# Exit code 1 says that there is no sandbox on this machine: an answer, not a fault.
ALSO_SAYS_NO = {".venv/bin/mnist-lab doctor"}
# Needs MNIST, which a bare machine has not: it says so and changes nothing.
NEEDS_MNIST = {".venv/bin/mnist-lab refresh"}

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is committed, with the environment that runs this test as its .venv."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in tracked.stdout.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    # One lesson shows that the commands work; strict nbval executes all of them.
    head, *lessons = (folder / "course.toml").read_text(encoding="utf-8").split("\n[[lesson]]\n")
    shortened = "\n[[lesson]]\n".join([head, lessons[0]])
    (folder / "course.toml").write_text(shortened, encoding="utf-8")
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":  # it must be newer than what it was made from
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv" / "ready").touch()
    with zipfile.ZipFile(folder / "submissions.zip", "w") as submissions:
        submissions.write(ROOT / "assignments" / "01_eda.ipynb", "Ada.ipynb")
        submissions.write(ROOT / "exercises" / "01_eda.ipynb", "Ben.ipynb")
    return folder


@pytest.mark.slow
@needs_make
@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of Linux and macOS")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in SET_UP])
def test_command_runs_on_a_bare_machine(command: str, checkout: Path, tmp_path: Path) -> None:
    """No MNIST, an empty home: everything runs on the bundled sample."""
    environment = os.environ | {"HOME": str(tmp_path), "MNIST_LAB_DATA": "sample"}
    if command in RECURSIVE:
        environment["PYTEST_ADDOPTS"] = "--collect-only --quiet"
    script = command.replace("OWNER/REPO", "someone/fork")
    if command == "make test":  # the same: it only says which commands it would run
        script = "make --dry-run test"
    if command in AFTER and not (checkout / "answers").exists():
        script = f"{AFTER[command]} && {script}"
    result = subprocess.run(
        script,
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
        assert result.returncode in ({0, 1} if command in ALSO_SAYS_NO else {0}), said[-4000:]
    if "mnist-lab grade" in command:
        marks = (checkout / "marks.csv").read_text(encoding="utf-8").splitlines()
        assert len(marks) == 3
        points, most = (float(n) for n in marks[1].split(",")[1:3])
        assert points == most > 0  # Ada hands in the solution
        assert marks[2].split(",")[1] == "0"  # Ben has not begun
        assert len(list((checkout / "feedback").glob("*.html"))) == 2


@needs_make
def test_set_up_without_make_is_what_make_does() -> None:
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
def test_make_lab_opens_the_lessons(checkout: Path, tmp_path: Path) -> None:
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


def figures_not_printed(text: str) -> list[str]:
    known = {claim.value for recipe in RECIPES.values() for claim in recipe.claims}
    known |= {3.13, np.trace(PUBLISHED_MATRIX) / PUBLISHED_MATRIX.sum()}  # a Python, the matrix
    code = [
        cell for lesson in LESSONS.values() for cell in lesson.cells if cell.cell_type == "code"
    ]
    page = nbformat.NotebookNode(cells=[nbformat.v4.new_markdown_cell(text), *code])
    return list(unprinted_figures(page, known))


def test_every_figure_is_one_that_a_lesson_prints() -> None:
    assert figures_not_printed(README) == []
    assert figures_not_printed("We reach 99.87 %.") != []


def test_links_lead_to_files_that_are_there() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize(
    ("picture", "lesson"), [("cover", "01_eda"), ("verdicts", "05_comparison")]
)
def test_picture_is_the_figure_of_a_lesson(picture: str, lesson: str) -> None:
    """No picture is ever drawn apart from the lesson that a reader finds it in."""
    picture = {"01_eda": "cover", "05_comparison": "verdicts"}[lesson]
    shown = base64.b64encode((ROOT / ".github" / f"{picture}.png").read_bytes()).decode()
    stored = [
        output.data["image/png"].replace("\n", "")
        for cell in LESSONS[lesson].cells
        if cell.cell_type == "code" and picture in cell.metadata.get("tags", [])
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert stored == [shown]
    assert f"(.github/{picture}.png)" in README
