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
import typer

from mnist_lab.course.cli.main import app
from mnist_lab.course.lint.prose import unprinted_figures, word_count
from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "assignments/README.md")
}
README = TEXTS["README.md"]
MOST_WORDS = 1000  # a newcomer reads it before the first lesson; without the table of lessons
LESSONS = {path.stem: nbformat.read(path, 4) for path in sorted(ROOT.glob("notebooks/*.ipynb"))}
COMMANDS = re.findall(r"^\$ (.+)$", README, re.MULTILINE)

# What a fresh environment is made with; make runs the same lines, as a test below shows.
SET_UP = {
    "python -m venv .venv",
    ".venv/bin/python -m pip install --requirement requirements.txt",
}
# These serve until somebody stops them: a test of their own starts and stops them.
SERVE = {"make lab", ".venv/bin/jupyter lab notebooks"}
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
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in SET_UP | SERVE])
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
@pytest.mark.parametrize("command", sorted(SERVE))
def test_lessons_are_opened(command: str, checkout: Path, tmp_path: Path) -> None:
    assert command in COMMANDS or f"`{command}`" in README
    settings = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            command.split(), cwd=checkout, env=environment, stderr=stream, start_new_session=True
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


def test_it_is_short_enough_to_be_read() -> None:
    assert word_count(re.sub(r"(?m)^\| \[\d.*$", "", README)) < MOST_WORDS


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_to_files_that_are_there(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)\s#]+)", TEXTS[name])
    assert targets
    folder = (ROOT / name).parent
    assert [target for target in targets if not (folder / target).exists()] == []


def test_contributing_names_files_that_are_there() -> None:
    _, _, after = TEXTS["CONTRIBUTING.md"].partition("## Which file to open")
    table, _, _ = after.partition("\n## ")
    names = re.findall(r"`([\w/]+(?:\.(?:py|css|html\.j2|toml|txt)|/))`", table)
    assert len(names) > 20
    homes = (ROOT, ROOT / "mnist_lab/course", ROOT / "mnist_lab/course/publishing/templates")
    assert [name for name in names if not any((home / name).exists() for home in homes)] == []


@pytest.mark.parametrize("name", TEXTS)
def test_commands_and_options_exist(name: str) -> None:
    """Commands are run above where the README has them; elsewhere they must be known at least."""
    known = {
        command: {option for parameter in found.params for option in parameter.opts}
        for command, found in typer.main.get_group(app).commands.items()
    }
    calls = re.findall(r"(?:`|bin/)mnist-lab ([a-z][\w-]+)((?: [^`\n]+)?)[`\n]", TEXTS[name])
    assert calls
    for command, rest in calls:
        assert command in known, command
        options = {*re.findall(r"(?<=\s)--?[a-z][\w-]*", rest)}
        assert options <= known[command] | {"--help"}, (command, rest)


def test_picture_is_the_figure_of_a_lesson() -> None:
    """The picture is never drawn apart from the lesson that a reader finds it in."""
    shown = base64.b64encode((ROOT / ".github" / "cover.png").read_bytes()).decode()
    stored = [
        output.data["image/png"].replace("\n", "")
        for cell in LESSONS["01_eda"].cells
        if cell.cell_type == "code" and "cover" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert stored == [shown]
    assert re.findall(r"!\[[^\]]+\]\((\.github/[^)]+)\)", README) == [".github/cover.png"]
