"""A learner copy gives nothing away and tells what is wanted; each lint can complain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import good_assignment
import pytest
from good_lesson import cell, edited
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from mnist_lab.course.assignments.source import learner_copy
from mnist_lab.course.execution.catalogue import Lesson, Minutes
from mnist_lab.course.lint import assignments as lint
from mnist_lab.course.lint.assignments import assignment_problems

Break = Callable[[NotebookNode], NotebookNode]


def faults(folder: Path, notebook: NotebookNode) -> list[str]:
    good_assignment.save(notebook, folder / "01_good.ipynb")
    return assignment_problems(folder / "01_good.ipynb")


def change(old: str, new: str) -> Break:
    return lambda notebook: edited(notebook, old, new)


def run_as(number: int | None) -> Break:
    """Let the check of the first exercise be run as another number, or never."""

    def breaks(notebook: NotebookNode) -> NotebookNode:
        cell(notebook, "normalise-check").execution_count = number
        return notebook

    return breaks


LEAKING: dict[str, tuple[Break, str]] = {
    "solution_in_a_hint": (
        change("How large can a pixel be?", '`images.astype("float32")  / 255.0` does it.'),
        'cell 5: cell 4 shows `images.astype("float32") / 255.0` of its SOLUTION',
    ),
    "solution_in_a_later_cell": (
        change("limit = 100\n", 'limit = 100\nimages.astype("float32") / 255.0\n'),
        'cell 5: cell 8 shows `images.astype("float32") / 255.0` of its SOLUTION',
    ),
    "solution_in_its_check": (
        change("assert bright", "bright = int((images > limit).sum())\nassert bright"),
        "cell 8: cell 9 shows `bright = int((images > limit).sum())` of its SOLUTION",
    ),
    "hidden_test_in_a_text": (
        change("brings pixels to", "has `fifth = normalise(np.full((1, 1, 1), 51, np.uint8))`, to"),
        "cell 6: cell 4 shows `fifth = normalise(np.full((1, 1, 1), 51, np.uint8))` of its HIDDEN",
    ),
    "hidden_test_in_a_later_cell": (
        change("limit = 100", "limit = 100\nfifth = normalise(np.full((1, 1, 1), 51, np.uint8))"),
        "cell 6: cell 8 shows `fifth = normalise(np.full((1, 1, 1), 51, np.uint8))` of its HIDDEN",
    ),
    "stub_is_the_solution": (
        lambda notebook: edited(
            edited(notebook, "bright = None", "bright = int((images > limit).sum())"),
            "brightest = []",
            "brightest = images[images > limit].tolist()",
        ),
        "cell 8: all of its SOLUTION is shown before",
    ),
    "short_solution_in_a_text": (
        lambda notebook: edited(
            edited(notebook, 'return images.astype("float32") / 255.0', "return images / 255"),
            "How large can a pixel be?",
            "Think of `images / 255`.",
        ),
        "cell 5: cell 4 shows `images / 255` of its SOLUTION",
    ),
}
UNEXPLAINED: dict[str, tuple[Break, str]] = {
    "points_of_heading_and_check_differ": (
        change("(2 points, 5 minutes)", "(3 points, 5 minutes)"),
        "01-normalise has no heading `## 1. Title (2 points, M minutes)`",
    ),
    "no_minutes": (change("(2 points, 5 minutes)", "(2 points)"), "01-normalise has no heading"),
    "numbered_wrongly": (change("## 2.", "## 3."), "01-count has no heading `## 2. Title"),
    "no_goal": (change("**Goal.** Count", "Count"), "01-count has no `**Goal.**`"),
    "no_expected_result": (change("**Expected result.**", ""), "has no `**Expected result.**`"),
    "one_hint": (
        change("<details><summary>Hint 2: a list</summary>Arrays can be lists, too.</details>", ""),
        "01-count has 1 folded hints: write two or more",
    ),
    "hint_unfolded": (change("**Goal.** Count", "**Goal.** Hint: compare. Count"), "not folded"),
    "details_left_open": (change("be?</details>", "be?"), "01-normalise has 1 folded hints"),
    "totals_differ": (
        change("5 points, about 15", "6 points, about 15"),
        "its introduction does not say `5 points, about 15 minutes`",
    ),
    "a_long_sentence": (
        change("There are 27 of them.", f"There are{' so' * 30} many."),
        "cell 7: it has a sentence of 33 words",
    ),
    "a_cell_left_out": (run_as(None), "never run: cell 6; execute the assignment"),
    "a_cell_run_again": (run_as(9), "cell 6 was run as number 9, not 4"),
    "no_way_back": (change("notebooks/01_good", "notebooks/02_good"), "it does not link back"),
}


@pytest.mark.parametrize("name", [*LEAKING, *UNEXPLAINED])
def test_lint_notices(name: str, tmp_path: Path) -> None:
    breaks, words = {**LEAKING, **UNEXPLAINED}[name]
    found = faults(tmp_path, breaks(good_assignment.build()))
    assert found and words in found[0], found


LIST = "## Exercises\n\n1. **Small numbers.** Scale.\n2. **Bright pixels.** Count them."


def listed(folder: Path, text: str, minutes: int = 15) -> list[str]:
    """What is wrong with the list of a lesson whose exercise notebook is the good assignment."""
    path = folder / "01_good.ipynb"
    good_assignment.save(good_assignment.build(), path)
    notebook = new_notebook(cells=[new_markdown_cell(text), new_markdown_cell("## Self-quiz")])
    lesson = Lesson("01_good", "Good", "to list", Minutes(20, minutes, 1))
    return list(lint.other_exercises(notebook, lesson, path))


def test_list_of_the_exercise_notebook_is_right(tmp_path: Path) -> None:
    assert listed(tmp_path, LIST) == []


@pytest.mark.parametrize(
    "text",
    [
        LIST.replace("Small", "Little"),
        LIST.replace("2. **Bright pixels.** Count them.", ""),
        LIST + "\n3. **Another one.** Try it.",
        "## Exercises\n\n1. **Bright pixels.** Count them.\n2. **Small numbers.** Scale.",
        LIST.replace("Exercises", "Tasks"),
    ],
)
def test_another_list_of_exercises_is_noticed(text: str, tmp_path: Path) -> None:
    (fault,) = listed(tmp_path, text)
    assert fault.endswith("write `1. **Small numbers.**`; `2. **Bright pixels.**`")


def test_other_minutes_of_exercises_are_noticed(tmp_path: Path) -> None:
    (fault,) = listed(tmp_path, LIST, minutes=20)
    assert fault == "its exercises take 15 minutes: write `do = 15` in course.toml"


@pytest.mark.parametrize(
    "breaks",
    [
        # A line of faulty code that is shown in order to be mended.
        change("images = np", "faulty = int((images > limit).sum()) if 0 else 0\nimages = np"),
        change(
            "### STUB: brightest = []",
            "### STUB: brightest = []\n### STUB: brightest = images[images > limit].tolist()",
        ),
        change("How large", "Not an import numpy as np. How large"),
    ],
)
def test_what_is_shown_before_is_no_secret(breaks: Break, tmp_path: Path) -> None:
    assert faults(tmp_path, breaks(good_assignment.build())) == []


def test_a_copy_from_which_nothing_was_cut_is_noticed() -> None:
    """The lint does not trust what makes the copies."""
    source = good_assignment.build()
    copy = learner_copy(source)
    cell(copy, "cell-09").source += "\n" + cell(source, "count").source
    assert len(list(lint.leaks(source, copy, ""))) == 2
