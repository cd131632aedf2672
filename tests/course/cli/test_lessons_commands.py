"""The command mnist-lab, on a small course of lessons that need no TensorFlow and no digits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import psutil
import pytest
import typer
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import list_lesson, write_course
from typer.testing import CliRunner

from mnist_lab import data
from mnist_lab.course.cli.main import app
from mnist_lab.course.execution import records
from mnist_lab.course.execution.catalogue import choose
from mnist_lab.course.execution.records import read_notebook, source_digest
from mnist_lab.course.publishing import book

pytestmark = pytest.mark.slow

SOURCE = "MNIST, from a stub (proven by its digests)."
REPORT = (
    "from types import SimpleNamespace\nfrom mnist_lab import environment\n"
    f"environment.report(SimpleNamespace(source={SOURCE!r}))"
)
# A picture of one pixel: a lesson with a figure that needs no Matplotlib.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
    "hwGA60e6kgAAAABJRU5ErkJggg=="
)
FIGURE = f"from IPython.display import display\ndisplay({{'image/png': '{PNG}'}}, raw=True)"
FIGURE_TEXT = "*Figure.* One pixel & nothing\nelse.\n\nLook at it. See [the next](02_broken.ipynb)."
# The parts of a README that a refresh renews.
TABLES = "\n".join(
    f"<!-- {name}: mnist-lab refresh writes this table -->\n<!-- end -->"
    for name in ("lessons", "verdicts")
)
# The command in a process of its own, with the same stubs as in make_course.
COMMAND = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test in the background ignores it
from pathlib import Path
from types import SimpleNamespace
from mnist_lab import data
from mnist_lab.course.execution import records
records.PACKAGE = Path.cwd().parent / "mnist_lab"
data.load_mnist = lambda **options: SimpleNamespace(source={SOURCE!r}, is_mnist=True)
from mnist_lab.course.cli.main import app
app()
"""


def write_lesson(course: Path, name: str, *cells: Any, minutes: int = 2) -> Path:
    path = course / "notebooks" / f"{name}.ipynb"
    if name not in (course / "course.toml").read_text():
        list_lesson(course, name, run=minutes)
    intro = [
        new_markdown_cell(f"# {int(name[:2])} · Lesson {name[3:]}"),
        new_markdown_cell(f"Minutes: 15 to read, 20 to do, {minutes} to run."),
    ]
    cells = tuple(code(cell) if isinstance(cell, str) else cell for cell in cells)
    nbformat.write(new_notebook(cells=[*intro, *cells]), path)
    return path


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def counted(file: Path, *more: Any) -> tuple[Any, ...]:
    """Cells that leave one character in a file each time they are executed."""
    return (
        code(f"EPOCHS = 2\nwith open({str(file)!r}, 'a') as f:\n    f.write('x')", "parameters"),
        *more,
    )


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty course that commands find; they take MNIST to be at hand."""
    return make_course(tmp_path, monkeypatch)


def make_course(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_course(folder)
    (folder / "mnist_lab").mkdir()
    monkeypatch.chdir(folder / "notebooks")
    digits = SimpleNamespace(source=SOURCE, is_mnist=True)
    monkeypatch.setattr(data, "load_mnist", lambda **options: digits)
    # What is finished depends on the package's sources: these nobody edits meanwhile.
    monkeypatch.setattr(records, "PACKAGE", folder / "mnist_lab")
    return folder


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def in_own_process(course: Path, *arguments: str, launcher: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", launcher or COMMAND, *arguments],
        cwd=course / "notebooks",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still waiting after {seconds} s"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_help_reads_like_a_page() -> None:
    text = call("--help").stdout
    commands = list(typer.main.get_group(app).commands)
    assert {"run", "grade", "reproduce"} < set(commands)
    for command in commands:
        assert re.search(rf"^  {command} +\w", text, re.MULTILINE)  # what it does
        assert f"mnist-lab {command}" in call(command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run 07", "There is no lesson '07': choose from 01_good, 02_other."),
        ("run -p EPOCH=1", "No chosen lesson has a parameter 'EPOCH': choose from EPOCHS, SEED."),
        ("run 02 -p EPOCHS=1", "No chosen lesson has a parameter 'EPOCHS': choose from SEED."),
        ("run -p EPOCHS", "'EPOCHS' is not a parameter: write NAME=VALUE, as in EPOCHS=1."),
        ("run --notebooks ../mnist_lab", "There are no lessons in ../mnist_lab"),
        ("badges me/fork", "'me/fork' does not name a tag of a repository: write OWNER/REPO@TAG"),
        ("badges", "The command needs a repository and a tag: write mnist-lab badges"),
    ],
)
def test_mistakes_are_said_in_one_sentence(course: Path, arguments: str, words: str) -> None:
    write_lesson(course, "01_good", code("EPOCHS = 1", "parameters"))
    write_lesson(course, "02_other", code("SEED = 1", "parameters"))
    result = call(*arguments.split())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"mnist-lab: {words}")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_outside_the_course_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("run")
    assert (result.exit_code, result.stderr) == (
        2,
        "mnist-lab: This folder is not in a copy of the course: go to a folder that is.\n",
    )


def test_file_that_is_no_notebook_is_said(course: Path) -> None:
    write_lesson(course, "01_cut").write_text('{"cells": [')
    result = call("run")
    assert result.exit_code == 2
    assert "01_cut.ipynb is not a notebook: restore it" in result.stderr


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([], ["01_eda", "02_fnn"]),
        (["02"], ["02_fnn"]),
        (["2", "1"], ["01_eda", "02_fnn"]),
        (["notebooks/02_fnn.ipynb", "01_eda"], ["01_eda", "02_fnn"]),
    ],
)
def test_lessons_have_names_and_numbers(course: Path, wanted: list[str], chosen: list[str]) -> None:
    listed = write_course(course, "01_eda", "02_fnn").lessons
    assert [lesson.name for lesson in choose(listed, wanted)] == chosen


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """One run of a lesson that works, one with an error, one that takes too long."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        course = make_course(tmp_path_factory.mktemp("course"), monkeypatch)
        write_lesson(
            course,
            "01_good",
            code("EPOCHS = 2", "parameters"),
            REPORT,
            FIGURE,
            new_markdown_cell(FIGURE_TEXT),
            code("print(f'97.{EPOCHS} % <right>')", "headline"),
        )
        write_lesson(course, "02_broken", "x = 0", "1 / x", "print('never')")
        write_lesson(course, "03_slow", "import time\ntime.sleep(600)")
        write_lesson(course, "04_later", "1")
        yield (
            course,
            call("run", "1", "02", "03", "-p", "EPOCHS=5", "--timeout", "3", "--jobs", "3"),
        )


def test_run_says_what_happened(mixed: tuple[Path, Any]) -> None:
    course, result = mixed
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == SOURCE
    assert lines[1] == "3 to run, 3 at a time, about 2 min left"
    assert {"01_good: started", "02_broken: started", "03_slow: started"} < set(lines)
    assert any(re.fullmatch(r"01_good: done in \d+ s\. 97\.5 % <right>", line) for line in lines)
    failed = lines.index("02_broken: FAILED at cell [2]: ZeroDivisionError: division by zero")
    assert re.fullmatch(r" +-+> 1 1 / x", lines[failed + 1])
    assert (
        "03_slow: FAILED at cell [1]: the cell took longer than the time limit (--timeout)" in lines
    )
    assert lines[-1] == f"1 of 3 lessons done: {course / 'build/course/index.html'}"
    assert result.stderr == ""


def test_index_tells_the_results(mixed: tuple[Path, Any]) -> None:
    index = (mixed[0] / "build/course/index.html").read_text(encoding="utf-8")
    _, _, cards = index.partition('<div class="cards">')
    good, broken, slow, later = re.findall(r"(?s)<li>.*?</li>", cards.partition("</ul>")[0])
    assert '<a href="notebooks/01_good.html">1 · Lesson good</a>' in good
    assert "97.5 % &lt;right&gt;" in good
    assert SOURCE in good
    assert re.search(r"Run in \d+ s · 20\d\d-\d\d-\d\d \d\d:\d\d · with EPOCHS = 5<", good)
    assert '<img alt="One pixel &amp; nothing else."' in good
    assert "Failed at cell [2]: ZeroDivisionError: division by zero" in broken
    assert "the cell took longer" in slow
    assert "Not run yet." in later
    assert "1 of 4 lessons done" in index
    assert "2 failed" in index
    assert '<html lang="en"' in index
    assert not re.search(r"<(script|link|img)[^>]*https?:", index)  # nothing comes from elsewhere


def test_page_of_a_lesson(mixed: tuple[Path, Any]) -> None:
    page = (mixed[0] / "build/course/notebooks/01_good.html").read_text(encoding="utf-8")
    assert '<html lang="en"' in page
    assert "<title>1 · Lesson good" in page
    assert 'alt="One pixel &amp; nothing else."' in page
    assert 'href="02_broken.html"' in page
    assert 'href="../index.html"' in page
    assert f'<p class="facts">{SOURCE} Run in' in page
    assert not re.search(r"<(script|link|img)[^>]*https?:", page)


def test_page_of_a_failed_lesson_leads_to_the_cell(mixed: tuple[Path, Any]) -> None:
    page = (mixed[0] / "build/course/notebooks/02_broken.html").read_text(encoding="utf-8")
    assert "Failed at cell [2]: ZeroDivisionError: division by zero" in page
    match = re.search(r'href="#(stopped-here)"[^>]*>(?:<[^>]+>)*Go to cell 2<', page)
    assert match is not None
    _, found, after = page.partition(f'id="{match[1]}"')
    assert found
    assert 0 < after.index("The lesson stopped here.") < after.index("ZeroDivisionError")


def test_link_to_a_lesson_that_was_not_run_leads_to_the_index(course: Path) -> None:
    write_lesson(course, "01_good", new_markdown_cell("See [the next](02_next.ipynb)."))
    write_lesson(course, "02_next", "1")
    result = call("run", "1")
    assert (result.exit_code, result.stderr) == (0, "")
    page = (course / "build/course/notebooks/01_good.html").read_text(encoding="utf-8")
    assert re.search(r'href="\.\./index\.html">(<[^>]+>)*the next', page)


def test_fault_of_a_page_is_said_and_stops_nothing(course: Path) -> None:
    write_lesson(course, "01_good", new_markdown_cell("See [nothing](missing.md)."))
    result = call("run")
    assert result.exit_code == 0
    assert "The book has faults" in result.stderr
    assert "missing.md" in result.stderr
    assert "1 of 1 lessons done" in (course / "build/course/index.html").read_text()


def test_notebooks_of_another_folder_are_a_book(course: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    write_lesson(course, "01_good", "1").rename(own / "01_good.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("print('97.5')")]), own / "plain.ipynb")
    result = call("run", "--notebooks", str(own), "--output", str(tmp_path / "out"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "97.5" in (tmp_path / "out/notebooks/plain.html").read_text(encoding="utf-8")
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert '<a href="notebooks/plain.html">Untitled lesson</a>' in index
    assert '<a href="notebooks/01_good.html">1 · Lesson good</a>' in index


def test_stop_while_the_book_is_made_is_said_on_the_index(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    write_lesson(course, "01_good", "1")
    monkeypatch.setattr(book, "make_book", stopped)
    assert call("run").exit_code == 130
    index = (course / "build/course/index.html").read_text(encoding="utf-8")
    assert "The run was stopped." in index
    assert "done." in index


def test_finished_lessons_are_skipped(course: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    write_lesson(course, "01_good", *counted(marks))

    def times_run(*arguments: str) -> int:
        before = len(marks.read_text()) if marks.exists() else 0
        result = call("run", *arguments)
        assert result.exit_code == 0
        after = len(marks.read_text())
        assert ("01_good: finished before" in result.stdout) == (after == before)
        return after - before

    assert times_run() == 1
    assert times_run() == 0
    assert times_run("--fresh") == 1
    assert times_run("-p", "EPOCHS=3") == 1
    index = course / "build/course/index.html"
    index.write_text("running")  # as if the command had been killed before it made the book
    assert times_run("-p", "EPOCHS=3") == 0
    assert "1 of 1 lessons done" in index.read_text()
    write_lesson(course, "01_good", *counted(marks, "'changed'"))
    assert times_run("-p", "EPOCHS=3") == 1


def test_killed_run_goes_on_where_it_was(course: Path, tmp_path: Path) -> None:
    marks, pid = tmp_path / "marks", tmp_path / "pid"
    write_lesson(course, "01_first", *counted(marks), minutes=9)
    waits = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    write_lesson(course, "02_second", waits)
    launcher = COMMAND
    if sys.platform == "linux":
        # As on a desktop: orphans are adopted by the session manager (here: the launcher), not by
        # process 1, which is the only one that ipykernel 6.17 would notice.
        launcher = (
            "import ctypes, subprocess, sys, time\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
            f"command = subprocess.Popen([sys.executable, '-c', {COMMAND!r}, *sys.argv[1:]])\n"
            f"open({str(tmp_path / 'command')!r}, 'w').write(str(command.pid))\ntime.sleep(600)"
        )
    process = in_own_process(course, "run", "--jobs", "1", launcher=launcher)
    try:
        wait_for(lambda: pid.exists() and pid.read_text())
        kernel = int(pid.read_text())
        command = tmp_path / "command"
        os.kill(int(command.read_text()) if command.exists() else process.pid, signal.SIGKILL)
        wait_for(lambda: not is_running(kernel), seconds=10)
    finally:
        process.kill()
        process.communicate()
    assert not (course / "build/course/02_second.ipynb").exists()
    write_lesson(course, "02_second", "'no longer waits'")
    result = call("run")
    assert result.exit_code == 0
    assert "01_first: finished before" in result.stdout
    assert "02_second: done" in result.stdout
    assert marks.read_text() == "x"
    names = {path.name for path in (course / "build/course").iterdir()}
    notebooks = {"01_first.ipynb", "02_second.ipynb"}
    book = {"index.html", "search.html", "searchindex.js", "objects.inv"}
    folders = {".sphinx", "_static", "notebooks"}
    assert names == notebooks | book | folders  # nothing half-written is left


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_leaves_no_kernels(course: Path, tmp_path: Path, how: signal.Signals) -> None:
    files = [tmp_path / "pids_1", tmp_path / "pids_2"]
    for number, file in enumerate(files, 1):
        # A kernel that is busy, with a child of its own.
        source = (
            "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
            f"open({str(file)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(600)"
        )
        write_lesson(course, f"0{number}_busy", source)
    index = course / "build/course/index.html"
    index.parent.mkdir(parents=True)
    index.write_text("results of an earlier run")
    process = in_own_process(course, "run", "--jobs", "2")
    try:
        wait_for(lambda: all(file.exists() and file.read_text() for file in files))
        assert "The lessons are running." in index.read_text()
        pids = [int(pid) for file in files for pid in file.read_text().split()]
        assert all(is_running(pid) for pid in pids)
        os.killpg(process.pid, how)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors == "Stopped. The same command continues where it stopped.\n"
    assert [pid for pid in pids if is_running(pid)] == []
    assert list(index.parent.iterdir()) == [index]  # neither lesson counts as failed
    assert "The run was stopped." in index.read_text()
    assert "not run yet" in index.read_text()


def test_refresh_replaces_what_succeeds(course: Path) -> None:
    (course / "README.md").write_text(TABLES)
    good = write_lesson(course, "01_good", REPORT, code("print('97.3 %')", "headline"))
    bad = write_lesson(course, "02_bad", "import sys", "sys.exit()")
    before = bad.read_bytes()
    result = call("refresh")
    assert result.exit_code == 1
    assert "01_good: refreshed. 97.3 %" in result.stdout
    assert "02_bad: FAILED at cell [2]: SystemExit" in result.stdout
    assert bad.read_bytes() == before
    notebook = read_notebook(good)
    stamp = notebook.metadata.mnist_lab
    assert stamp.sources == source_digest(notebook)
    assert stamp.data == SOURCE
    assert "| [1 · Lesson good](notebooks/01_good.ipynb) |" in (course / "README.md").read_text()
    assert {"python", "numpy"} <= set(stamp.versions)
    once = good.read_bytes()
    assert call("refresh", "01").exit_code == 0
    assert good.read_bytes() == once  # nothing in it tells when it was run
    assert sorted(path.name for path in good.parent.iterdir()) == ["01_good.ipynb", "02_bad.ipynb"]


def test_refresh_needs_mnist(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lesson(course, "01_good", "1")
    before = path.read_bytes()

    def no_mnist(*, allow_sample: bool = True) -> None:
        assert not allow_sample
        raise data.DataError("There is no MNIST: set MNIST_LAB_DATA.")

    monkeypatch.setattr(data, "load_mnist", no_mnist)
    result = call("refresh")
    assert result.exit_code == 2
    assert result.stderr == "mnist-lab: There is no MNIST: set MNIST_LAB_DATA.\n"
    assert path.read_bytes() == before


def test_badges(course: Path) -> None:
    badge = "https://colab.research.google.com/github/{}/blob/{}/notebooks/01_good.ipynb"
    install = 'pip install "https://github.com/{}/archive/refs/tags/{}.zip"'
    old = ("mnist-lab/mnist-lab", "v0.1.0")
    path = write_lesson(
        course, "01_good", new_markdown_cell(badge.format(*old)), install.format(*old)
    )
    text = path.read_text()
    assert call("badges", "--check").exit_code == 0
    result = call("badges", "me/fork@v2")
    assert result.stdout.splitlines() == [
        "course.toml points at me/fork@v2 now",
        "notebooks/01_good.ipynb points at me/fork@v2 now",
        "2 files changed.",
    ]
    assert path.read_text() == text.replace("mnist-lab/mnist-lab", "me/fork").replace(
        "v0.1.0", "v2"
    )
    assert call("badges", "--check", "me/fork@v2").exit_code == 0
    result = call("badges", "--check", "mnist-lab/mnist-lab@v0.1.0")
    assert result.exit_code == 1
    fault = "notebooks/01_good.ipynb points at me/fork@v2, not at mnist-lab/mnist-lab@v0.1.0."
    of_list = fault.replace("notebooks/01_good.ipynb", "course.toml")
    assert result.stderr.splitlines() == [of_list, fault, fault]
