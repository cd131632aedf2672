"""Grading: every kind of submission gets the mark that it deserves, whatever its code does."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from grading_fixture import RIGHT, SCALE_MARK, handed_in, save, source

from mnist_lab.course.assignments.source import Assignment, learner_copy, read_assignment
from mnist_lab.course.grading import batch, submission
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.grading.grader import Limits
from mnist_lab.course.grading.submission import Cell
from mnist_lab.course.sandbox.doctor import fault_of_sandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS"),
]

LIMITS = Limits(timeout=4, total=60, memory=2048)
sandbox_fault = lru_cache(fault_of_sandbox)


@pytest.fixture(autouse=True)
def small_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")


@pytest.fixture(params=["bwrap", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    if request.param == "bwrap" and sandbox_fault():
        pytest.skip(sandbox_fault())
    return str(request.param)


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    return read_assignment(save(tmp_path / "01_source.ipynb", source()))


def mark_of(notebook: Any, isolation: str, folder: Path, limits: Limits = LIMITS) -> Mark:
    """The mark of a notebook; given as bytes or text it is written as it is."""
    place = folder / "ada.ipynb"
    if isinstance(notebook, str | bytes):
        place.write_bytes(notebook if isinstance(notebook, bytes) else notebook.encode())
    else:
        save(place, notebook)
    assignment = read_assignment(save(folder / "01_source.ipynb", source()))
    return batch.grade_one(assignment, "ada", place, "", isolation, limits)


def scale(body: str, before: str = "") -> Any:
    """A notebook whose first exercise has this body, and lines of code before it."""
    return handed_in(scale=f"{SCALE_MARK}{before}\ndef scale(images):\n    {body}")


def with_cells(notebook: Any, *sources: str, first: bool = False) -> Any:
    """A notebook with more cells of the learner's own, at its end or its beginning."""
    cells = [{"cell_type": "code", "source": text, "metadata": {}} for text in sources]
    notebook.cells = cells + notebook.cells if first else notebook.cells + cells
    return notebook


def answer_moved() -> Any:
    notebook = handed_in()
    notebook.cells = [c for c in notebook.cells if "01-scale" not in c.source]
    return with_cells(notebook, RIGHT["01-scale"].removeprefix(SCALE_MARK))


def without_metadata() -> str:
    cells = [
        {"cell_type": "code", "source": cell.source.splitlines(keepends=True)}
        for cell in handed_in().cells
        if cell.cell_type == "code"
    ]
    return json.dumps({"cells": cells})


def saved_by_colab() -> Any:
    notebook = handed_in()
    for cell in notebook.cells:
        cell.pop("id", None)
        cell.metadata["id"] = "x9"
    notebook.update(nbformat=4, nbformat_minor=0)
    notebook.metadata["colab"] = {"provenance": []}
    colab = "!pip install -q mnist-lab\nfrom google.colab import drive\ndrive.mount('/content')"
    return with_cells(notebook, colab, first=True)


def checks_replaced() -> Any:
    notebook = handed_in(
        scale=f"{SCALE_MARK}def scale(images):\n    return images",
        count="# EXERCISE 01-count\ndef count(labels):\n    return []",
        brightest="# EXERCISE 01-brightest\nbrightest = 0",
    )
    for cell in notebook.cells:
        if cell.source.startswith("# CHECK"):
            cell.source = cell.source.splitlines()[0] + "\npass"
    return notebook


STRIP_ASSERTS = """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
class Equal:
    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda *_: True
    __call__ = __getattr__ = __abs__ = __sub__ = lambda self, *_: self
"""
KILLS_ITSELF = "import os\nos._exit(1)"
DEAF = """import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass"""
# Many more than are allowed, and no more than a busy computer survives.
FORK_BOMB = "import os, time\nfor _ in range(10):\n    os.fork()\ntime.sleep(60)"
PICKLE = """class Trap:
    def __reduce__(self):
        return (open, ("/tmp/mnist-lab-was-here", "w"))
trap = np.array([Trap()], dtype=object)
"""
DEEP = """import os
here = os.getcwd()
for name in ("deep", "other"):
    for _ in range(1500):
        os.mkdir(name)
        os.chdir(name)
    os.symlink("/", "everything")
    os.chdir(here)
os.mkdir("closed"); os.mkdir("closed/in"); os.chmod("closed", 0)
"""

# name -> (notebook, points of 5, status, what process isolation cannot promise)
ROWS: dict[str, tuple[Callable[[], Any], float, str, str]] = {
    "correct": (handed_in, 5, "passed", ""),
    "endless loop": (lambda: handed_in(scale=f"{SCALE_MARK}while True: pass"), 3, "timeout", ""),
    "os._exit": (lambda: handed_in(scale=SCALE_MARK + KILLS_ITSELF), 3, "crashed", ""),
    "SIGINT ignored": (lambda: handed_in(scale=SCALE_MARK + DEAF), 3, "timeout", ""),
    "checks replaced by pass": (checks_replaced, 0, "failed", ""),
    "asserts stripped": (lambda: scale("return Equal()", STRIP_ASSERTS), 0, "tampered", ""),
    "equal to everything": (
        lambda: scale("return Equal()", STRIP_ASSERTS.partition("class Strip")[0] + "class Equal:\n"
                      "    __eq__ = lambda *_: True\n    max = lambda self: self"),
        0, "tampered", "",
    ),
    "malicious pickle": (lambda: scale("return trap", PICKLE), 3, "failed", ""),
    "copied, old try kept": (
        lambda: with_cells(scale("return images"), RIGHT["01-scale"]), 5, "passed", "",
    ),
    "no metadata": (without_metadata, 5, "passed", ""),
    "saved by Colab": (saved_by_colab, 5, "passed", ""),
    "answer moved, mark deleted": (answer_moved, 5, "passed", ""),
    "answer below the stub": (
        lambda: with_cells(
            handed_in(scale=learner_copy(source()).cells[2].source),
            RIGHT["01-scale"].removeprefix(SCALE_MARK),
        ), 5, "passed", "",
    ),
    "syntax error": (lambda: scale("return images /"), 3, "error", ""),
    "input()": (lambda: scale("return images", "input()"), 3, "error", ""),
    "6 GB": (
        lambda: scale("return images / 255", "hoard = bytearray(6 * 10**9)"),
        3, "error", "a limit of memory on every system",
    ),
    "30 MB of output": (
        lambda: scale("return images / 255", "for _ in range(30): print('x' * 10**6)"),
        5, "passed", "",
    ),
    "calls of Colab": (
        lambda: scale(
            "return images / 255",
            "drive.mount('/content',\n            force_remount=True)\nif True:\n"
            "    uploaded = files.upload()",
        ), 5, "passed", "",
    ),
    "quit() in a cell of its own": (
        lambda: with_cells(handed_in(), "quit()", first=True), 5, "passed", "",
    ),
    "%reset -f in the first cell": (
        lambda: with_cells(handed_in(), "%reset -f", first=True), 5, "passed", "",
    ),
    "StopIteration": (lambda: scale("raise StopIteration"), 3, "error", ""),
    "keys that cannot travel": (lambda: scale("return {int: images}"), 3, "failed", ""),
    "not JSON": (lambda: "{", 0, "unreadable", ""),
    "half a character": (
        lambda: json.dumps(scale("return '\ud800'")), 0, "unreadable", "",
    ),
    "JSON, no notebook": (lambda: '{"cells": 3}', 0, "unreadable", ""),
    "nested too deep": (lambda: "[" * 100_000, 0, "unreadable", ""),
    "untouched": (lambda: learner_copy(source()), 0, "not attempted", ""),
    "fork bomb": (lambda: handed_in(scale=SCALE_MARK + FORK_BOMB), 3, "crashed", "an end of it"),
    "endless in a hidden test": (
        lambda: scale("while images.shape == (2, 5): pass\n    return images / 255"),
        3, "timeout", "",
    ),
    "exit in a hidden test": (
        lambda: scale("import os\n    return os._exit(0) if images.ndim == 2 else images / 255"),
        3, "crashed", "",
    ),
    "giant value": (lambda: scale("return 'x' * 10**8"), 3, "failed", ""),
    "giant exception": (lambda: scale("raise ValueError('x' * 10**8)"), 3, "error", ""),
    "value of another kind": (lambda: scale("return [image.tolist for image in images]"), 3,
                              "failed", ""),
    "scratch folder without end": (lambda: scale("return images / 255", DEEP), 5, "passed", ""),
    "our side of proxies replaced": (
        lambda: scale("return images", "import mnist_lab.course.sandbox.kernel_agent as ours\n"
                      "ours.answer = lambda: 5 / 5"),
        0, "tampered", "",
    ),
    "answers forged": (
        lambda: scale("return images", "import mnist_lab.course.sandbox.kernel_agent as ours\n"
                      "ours.answer = lambda: ours._Answer({'value': '[' * 10**6})"),
        0, "tampered", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_marks(name: str, isolation: str, tmp_path: Path) -> None:
    make, points, status, promise = ROWS[name]
    if isolation == "process" and promise:
        pytest.skip(f"a plain process does not promise {promise}")
    mark = mark_of(make(), isolation, tmp_path)
    assert (mark.score, mark.status) == (points, status), mark.results
    assert mark.isolation == isolation
    assert not Path("/tmp/mnist-lab-was-here").exists()


def test_what_the_sandbox_keeps_from_learners(tmp_path: Path) -> None:
    """Source and marks cannot be read or changed, and no process stays behind."""
    if sandbox_fault():
        pytest.skip(sandbox_fault())
    marks = tmp_path / "marks.csv"
    marks.write_text("student,score\n")
    thief = f"""import os, pathlib, subprocess
for place in ({str(tmp_path / "01_source.ipynb")!r}, "/tmp/01_source.ipynb"):
    try:
        exec(open(place).read())
    except Exception:
        pass
for place in pathlib.Path("/proc").glob("[0-9]*/*"):
    try:
        found = place.read_bytes() if place.name in ("cmdline", "environ") else b""
    except OSError:
        continue
    if b"BEGIN HIDDEN" in found or b"01_source" in found:
        brightest_of_all = "found"
try:
    open({str(marks)!r}, "w").write("ada,151")
except OSError:
    pass
code = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(4321.5)"
subprocess.Popen(["python", "-c", code], start_new_session=True)
"""
    body = "return images / 255 if 'brightest_of_all' in globals() else images"
    mark = mark_of(scale(body, thief), "bwrap", tmp_path)
    assert (mark.score, mark.status) == (3, "failed"), mark.results
    assert marks.read_text() == "student,score\n"
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("4321.5" in part for part in process.info["cmdline"] or ())
    ]


def test_a_total_limit(isolation: str, tmp_path: Path) -> None:
    slow = with_cells(handed_in(), "import time\ntime.sleep(30)", first=True)
    mark = mark_of(slow, isolation, tmp_path, Limits(timeout=30, total=6, memory=2048))
    assert {result.status for result in mark.results.values()} == {"timeout"}
    assert "longer than 6 s" in mark.results["01-scale"].note


def test_files_that_are_no_notebooks(tmp_path: Path, assignment: Assignment) -> None:
    link, large = tmp_path / "eve.ipynb", tmp_path / "zoe.ipynb"
    link.symlink_to(tmp_path / "01_source.ipynb")
    with large.open("wb") as file:
        file.truncate(200_000_000)
    for path, words in ((link, "link"), (large, "200 MB"), (tmp_path / "none", "no file")):
        mark = batch.grade_one(assignment, "eve", path, "", "process", LIMITS)
        assert (mark.score, mark.status) == (0, "unreadable")
        assert words in mark.results["01-scale"].note


def test_empty_lines_take_no_time(assignment: Assignment) -> None:
    start = time.process_time()
    submission.locate([Cell("\n" * 300_000 + RIGHT["01-scale"])], assignment)
    assert time.process_time() - start < 2  # over twenty minutes, were it to grow with the square


def test_several_files_of_a_learner(tmp_path: Path) -> None:
    for age, name in enumerate(("ada (1)", "ada", "bob")):
        path = tmp_path / f"{name}.ipynb"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    found = submission.find_submissions(tmp_path)
    assert found["ada"] == (tmp_path / "ada (1).ipynb", "The newest of 2 files counts. ")
    assert found["bob"][1] == ""
