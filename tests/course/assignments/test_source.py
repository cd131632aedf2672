"""Assignments are read, linted and turned into learner copies that hold no secret."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import good_assignment
import nbformat
import pytest
from good_lesson import cell, edited
from nbformat import NotebookNode

from mnist_lab.course.assignments.source import Exercise, learner_copy, read_assignment
from mnist_lab.course.execution.records import read_notebook
from mnist_lab.course.lint.assignments import assignment_problems

Break = Callable[[NotebookNode], NotebookNode]


def save(folder: Path, notebook: NotebookNode, name: str = "01_good") -> Path:
    good_assignment.save(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(tmp_path, good_assignment.build())


def test_whole_assignment_is_read(path: Path) -> None:
    found = read_assignment(path)
    assert (found.name, found.setup) == ("01_good", (good_assignment.SETUP,))
    normalise, count = found.exercises
    assert normalise == Exercise(
        "01-normalise",
        good_assignment.NORMALISE,
        good_assignment.NORMALISE_CHECK,
        2.0,
        ("normalise",),
    )
    assert (count.id, count.points) == ("01-count", 3.0)
    assert count.names == ("bright", "brightest", "limit")


def test_whole_assignment_has_no_fault(path: Path) -> None:
    assert assignment_problems(path) == []


def change(old: str, new: str) -> Break:
    return lambda notebook: edited(notebook, old, new)


def drop(name: str) -> Break:
    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        copy.cells.remove(cell(copy, name))
        return copy

    return broken


def swap(first: str, second: str) -> Break:
    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        a, b = (copy.cells.index(cell(copy, name)) for name in (first, second))
        copy.cells[a], copy.cells[b] = copy.cells[b], copy.cells[a]
        return copy

    return broken


# How the assignment is broken, and words of the first sentence about it.
MISPLACED: dict[str, tuple[Break, str]] = {
    **{
        f"misspelt_{new.strip()}": (change(old, new), "looks like a mark but is none")
        for old, new in [
            ("# SETUP", "# SETUP cell"),
            ("# SETUP", "#SETUP"),
            ("# SETUP", "# Setup: 2 points"),
            ("# EXERCISE 01-normalise", "#EXERCISE 01-normalise"),
            ("# EXERCISE 01-normalise", "# Exercise 01-normalise"),
            ("# EXERCISE 01-normalise", "# EXERCIZE 01-normalise"),
            ("# EXERCISE 01-normalise", "# EXERCISE normalise"),
            ("# EXERCISE 01-normalise", "# EXERCISE 01-Normalise"),
            ("# EXERCISE 01-normalise", "import sys\n# EXERCISE 01-normalise"),
            ("# EXERCISE 01-normalise", "\n# EXERCISE 01-normalise"),
            ("# CHECK 01-normalise (2 points)", "# CHECK 01-normalise"),
            ("# CHECK 01-normalise (2 points)", "# CHECK 01-normalise 2 points"),
            ("# CHECK 01-normalise (2 points)", "# CHEKC 01-normalise (2 points)"),
            ("# CHECK 01-normalise (2 points)", "# check 01-normalise (2 points)"),
            ("# CHECK 01-normalise (2 points)", "# Checks: 2 points"),
            ("### BEGIN SOLUTION", "### BEGIN SOLUTIONS"),
            ("### BEGIN SOLUTION", "### BEGIN  SOLUTION"),
            ("### BEGIN SOLUTION", "###BEGIN SOLUTION"),
            ("### BEGIN SOLUTION", "## begin solution"),
            ("### BEGIN SOLUTION", "# Begin_Solution"),
            ("### BEGIN SOLUTION", "### BEGIN S\u041eLUTION"),  # a Cyrillic letter
            ("    ### BEGIN SOLUTION", "\t### BEGIN SOLUTION"),
            ("### END SOLUTION", "### END SOLUTON"),
            ("### END SOLUTION", "pass  ### END SOLUTION"),
            ("### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST"),
            ("### BEGIN HIDDEN TESTS", "# HIDDEN TESTS"),
            ("### END HIDDEN TESTS", "### end hidden tests"),
            ("### STUB: bright", "### STUB bright"),
            ("### STUB: bright", "# STUB: bright"),
        ]
    },
    "mark_in_markdown": (change("**Goal.**", "### BEGIN SOLUTION\n"), "looks like a mark"),
    "solution_without_end": (change("    ### END SOLUTION", ""), "add `### END SOLUTION`"),
    "solution_without_begin": (change("    ### BEGIN SOLUTION\n", ""), "with nothing to end"),
    "hidden_without_end": (change("### END HIDDEN TESTS", ""), "add `### END HIDDEN TESTS`"),
    "hidden_without_begin": (change("### BEGIN HIDDEN TESTS\n", ""), "with nothing to end"),
    "begun_twice": (
        change("    ### BEGIN SOLUTION", "    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION"),
        "inside SOLUTION",
    ),
    "ended_as_another": (change("### END SOLUTION", "### END HIDDEN TESTS"), "inside SOLUTION"),
    "stub_outside": (change("limit = 100", "### STUB: limit = 1"), "outside a solution"),
    "solution_in_setup": (
        change("images = np", "### BEGIN SOLUTION\n### END SOLUTION\nimages = np"),
        "cell 3 has SOLUTION but is no EXERCISE cell",
    ),
    "solution_in_check": (
        change("note = ", "### BEGIN SOLUTION\n### END SOLUTION\nnote = "),
        "cell 6 has SOLUTION but is no EXERCISE cell",
    ),
    "solution_in_unmarked_cell": (
        change("# EXERCISE 01-normalise\n", ""),
        "cell 5 has SOLUTION but is no EXERCISE cell",
    ),
    "hidden_in_exercise": (
        change("limit = 100", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"),
        "cell 8 has HIDDEN TESTS but is no CHECK cell",
    ),
    "same_id_twice": (change("EXERCISE 01-count", "EXERCISE 01-normalise"), "of cell 5: rename"),
    "checked_twice": (change("CHECK 01-count", "CHECK 01-normalise"), "of cell 6: rename"),
    "check_before_exercise": (swap("count", "count-check"), "cell 8 checks 01-count, but no"),
    "check_of_nothing": (drop("count"), "cell 8 checks 01-count, but no exercise of this name"),
    "exercise_without_check": (drop("count-check"), "cell 8 has no check"),
    "exercise_without_solution": (
        lambda notebook: edited(
            edited(notebook, "    ### BEGIN SOLUTION\n", ""), "    ### END SOLUTION", ""
        ),
        "cell 5 has no solution",
    ),
    "not_python": (change("limit = 100", "limit ="), "cell 8 is not Python"),
    "magic_in_a_marked_cell": (change("limit = 100", "%time"), "cell 8 is not Python"),
    "stub_is_not_python": (
        change('    """Return float32 images in [0, 1]."""\n    ### B', "### B"),
        "cell 5 without its solution is not Python",
    ),
    "visible_part_is_not_python": (
        change("note = ", "if True:\n### BEGIN HIDDEN TESTS\n    1\n### END HIDDEN TESTS\nnote = "),
        "cell 6 without its hidden tests is not Python",
    ),
    "no_exercise": (
        lambda notebook: nbformat.v4.new_notebook(cells=notebook.cells[:4]),
        "it has no exercise",
    ),
}
WEAK: dict[str, tuple[Break, str]] = {
    "foreign_id": (
        lambda notebook: edited(
            edited(notebook, "EXERCISE 01-count", "EXERCISE 02-count"),
            "CHECK 01-count",
            "CHECK 02-count",
        ),
        "cell 8 has the id 02-count: let it begin with 01-",
    ),
    "stub_that_stops_the_notebook": (
        lambda notebook: edited(
            edited(notebook, "### STUB: bright = None\n", ""), "### STUB: brightest = []\n", ""
        ),
        "cell 8 has a solution at top level",
    ),
    "no_points": (change("(2 points)\nscaled", "(0 points)\nscaled"), "cell 6 gives no points"),
    "nothing_hidden": (
        change('assert abs(float(fifth[0, 0, 0]) - 0.2) < 1e-6, "51 of 255 is a fifth"', "pass"),
        "cell 6 has no hidden assert",
    ),
    "nothing_visible": (
        change("assert scaled.max() <= 1.0, ", "print"),
        "cell 6 has no visible assert",
    ),
    "cannot_fail": (
        change("assert bright == 27, ", "assert (bright == 27, "),
        "cell 9 is not Python",
    ),
    "cannot_fail_either": (
        change('[105, 110], "100 itself is not above 100"', '[105, 110]\nassert (1, "never")'),
        "cell 9 asserts `(1, 'never')`, which cannot fail",
    ),
    "keras_in_a_check": (change("note = ", "from keras.src import ops\nnote = "), "imports keras"),
    "map_in_a_check": (
        change("assert bright == 27, ", "assert all(map(bright.__eq__, [27])), "),
        "cell 9 uses map, which an answer that raises StopIteration ends without a word",
    ),
    "defines_nothing": (
        lambda notebook: edited(
            edited(notebook, "def normalise(images):", "import os\nif True:"),
            "    return images",
            "    images",
        ),
        "01-normalise defines no name that could be checked",
    ),
    "no_message": (
        change('assert bright == 27, f"you count {bright}, not 27: ta', 'assert bright == 27  # "'),
        "cell 9 asserts `bright == 27` without a message",
    ),
}


@pytest.mark.parametrize("name", [*MISPLACED, *WEAK])
def test_lint_notices(name: str, tmp_path: Path) -> None:
    breaks, words = {**MISPLACED, **WEAK}[name]
    path = save(tmp_path, breaks(good_assignment.build()))
    found = assignment_problems(path)
    assert found and words in found[0], found
    assert found[0].startswith("01_good.ipynb: ") and found[0].endswith(".")


@pytest.mark.parametrize("name", MISPLACED)
def test_faulty_marks_are_not_read(name: str, tmp_path: Path) -> None:
    breaks, words = MISPLACED[name]
    with pytest.raises(ValueError, match=r"^01_good\.ipynb: ") as caught:
        read_assignment(save(tmp_path, breaks(good_assignment.build())))
    assert words in str(caught.value)


def test_a_file_that_is_no_notebook_is_said(tmp_path: Path) -> None:
    path = tmp_path / "01_good.ipynb"
    path.write_text("{")
    assert assignment_problems(path) == [
        f"{path} is not a notebook: restore it from the repository."
    ]


@pytest.mark.parametrize(
    "line",
    [
        "# Set-up: run this first.",
        "# Check the shapes first",
        "# exercise your eyes",
        "# MNIST has 60,000 images",
        "## Solutions are elsewhere",
        "# begin with the first digit",
        'print("### no comment")',
    ],
)
def test_ordinary_lines_are_no_marks(line: str, tmp_path: Path) -> None:
    notebook = edited(good_assignment.build(), "limit = 100", f"limit = 100\n{line}")
    assert assignment_problems(save(tmp_path, notebook)) == []


def test_copy_is_what_learners_need() -> None:
    copy = learner_copy(good_assignment.build())
    nbformat.validate(copy)
    assert [c.id for c in copy.cells] == [f"cell-{n:02}" for n in range(1, 10)]
    assert copy.cells[4].source == (
        "# EXERCISE 01-normalise\n"
        "def normalise(images):\n"
        '    """Return float32 images in [0, 1]."""\n'
        "    # YOUR CODE HERE\n"
        '    raise NotImplementedError("01-normalise")'
    )
    assert copy.cells[7].source == (
        "# EXERCISE 01-count\nlimit = 100\nbright = None\nbrightest = []"
    )
    assert copy.cells[5].source == (
        "# CHECK 01-normalise (2 points)\n"
        "try:\n"
        '    if all(globals().get(name) is None for name in ["normalise"]):\n'
        "        raise NotImplementedError\n"
        "    scaled = normalise(images)\n"
        '    note = f"""{1 +\n1} lines"""\n'
        "    assert scaled.max() <= 1.0, (\n"
        '        f"the largest is {scaled.max()}: divide by 255"\n'
        "    )\n"
        "except NotImplementedError:\n"
        '    print("01-normalise: not attempted. Write your answer above and run its cell.")\n'
        "except AssertionError as error:\n"
        '    print(f"01-normalise: not yet. {error}")\n'
        "except Exception as error:\n"
        '    print(f"01-normalise: not yet. {type(error).__name__}: {error}")\n'
        "else:\n"
        '    print("01-normalise: correct")'
    )


def test_copy_keeps_no_secret_and_the_source_stays() -> None:
    notebook = good_assignment.build()
    text = nbformat.writes(learner_copy(notebook))
    for secret in ("astype", "images > limit", "tolist", "0.2", "fifth", "105", "secret", "mine"):
        assert secret not in text
    assert notebook == good_assignment.build()


def test_copy_does_not_depend_on_metadata(tmp_path: Path) -> None:
    """What another editor drops or adds changes nothing: marks are text."""
    notebook = good_assignment.build()
    bare = deepcopy(notebook)
    for one in bare.cells:
        del one["id"]
        one.metadata.clear()
        if one.cell_type == "code":
            one.outputs, one.execution_count = [], None
    bare.metadata.clear()
    bare.nbformat_minor = 0
    path = save(tmp_path, bare)
    read = read_notebook(path)
    assert learner_copy(read) == learner_copy(notebook)
    assert read_assignment(path).exercises[0].points == 2.0


def say(copy: NotebookNode, **answers: str) -> list[str]:
    """Run a learner copy without its installation, and return what its cells print."""
    namespace: dict[str, object] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for one in copy.cells[2:]:
            if one.cell_type == "code":
                ast.parse(one.source)
                for old, new in answers.items():
                    one.source = one.source.replace(old, new)
                exec(one.source, namespace)
    return said.getvalue().splitlines()


def test_checks_of_the_copy_say_one_line_each() -> None:
    copy = learner_copy(good_assignment.build())
    assert [line.split(".")[0] for line in say(deepcopy(copy))] == [
        "01-normalise: not attempted",
        "01-count: not attempted",
    ]
    raises, bright = 'raise NotImplementedError("01-normalise")', "bright = None"
    right = {raises: "return images / 255", bright: "bright = 27"}
    right["brightest = []"] = "brightest = 27 * [0]"
    assert say(deepcopy(copy), **right) == ["01-normalise: correct", "01-count: correct"]
    wrong = {raises: "return images", bright: "bright = 3"}
    assert say(deepcopy(copy), **wrong) == [
        "01-normalise: not yet. the largest is 235: divide by 255",
        "01-count: not yet. you count 3, not 27: take those above 100",
    ]
    broken = {raises: "return imges", bright: ""}
    assert say(deepcopy(copy), **broken) == [
        "01-normalise: not yet. NameError: name 'imges' is not defined",
        "01-count: not attempted. Write your answer above and run its cell.",
    ]


def test_not_attempted_means_that_nothing_is_there() -> None:
    """One of two names is an attempt, as in the grader; a value that was given is none."""
    source = edited(good_assignment.build(), "STUB: brightest = []", "STUB: brightest = None")
    copy = learner_copy(source)
    (check,) = [one.source for one in copy.cells if one.source.startswith("# CHECK 01-count")]
    assert 'for name in ["bright", "brightest"])' in check
    assert say(deepcopy(copy))[1].startswith("01-count: not attempted.")
    for half in ({"bright = None": "bright = 3"}, {"brightest = None": "brightest = []"}):
        assert say(deepcopy(copy), **half)[1].startswith("01-count: not yet.")


def test_names_are_those_that_learners_are_to_fill(path: Path) -> None:
    """What a solution binds on its way is its own affair: no answer need have it."""
    notebook = edited(good_assignment.build(), "bright = int((", "step = 1\nbright = int((")
    names = read_assignment(save(path.parent, notebook)).exercises[1].names
    assert names == ("bright", "brightest", "limit")


def test_check_of_a_cell_that_was_not_run_says_so() -> None:
    copy = learner_copy(good_assignment.build())
    copy.cells = [one for one in copy.cells if "# EXERCISE" not in one.source]
    assert all("not attempted. Write your answer above" in line for line in say(copy))
