"""Every gate can close: a lesson that passes all of them is broken in one place at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import good_lesson
import pytest
from good_lesson import cell, edited
from nbformat import NotebookNode
from nbformat.v4 import new_output
from small_course import write_course

from mnist_lab import plots
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.execution.records import source_digest
from mnist_lab.course.lint import lesson_problems, structure
from mnist_lab.course.publishing import badges

ROOT = Path(__file__).resolve().parents[3]
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
Break = Callable[[NotebookNode], NotebookNode]


@pytest.fixture(scope="module")
def good() -> NotebookNode:
    return good_lesson.execute(good_lesson.build())


def change(old: str, new: str) -> Break:
    return lambda notebook: edited(notebook, old, new)


def set_up_digits(**arrays: str) -> Break:
    """Let the lesson load other digits than it should."""
    changed = ", ".join(f"{name}={value}" for name, value in arrays.items())
    load = "digits = data.load_mnist()"
    return change(
        load, f"{load}\nimport dataclasses\ndigits = dataclasses.replace(digits, {changed})"
    )


def touch(name: str, action: Callable[[NotebookNode], object]) -> Break:
    """Do something to the cell with an id."""

    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        action(cell(copy, name))
        return copy

    return broken


def move(name: str, before: str) -> Break:
    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        moved = cell(copy, name)
        copy.cells.remove(moved)
        copy.cells.insert(copy.cells.index(cell(copy, before)), moved)
        return copy

    return broken


# What strict nbval must notice: how the lesson is broken, and the first cell that turns red.
PIXEL = (
    "(lambda x: (x.__setitem__((700, 14, 14), x[700, 14, 14] ^ 1), x)[1])(digits.x_train.copy())"
)
SWAPPED = {
    "x_train": "digits.x_test",
    "y_train": "digits.y_test",
    "x_test": "digits.x_train",
    "y_test": "digits.y_train",
}
BROKEN_DATA: dict[str, tuple[Break, str]] = {
    "swapped_train_and_test": (set_up_digits(**SWAPPED), "shapes"),
    "one_pixel_changed": (set_up_digits(x_train=PIXEL), "pixels"),
    "figure_of_the_wrong_digits": (change("digits.x_train[:10]", "digits.x_test[:10]"), "grid"),
    "stale_output": (change('print("first labels:   ", digits.y_train[:10])\n', ""), "shapes"),
    "missing_output": (touch("pixels", lambda cell: cell.outputs.clear()), "pixels"),
    "name_before_its_import": (move("shapes", before="imports"), "shapes"),
    "dead_kernel": (change("ink = ", "import os; os._exit(1)\nink = "), "pixels"),
}
BROKEN_TRAINING: dict[str, tuple[Break, str]] = {
    "scaled_by_25_5": (change("/ 255", "/ 25.5"), "scale"),
    "layer_of_51": (change("Dense(50", "Dense(51"), "structure"),
    "zero_epochs": (change("EPOCHS = 10", "EPOCHS = 0"), "check"),
    "sgd_for_adam": (change('"adam"', '"sgd"'), "check"),
    "cells_out_of_order": (move("check", before="train"), "check"),
}


def until(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the notebook without what comes after a cell."""
    copy = deepcopy(notebook)
    copy.cells = copy.cells[: copy.cells.index(cell(copy, name)) + 1]
    return copy


def run_nbval(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests/fixtures")])
    return subprocess.run(
        [*PYTEST, "-p", "conftest", "--nbval", *arguments, str(folder)],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": paths, "MNIST_LAB_DATA": "sample"},
        capture_output=True,
        text=True,
        timeout=900,
    )


def red_cells(report: Path, folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return ``{notebook: [(id of failed cell, what failed), ...]}`` from pytest's XML report."""
    red: dict[str, list[tuple[str, str]]] = {path.stem: [] for path in folder.glob("*.ipynb")}
    for case in ElementTree.parse(report).iter("testcase"):
        faults = [*case.iter("failure"), *case.iter("error")]
        if not faults:
            continue
        name = case.attrib["classname"].removesuffix(".ipynb").rpartition(".")[2]
        code = [
            c for c in good_lesson.read(folder / f"{name}.ipynb").cells if c.cell_type == "code"
        ]
        number = int(case.attrib["name"].removeprefix("Cell "))
        red[name].append((code[number].id, ElementTree.tostring(faults[0], "unicode")))
    return red


@pytest.fixture(scope="module")
def red(
    good: NotebookNode, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[str, str]]]:
    """Run the whole lesson and every broken one under strict nbval, all in one call of pytest."""
    folder = tmp_path_factory.mktemp("broken")
    without_network = good_lesson.without_network(good)
    good_lesson.save(good_lesson.on_sample(good), folder / "whole.ipynb")
    for start, broken in ((without_network, BROKEN_DATA), (good, BROKEN_TRAINING)):
        for name, (breaks, last) in broken.items():
            on_sample = good_lesson.on_sample(breaks(start))
            # What follows the red cell would only take time.
            good_lesson.save(until(on_sample, last), folder / f"{name}.ipynb")
    report = folder.parent / "report.xml"
    done = run_nbval(folder, "-p", "compare_on_sample", "-n", "2", f"--junitxml={report}")
    assert report.is_file(), done.stdout + done.stderr
    return red_cells(report, folder)


@pytest.mark.slow
def test_whole_lesson_is_green(red: dict[str, list[tuple[str, str]]]) -> None:
    assert red["whole"] == []


@pytest.mark.parametrize("name", [*BROKEN_DATA, *BROKEN_TRAINING])
def test_nbval_notices(name: str, red: dict[str, list[tuple[str, str]]]) -> None:
    _, expected = {**BROKEN_DATA, **BROKEN_TRAINING}[name]
    assert [cell for cell, _ in red[name]][:1] == [expected]


def test_dead_kernel_is_noticed_and_not_waited_for(red: dict[str, list[tuple[str, str]]]) -> None:
    (_, said), *_ = red["dead_kernel"]
    assert "the kernel died in this cell" in said


# What the lints must notice: how the lesson is broken, and words of the problem that they report.
def append(name: str, text: str) -> Break:
    return touch(name, lambda cell: cell.update(source=f"{cell.source}{text}"))


def add_output(name: str, output: NotebookNode) -> Break:
    return touch(name, lambda cell: cell.outputs.append(output))


def tag(name: str, *tags: str) -> Break:
    return touch(name, lambda cell: cell.metadata.update(tags=list(tags)))


def drop(*names: str) -> Break:
    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        copy.cells = [cell for cell in copy.cells if cell.id not in names]
        return copy

    return broken


def repeat(name: str, times: int) -> Break:
    def broken(notebook: NotebookNode) -> NotebookNode:
        copy = deepcopy(notebook)
        at = copy.cells.index(cell(copy, name))
        extra = [{**deepcopy(cell(copy, name)), "id": f"{name}-{i}"} for i in range(times)]
        copy.cells[at:at] = map(NotebookNode, extra)
        return copy

    return broken


def stderr(text: str) -> NotebookNode:
    return new_output("stream", name="stderr", text=text)


def stdout(text: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=text)


ERROR = new_output("error", ename="ValueError", evalue="no", traceback=[])
DRAWING = new_output("display_data", data={"image/svg+xml": "<svg/>"})
BIG = new_output("display_data", data={"image/png": "A" * 1_000_000})
UNCHECKED = touch("check", lambda cell: cell.update(source="errors = 0"))
VALIDATES_ON_TEST = change("validation_split=0.1", "validation_data=(x_test, digits.y_test)")


def train_in_a_function(lesson: NotebookNode) -> NotebookNode:
    copy = UNCHECKED(lesson)
    cell(copy, "model").source += "\n\n\ndef train():\n    model.fit(x_train, digits.y_train)"
    cell(copy, "train").source = "train()"
    return copy


LINTED: dict[str, tuple[Break, str]] = {
    # anatomy
    "too_few_cells": (drop("look", "before-grid", "idea"), "24 cells"),
    "too_many_cells": (repeat("judge", 30), "57 cells"),
    "too_little_prose_per_code": (repeat("pixels", 4), "0.94 Markdown cells per code cell"),
    "too_much_prose_per_code": (repeat("judge", 2), "1.42 Markdown cells per code cell"),
    "too_few_words": (drop("judge", "errors"), "words of prose"),
    "too_many_words": (repeat("judge", 20), "words of prose"),
    "a_cell_of_too_many_words": (append("judge", " word" * 90), "words, over 180"),
    "a_cell_of_too_much_code": (append("pixels", "\nink" * 24), "27 lines of code"),
    "too_many_long_cells": (
        lambda lesson: append("scale", "\nx_test" * 14)(append("pixels", "\nink" * 14)(lesson)),
        "too many long ones",
    ),
    "only_short_cells": (
        lambda lesson: repeat("parameters", 11)(repeat("judge", 11)(lesson)),
        "lines in the median code cell",
    ),
    "file_too_large": (add_output("imports", BIG), "bytes, over 1,000,000"),
    # first cells and sections
    "no_badge": (change("[![Open in Colab]", "[![Open]"), "Colab badge"),
    "no_number_in_the_title": (change("# 2 · A good", "# A good"), "Colab badge"),
    "two_bullets": (change("- build a dense network,\n", ""), "three bullets"),
    "four_bullets": (change("- say", "- and\n- say"), "three bullets"),
    "no_minutes": (change("2 to run", "and to run"), "Minutes"),
    "other_minutes": (change("20 to do", "25 to do"), "15 to read, 20 to do, 2 to run"),
    "other_title": (change("· A good lesson", "· A fine lesson"), "`# 2 · A good lesson`"),
    "other_set_up": (change("elsewhere it does nothing", "so they say"), "set-up cell"),
    "no_parameters": (tag("parameters"), "tagged `parameters`"),
    "no_style": (change("plots.use_style()\n", ""), "does not call use_style"),
    "no_report": (change("\nreport(digits)", ""), "does not call report"),
    "compared_report": (tag("imports"), "differs between machines"),
    "text_before_the_set_up": (move("look", before="set-up"), "two Markdown and three code"),
    "no_exercises": (change("## Exercises", "## Tasks"), "no section 'Exercises'"),
    "no_summing_up": (change("**You can now**", "You can"), "no section 'You can now'"),
    "no_quiz": (change("## Self-quiz", "Questions"), "no section 'Self-quiz'"),
    "no_going_further": (change("## Going further", "More"), "no section 'Going further'"),
    "no_glossary": (change("## Glossary", "Words"), "no section 'Glossary'"),
    "no_folded_answer": (change("<details>", "<b>"), "`<details>`"),
    # code
    "not_python": (append("pixels", "\nassert x ="), "is not Python"),
    "trailing_semicolon": (append("pixels", "\nplots.use_style();"), "ends a line with `;`"),
    "star_import": (append("pixels", "\nfrom numpy import *"), "imports numpy.*"),
    "course_import": (append("pixels", "\nfrom mnist_lab import course"), "mnist_lab.course"),
    "course_import_by_name": (append("pixels", "\nimport mnist_lab.course.cli"), "course.cli"),
    "keras_where_none_is_needed": (lambda lesson: lesson, "imports keras"),
    "comment_for_nbval": (append("pixels", "\n# NBVAL_IGNORE_OUTPUT"), "by a comment"),
    "tag_to_skip": (tag("pixels", "nbval-skip"), "the tag `nbval-skip`"),
    "tag_to_raise": (tag("pixels", "raises-exception"), "the tag `raises-exception`"),
    "unchecked_training": (UNCHECKED, "trains, and neither"),
    "unchecked_training_in_a_function": (train_in_a_function, "trains, and neither"),
    "validates_on_test": (VALIDATES_ON_TEST, "trains or validates on the test set"),
    "trains_on_test": (
        change("x_train, digits.y_train, epochs", "x_test, digits.y_test, epochs"),
        "test set",
    ),
    # stored outputs
    "other_kernel": (lambda lesson: _kernel(lesson, "conda-env"), "its kernel is not"),
    "no_cell_id": (touch("pixels", lambda cell: cell.pop("id")), "every cell has an id"),
    "cell_id_twice": (touch("pixels", lambda cell: cell.update(id="grid")), "has an id"),
    "invalid_notebook": (touch("pixels", lambda cell: cell.pop("outputs")), "not a valid notebook"),
    "cell_not_run": (
        touch("pixels", lambda cell: cell.update(execution_count=None)),
        "never run: cell 11;",
    ),
    "cells_run_out_of_order": (move("check", before="train"), "was run as number"),
    "stored_stderr": (add_output("pixels", stderr("Warning: x\n")), "stores stderr ('Warning: x')"),
    "stored_error": (add_output("pixels", ERROR), "stores an error (ValueError)"),
    "stored_time": (
        touch("pixels", lambda cell: cell.metadata.update(execution={})),
        "'execution'",
    ),
    "stored_papermill": (lambda lesson: _papermill(lesson), "'papermill'"),
    "machine_path_in_output": (
        add_output("imports", stdout("/home/me/x.csv")),
        "in its output (/home/",
    ),
    "machine_path_in_code": (append("pixels", "\nopen('/tmp/x')"), "in its source (/tmp/"),
    "memory_address": (add_output("pixels", stdout("<X at 0x7f00aa11bb22>")), "memory address"),
    "figure_without_fingerprint": (
        touch("grid", lambda cell: cell.outputs[0].data.pop(plots.FINGERPRINT)),
        "nothing compares",
    ),
    "drawing_without_fingerprint": (add_output("shapes", DRAWING), "nothing compares"),
    "figure_without_alt_text": (change("*Figure.* Ten", "Ten"), "without alt text"),
    "figure_with_short_alt_text": (
        change("in a row, dark on white, each under its label", "."),
        "alt text",
    ),
    "no_headline": (tag("headline"), "0 code cells are tagged `headline`"),
    "two_headlines": (tag("check", "headline"), "2 code cells are tagged `headline`"),
    "headline_of_two_lines": (add_output("headline", stdout("and more")), "one line with a figure"),
    "headline_without_figure": (touch("headline", lambda cell: cell.outputs.clear()), "one line"),
    # prose
    "unprinted_figure": (change("There are 1,497", "There are 1,499"), "says 1,499, which no cell"),
    "unprinted_share": (append("judge", " It reads 98.2 %."), "says 98.2 %, which no cell"),
    "over_what_is_under": (change("over 40,000", "over 42,311"), "says 42,311"),
    # language
    "a_long_sentence": (append("judge", " And" + " so" * 30 + "."), "a sentence of 31 words"),
    "a_term_before_its_explanation": (append("idea", " Epochs come."), "uses 'Epoch', which cell"),
    "a_glossary_without_terms": (change("- **Epoch**", "- Epoch"), "sets no term in bold"),
    "a_term_without_explanation": (change("An **epoch** is", "An epoch is"), "no earlier cell"),
}


def _kernel(lesson: NotebookNode, name: str) -> NotebookNode:
    copy = deepcopy(lesson)
    copy.metadata.kernelspec.name = name
    return copy


def _papermill(lesson: NotebookNode) -> NotebookNode:
    copy = deepcopy(lesson)
    copy.metadata.papermill = {}
    return copy


def test_good_lesson_has_no_problem(good: NotebookNode) -> None:
    assert lesson_problems(good, good_lesson.LESSON) == []


def test_lesson_without_code_is_said(good: NotebookNode) -> None:
    bare = deepcopy(good)
    bare.cells = [cell for cell in bare.cells if cell.cell_type == "markdown"]
    assert any("no code cell" in fault for fault in lesson_problems(bare, good_lesson.LESSON))
    bare.cells = []
    assert any("no code cell" in fault for fault in lesson_problems(bare, good_lesson.LESSON))


def test_bounds_of_one_lesson(good: NotebookNode) -> None:
    lesson = replace(good_lesson.LESSON, bounds={"cells": (30.0, 45.0)})
    assert any("27 cells, not 30 to 45" in fault for fault in lesson_problems(good, lesson))
    lesson = replace(lesson, bounds={"cels": (30.0, 45.0)})
    with pytest.raises(CourseError, match="the bound 'cels': choose from cells, "):
        lesson_problems(good, lesson)


def test_set_up_installs_what_colab_lacks(good: NotebookNode) -> None:
    lesson = replace(good_lesson.LESSON, packages=("lime", "keras-tuner"))
    message = "to the letter, and end its last line with lime, and end its last line with keras-"
    assert any(message in fault for fault in lesson_problems(good, lesson))
    installs = change('.zip"', '.zip" lime keras-tuner')(good)
    assert lesson_problems(installs, lesson) == []
    faults = lesson_problems(installs, good_lesson.LESSON)  # its list names no packages
    assert any("cell 3 is not the set-up cell" in fault for fault in faults)


@pytest.mark.parametrize("name", LINTED)
def test_lints_notice(name: str, good: NotebookNode) -> None:
    breaks, expected = LINTED[name]
    lesson = replace(good_lesson.LESSON, tensorflow=name != "keras_where_none_is_needed")
    assert any(expected in problem for problem in lesson_problems(breaks(good), lesson))


# Gates over the course as a whole.
@pytest.fixture
def course(good: NotebookNode, tmp_path: Path) -> Path:
    """A course of three good lessons."""
    write_course(tmp_path)
    for name in ("02_good", "03_better", "04_best"):
        path = tmp_path / f"notebooks/{name}.ipynb"
        lesson = edited(good, "02_good.ipynb", path.name)
        lesson.metadata.mnist_lab.sources = source_digest(lesson)
        good_lesson.save(lesson, path)
    return tmp_path


def break_lesson(course: Path, breaks: Break, name: str = "03_better") -> None:
    path = course / f"notebooks/{name}.ipynb"
    good_lesson.save(breaks(good_lesson.read(path)), path)


@pytest.mark.parametrize("old", ["blob/v0.1.0", "tags/v0.1.0"])
def test_stale_badge_is_noticed(course: Path, old: str) -> None:
    assert badges.disagreements(read_course(course)) == []
    break_lesson(course, change(old, old.replace("v0.1.0", "v0.0.9")))
    (fault,) = badges.disagreements(read_course(course))
    assert "03_better" in fault
    assert "v0.0.9" in fault


def stamps(course: Path) -> list[str]:
    paths = sorted(course.glob("notebooks/*.ipynb"))
    return structure.stamp_problems({path.stem: good_lesson.read(path) for path in paths})


def test_source_edited_after_its_run_is_noticed(course: Path) -> None:
    assert stamps(course) == []
    break_lesson(course, change("EPOCHS = 10", "EPOCHS = 11"))
    (fault,) = stamps(course)
    assert fault.startswith("03_better: its sources were edited")


def test_lesson_without_stamp_is_noticed(course: Path) -> None:
    def unstamp(lesson: NotebookNode) -> NotebookNode:
        del lesson.metadata["mnist_lab"]
        return lesson

    break_lesson(course, unstamp)
    assert any(fault.startswith("03_better: its sources") for fault in stamps(course))


def test_lesson_from_another_environment_is_noticed(course: Path) -> None:
    def restamp(lesson: NotebookNode) -> NotebookNode:
        lesson.metadata.mnist_lab.data = "other digits"
        return lesson

    break_lesson(course, restamp)
    (fault,) = stamps(course)
    assert fault.startswith('03_better: it was run with {"data": "other digits", "versions"')


def test_lessons_of_an_earlier_version_are_noticed(course: Path) -> None:
    def earlier(lesson: NotebookNode) -> NotebookNode:
        lesson.metadata.mnist_lab.versions["mnist-lab"] = "0.0.1"
        return lesson

    for path in course.glob("notebooks/*.ipynb"):
        break_lesson(course, earlier, path.stem)
    assert stamps(course)
    assert all("it was run with version 0.0.1 of the course" in fault for fault in stamps(course))


def ruff(course: Path) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=F", str(course)]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_name_used_before_its_import_is_noticed(course: Path) -> None:
    assert "All checks passed" in ruff(course)
    break_lesson(course, move("shapes", before="imports"))
    assert "03_better.ipynb" in (found := ruff(course))
    assert "F821 Undefined name `digits`" in found
