"""Honest submissions that are out of the ordinary: what goes wrong costs its own exercise at most.

They run in plain processes; ``test_grading.py`` runs what the sandbox has a part in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grading_fixture import RIGHT, SCALE_MARK, SETUP, handed_in, save, source
from nbformat.v4 import new_code_cell, new_markdown_cell

from mnist_lab.course.assignments.source import Assignment, read_assignment
from mnist_lab.course.grading import grader, submission
from mnist_lab.course.grading.checks import Result
from mnist_lab.course.grading.grader import GraderFault, Limits

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")

LIMITS = Limits(timeout=20, total=300, memory=2048)


@pytest.fixture(autouse=True)
def small_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    return read_assignment(save(tmp_path / "01_source.ipynb", source()))


def grade(notebook: Any, assignment: Assignment, folder: Path) -> dict[str, Result]:
    cells = submission.read_cells(save(folder / "ada.ipynb", notebook))
    return grader.grade(assignment, cells, "process", LIMITS)


def points(results: dict[str, Result]) -> float:
    return sum(result.points for result in results.values())


def inserted(text: str, notebook: Any = None, *, at: int = 0) -> Any:
    """A notebook, by default a right one, with one more cell at a place."""
    notebook = notebook or handed_in()
    notebook.cells.insert(at, new_code_cell(text))
    return notebook


def replaced(mark: str, *cells: Any) -> Any:
    """A right notebook with other cells in place of the one with a mark."""
    notebook = handed_in()
    (place,) = [i for i, c in enumerate(notebook.cells) if c.source.startswith(mark)]
    new = [cell if isinstance(cell, dict) else new_code_cell(cell) for cell in cells]
    notebook.cells[place : place + 1] = new
    return notebook


def before_all(text: str) -> str:
    """A first exercise that begins with some lines."""
    return f"{SCALE_MARK}{text}\n{RIGHT['01-scale'].removeprefix(SCALE_MARK)}"


AFTER_SCALE = 3
WIPES = "for name in [n for n in globals() if n[0] != '_']: del globals()[name]"
COLAB_TRIED = """try:
    import google.colab
    here = 1 / 0
except ImportError:
    here = False
assert not here"""
ON_COLAB = """from google.colab import drive as d, files
import os, google.colab
import google.colab.drive as again
d.mount('/content/drive',
        force_remount=True); google.colab.drive.mount("x")
again.flush_and_unmount()
for name in files.upload():
    raise ValueError
with_umlaut = "ä", google.colab.drive.mount("x")
%matplotlib inline
assert os.sep"""

# What must not cost anything.
HARMLESS: dict[str, Callable[[], Any]] = {
    "quit() in a cell of its own": lambda: inserted("quit()", at=AFTER_SCALE),
    "exit() in each exercise": lambda: handed_in(
        **{name[3:]: f"{text}\nexit()" for name, text in RIGHT.items()}
    ),
    "exit without brackets": lambda: inserted("exit", at=AFTER_SCALE),
    "sys.exit()": lambda: inserted("import sys\nsys.exit('bye')", at=AFTER_SCALE),
    "KeyboardInterrupt": lambda: inserted("raise KeyboardInterrupt", at=AFTER_SCALE),
    "the kernel restarted by code": lambda: inserted(
        "get_ipython().kernel.do_shutdown(True)", at=AFTER_SCALE
    ),
    "%reset -f first": lambda: inserted("%reset -f"),
    "reset as Spyder does it": lambda: inserted("get_ipython().magic('reset -sf')"),
    "all names deleted in between": lambda: inserted(WIPES, at=AFTER_SCALE),
    "globals cleared": lambda: inserted("globals().clear()", at=AFTER_SCALE),
    "names of the set-up before it": lambda: inserted("images, np = None, 'numpy'"),
    "np.seterr(all='raise')": lambda: inserted(
        "import numpy\nnumpy.seterr(all='raise')",
        handed_in(
            scale=before_all("").replace("np.multiply", "np.exp(-1e9) + np.multiply"),
        ),
    ),
    "warnings as errors": lambda: inserted(
        "import warnings\nwarnings.filterwarnings('error')",
        handed_in(scale=f"{SCALE_MARK}def scale(images):\n    np.float64(1) / 0\n"
                        "    return images / 255"),
    ),
    "print replaced": lambda: inserted("import builtins\nprint = builtins.print = None"),
    "pip over several lines": lambda: handed_in(
        scale=f"!pip install -q numpy \\\n    pandas \\\n    scipy\n{RIGHT['01-scale']}",
        count=f"# EXERCISE 01-count\nif True:\n    !{{sys.executable}} -m pip install x \\\n  y\n"
              f"{RIGHT['01-count']}",
    ),
    "apt-get and conda": lambda: inserted(
        "!sudo apt-get install \\\n  graphviz\n%conda install x\n!python3 -m pip install y\nok = 1"
    ),
    "google.colab by other names": lambda: handed_in(scale=before_all(ON_COLAB)),
    "google.colab tried": lambda: handed_in(scale=before_all(COLAB_TRIED)),
    "google.colab below a magic": lambda: inserted(
        "%%time\nfrom google.colab import drive\ndrive.mount('x')\nmounted = 1",
        handed_in(scale=before_all("mounted")),
    ),
    "an import added to the set-up": lambda: inserted(
        "pass",
        replaced("# SETUP", f"{SETUP}\n%matplotlib inline\nfrom collections import Counter\n"
                            "limit, images = 255, None\ndef unused(): pass"),
    ),
    "a helper and its exercise in two cells": lambda: replaced(
        "# EXERCISE 01-scale",
        f"{SCALE_MARK}def share(value):\n    return value / 255",
        "def scale(images):\n    return share(images)",
    ),
    "the exercise below its stub's copy": lambda: replaced(
        "# EXERCISE 01-scale",
        f"{SCALE_MARK}def scale(images):\n    pass  # see below",
        new_markdown_cell("Here it is."),
        "def scale(images):\n    return images / 255",
    ),
    "an exercise that ends the kernel later": lambda: handed_in(
        scale=before_all("import os, threading\nthreading.Timer(0.3, os._exit, [1]).start()")
    ),
    "a cell that ends the kernel later": lambda: inserted(
        "import os, threading\nthreading.Timer(0.1, os._exit, [1]).start()", at=1
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HARMLESS)
def test_what_costs_nothing(name: str, assignment: Assignment, tmp_path: Path) -> None:
    results = grade(HARMLESS[name](), assignment, tmp_path)
    assert points(results) == 5, results


def test_additions_to_the_set_up_are_there_for_answers(
    assignment: Assignment, tmp_path: Path
) -> None:
    notebook = replaced("# SETUP", f"{SETUP}\nfrom collections import Counter\nlevels = 255")
    for cell in notebook.cells:
        if cell.source.startswith("# EXERCISE 01-scale"):
            cell.source = f"{SCALE_MARK}def scale(images):\n    return images / levels"
        if cell.source.startswith("# EXERCISE 01-count"):
            cell.source = (
                "# EXERCISE 01-count\ndef count(labels):\n    seen = Counter(labels.tolist())\n"
                "    return [seen[digit] for digit in range(10)]"
            )
    assert points(grade(notebook, assignment, tmp_path)) == 5


def scale(body: str, before: str = "") -> Callable[[], Any]:
    return lambda: handed_in(scale=f"{SCALE_MARK}{before}\ndef scale(images):\n    {body}")


# Each costs the first exercise, and that one only: (notebook, status, words of its note).
COSTS_ITS_OWN: dict[str, tuple[Callable[[], Any], str, str]] = {
    "exit() where it is checked": (scale("exit()"), "error", "SystemExit"),
    "sys.exit() where it is checked": (scale("import sys; sys.exit()"), "error", "SystemExit"),
    "KeyboardInterrupt": (scale("raise KeyboardInterrupt"), "error", "KeyboardInterrupt"),
    "StopIteration": (scale("raise StopIteration"), "error", "StopIteration"),
    "a module that is not here": (
        scale("return images / 255", "import cv2"), "error", "no module cv2",
    ),
    "a module that a function needs": (
        scale("import torch.nn; return images / 255"), "error", "no module torch",
    ),
    "keys that cannot travel": (scale("return {int: 1, str: 2}"), "failed", "dict"),
    "keys of an enum": (
        scale("return {K.a: 1}", "import enum\nclass K(enum.Enum): a = 1"), "failed", "dict",
    ),
    "a key of bytes": (scale("return {b'a': 1}"), "failed", ""),
    "a list within itself": (
        scale("return endless", "endless = []\nendless.append(endless)"), "failed", "",
    ),
    "a number of 10,000 digits": (scale("return 10 ** 10_000"), "failed", ""),
    "an exception without text": (
        scale("raise Silent", "class Silent(Exception):\n    __str__ = None"), "error", "Exception",
    ),
    "no memory": (scale("raise MemoryError"), "error", "MemoryError"),
    "an array of no bytes": (scale("return np.empty(10**6, 'V0')"), "error", "TypeError"),
    "as many fields": (
        scale("return np.zeros(2, [(f'field-{i:050}', 'f4') for i in range(1000)])"),
        "error", "TypeError",
    ),
    "a text cell": (
        lambda: replaced("# EXERCISE 01-scale", new_markdown_cell(RIGHT["01-scale"])),
        "missing", "text cell, which does not run",
    ),
    "in the cell of the check": (
        lambda: inserted(
            "# CHECK 01-scale (2 points)\ndef scale(images):\n    return images / 255",
            replaced("# EXERCISE 01-scale"), at=3,
        ),
        "missing", "An answer stands in the cell CHECK 01-scale",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", COSTS_ITS_OWN)
def test_what_costs_its_own_exercise(name: str, assignment: Assignment, tmp_path: Path) -> None:
    make, status, words = COSTS_ITS_OWN[name]
    results = grade(make(), assignment, tmp_path)
    first = results["01-scale"]
    assert (points(results), first.status) == (3, status), results
    assert words in first.note


def test_iteration_that_learners_end_does_not_pass_a_check(
    assignment: Assignment, tmp_path: Path
) -> None:
    lazy = replace(
        assignment.exercises[0], check="assert all(map(scale, [images])), 'not all'\n"
        "assert all(scale(one) for one in [images]), 'not all'",
    )  # fmt: skip
    notebook = scale("raise StopIteration")()
    results = grade(notebook, replace(assignment, exercises=(lazy,)), tmp_path)
    assert results["01-scale"] == Result(0, "error", "Your code stopped with StopIteration.")


TWO_NAMES = "# EXERCISE 01-two\n### BEGIN SOLUTION\n### STUB: low = None\n### STUB: high = []\n" \
    "low, high = 1, [2]\n### END SOLUTION"  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("low = None\nhigh = []", "not attempted"),
        ("low = None\nhigh = []\n# I have no idea.", "not attempted"),
        ("low = 1\nhigh = []", "failed"),
        ("low = None\nhigh = [2]", "failed"),
        ("low = 1\nhigh = [2]", "passed"),
        ("high = [2]", "missing"),
    ],
)
def test_not_attempted_is_what_is_unchanged_in_all_names(
    answer: str, status: str, tmp_path: Path
) -> None:
    task = source()
    check = "# CHECK 01-two (1 point)\nassert low == 1, 'low'\nassert high == [2], 'high'"
    task.cells += [new_code_cell(TWO_NAMES), new_code_cell(check)]
    assignment = read_assignment(save(tmp_path / "01_source.ipynb", task))
    only = replace(assignment, exercises=assignment.exercises[-1:])
    notebook = handed_in()
    notebook.cells.append(new_code_cell(f"# EXERCISE 01-two\n{answer}"))
    assert grade(notebook, only, tmp_path)["01-two"].status == status


@pytest.mark.parametrize(
    ("setup", "seconds", "words"),
    [  # what ends by itself may end late on a busy computer
        ("raise OSError('no digits')", 120, "OSError: no digits"),
        ("import os\nos._exit(1)", 120, "ended the kernel"),
        ("while True: pass", 1, "longer than the time limit"),
    ],
)
def test_a_set_up_that_does_not_run_is_no_mark(
    setup: str, seconds: int, words: str, assignment: Assignment, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(grader, "SETUP_SECONDS", seconds)
    monkeypatch.setitem(globals(), "LIMITS", replace(LIMITS, timeout=1))
    with pytest.raises(GraderFault, match=f"The SETUP cells .*{words}.*: (mend|raise)"):
        grade(handed_in(), replace(assignment, setup=(setup,)), tmp_path)


def test_no_kernel_is_no_mark(
    assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_kernel(*_: object) -> None:
        raise OSError("no room on the disk")

    monkeypatch.setattr(grader, "Kernel", no_kernel)
    with pytest.raises(GraderFault, match=r"No kernel started .*no room on the disk"):
        grade(handed_in(), assignment, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "total = " + "+".join(["1"] * 5000),
        "total = " + "(" * 150 + "1" + ")" * 150,
        "colab = " + "-" * 3000 + "1",
        "%%time\n" * 5000 + "colab = 1",
        "from google.colab import drive\n" + "if 1:\n" + "    x = 1 +\n",
        "# colab\nx = 'ä' # \ud7ff\n!pip \\",
        "# colab " + "!" * 10**5,
    ],
)
def test_cells_that_are_hard_to_read_stop_nothing(text: str, assignment: Assignment) -> None:
    begin, cells = f"# SETUP\n{text}", [c.source for c in handed_in().cells]
    plan = submission.locate([submission.Cell(t) for t in (text, begin, *cells)], assignment)
    found = [exercise.id for step in plan.steps for exercise in step.exercises]
    assert found == [exercise.id for exercise in assignment.exercises]


def test_cells_without_a_source(tmp_path: Path) -> None:
    cells = '{"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "input": ["1", "2"]}]}'
    path = tmp_path / "ada.ipynb"
    path.write_text(cells)
    assert submission.read_cells(path) == [
        submission.Cell("", is_code=False), submission.Cell("12"),
    ]  # fmt: skip
