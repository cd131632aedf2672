"""Lints of an assignment: of its source, and of the copy that learners get of it.

The source holds solutions and hidden tests; the copy is what ``mnist-lab release`` makes of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from mnist_lab.course.assignments import markers
from mnist_lab.course.assignments.source import learner_copy, misplaced_marks, read_assignment
from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import code_cells, markdown_cells
from mnist_lab.course.execution.records import read_notebook
from mnist_lab.course.lint.language import sentence_faults
from mnist_lab.course.lint.outputs import run_in_order
from mnist_lab.course.lint.registry import ASSIGNMENT_LINTS, assignment_lint

__all__ = ["assignment_problems", "leaks", "other_exercises", "unexplained", "weak_cells"]

SHORT = 16  # characters; a shorter line is nobody's secret
# Nor is an import or an argument alone on its line, such as `epochs=2,`.
_TRIVIAL = re.compile(r"(?:import|from) .*|\w+=[\w.\"']*,?|\W*")

_HEADING = re.compile(r"^## (\d+)\. (.+) \(([\d.]+) points?, (\d+) minutes?\)$", re.MULTILINE)
_LISTED = re.compile(r"^(\d+)\. \*\*(.+?)\*\*", re.MULTILINE)
_TOTALS = re.compile(r"\b([\d.]+) points, about (\d+) minutes\b")
_FOLDED = re.compile(r"<details>\s*<summary>Hint \d.*?</details>", re.DOTALL)


def assignment_problems(path: Path) -> list[str]:
    """Return everything that is wrong with an assignment and its learner copy, a sentence each."""
    try:
        notebook = read_notebook(path)
    except ValueError as error:
        return [str(error)]
    found = list(misplaced_marks(notebook))
    if not found:
        copy = learner_copy(notebook)
        found += [
            f"{exercise.id} defines no name that could be checked: let its cell define one"
            for exercise in read_assignment(path).exercises
            if not exercise.names
        ]
        found += [fault for lint in ASSIGNMENT_LINTS for fault in lint(notebook, copy, path.stem)]
    return [f"{path.name}: {fault}." for fault in found]


@assignment_lint
def weak_cells(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
    """Stubs that stop a notebook, ids of other assignments, checks that cannot fail or help."""
    number_of_file = name.partition("_")[0]
    for number, cell in code_cells(source):
        mark = markers.find_mark(cell.source)
        if mark and mark.id and not mark.id.startswith(f"{number_of_file}-"):
            yield f"cell {number} has the id {mark.id}: let it begin with {number_of_file}-"
        if mark and mark.kind == "EXERCISE":
            for region in markers.regions(cell.source):
                stubs = any("### STUB:" in line for line in region.lines)
                if region.kind and not region.indent and not stubs:
                    yield (
                        f"cell {number} has a solution at top level, without which it would stop "
                        "the notebook: add `### STUB: name = None` to the solution"
                    )
        if mark and mark.kind == "CHECK":
            yield from (f"cell {number} {fault}" for fault in _weak_check(mark, cell.source))


def _weak_check(mark: markers.Mark, source: str) -> Iterator[str]:
    if not mark.points:
        yield "gives no points: give some"
    everything, visible = _asserts(source), _asserts(markers.lines_of(source, ""))
    if not visible:
        yield "has no visible assert: add one"
    if len(everything) == len(visible):
        yield "has no hidden assert: add one between BEGIN and END HIDDEN TESTS"
    for name in sorted(_imported(source) & {"keras", "tensorflow"}):
        yield f"imports {name}: ask the answer for values, a grader keeps such objects away"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in ("map", "filter"):
            yield (
                f"uses {node.id}, which an answer that raises StopIteration ends without a word: "
                "write a list comprehension or a loop"
            )
    for node in everything:
        if isinstance(node.test, ast.Tuple | ast.Constant):
            yield f"asserts `{ast.unparse(node.test)}`, which cannot fail: assert a comparison"
    for node in visible:
        if node.msg is None:
            test = ast.unparse(node.test)
            yield f"asserts `{test}` without a message: say what was found and what to do"


def _asserts(source: str) -> list[ast.Assert]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


def _imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@assignment_lint
def leaks(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
    """No line of a solution or hidden test can be read in the copy.

    What an earlier cell or the stub shows is no secret (faulty code that is to be mended, say), but
    never a whole solution. Short lines, imports and lone arguments do not count unless a solution
    consists of nothing else.
    """
    shown: set[str] = set()
    for number, (cell, visible) in enumerate(zip(source.cells, copy.cells, strict=True), start=1):
        if cell.cell_type != "code":
            continue
        shown |= set(_lines(visible.source))
        for region in markers.regions(cell.source):
            lines = [line for line in _lines("\n".join(region.lines)) if not line.startswith("###")]
            if not (region.kind and lines):
                continue
            telling = [line for line in lines if not _is_trivial(line)] or lines
            secrets = [line for line in telling if line not in shown]
            if not secrets:
                yield f"cell {number}: all of its {region.kind} is shown before: leave it out there"
            for secret in secrets:
                for place in _places(secret, copy, after=number):
                    yield (
                        f"cell {number}: cell {place} shows `{secret}` of its {region.kind}: "
                        "leave it out there"
                    )


def _lines(text: str) -> list[str]:
    lines = (" ".join(line.split()).removeprefix("return ") for line in text.splitlines())
    return [line for line in lines if line]


def _is_trivial(line: str) -> bool:
    return len(line) < SHORT or bool(_TRIVIAL.fullmatch(line))


def _places(secret: str, copy: NotebookNode, *, after: int) -> Iterator[int]:
    for number, cell in enumerate(copy.cells, start=1):
        lines = _lines(cell.source)
        if cell.cell_type == "code":
            if number > after and secret in lines:
                yield number
        elif secret in " ".join(lines):  # also amid a sentence
            yield number


@assignment_lint
def unexplained(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
    """Every exercise says its points, minutes, goal, expected result and hints in steps."""
    texts, introduction = [""], ""
    points, minutes, exercises = 0.0, 0, 0
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            texts.append(cell.source)
            continue
        mark = markers.find_mark(cell.source) if cell.cell_type == "code" else None
        if mark is None or mark.kind != "CHECK":
            continue
        exercises += 1
        text, texts = "\n\n".join(texts), []
        points += mark.points
        heading = _HEADING.search(text)
        if heading is None or (int(heading[1]), float(heading[3])) != (exercises, mark.points):
            yield (
                f"{mark.id} has no heading `## {exercises}. Title ({mark.points:g} points, "
                "M minutes)`: write it in this form"
            )
            continue
        introduction = introduction or text[: heading.start()]
        minutes += int(heading[4])
        text = text[heading.end() :]
        for part in ("**Goal.**", "**Expected result.**"):
            if part not in text:
                yield f"{mark.id} has no `{part}`: say it in a paragraph that begins so"
        rest, hints = _FOLDED.subn("", text)
        if hints < 2:
            yield (
                f"{mark.id} has {hints} folded hints: write two or more, each as "
                "`<details><summary>Hint 1: title</summary>text</details>`"
            )
        if re.search(r"\bhint\b|details>", rest, re.IGNORECASE):
            yield f"{mark.id} has a hint that is not folded: put it into `<details>`"
    totals = _TOTALS.search(introduction)
    if totals is None or (float(totals[1]), int(totals[2])) != (points, minutes):
        yield f"its introduction does not say `{points:g} points, about {minutes} minutes`: add it"
    if f"/notebooks/{name}.ipynb" not in "\n".join(c.source for c in copy.cells):
        yield f"it does not link back to its lesson: link to notebooks/{name}.ipynb"


@assignment_lint
def sentences_short(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
    """No sentence of an exercise is too long to be read once."""
    for number, cell in markdown_cells(copy):
        yield from (f"cell {number}: {fault}" for fault in sentence_faults(cell.source))


@assignment_lint
def all_cells_run_or_none(source: NotebookNode, copy: NotebookNode, name: str) -> Iterator[str]:
    """No cell was left out when the others were run: their outputs would be of older cells.

    A new assignment, none of whose cells was run, stores no output that could be wrong.
    """
    if any(cell.execution_count is not None for _, cell in code_cells(source)):
        yield from run_in_order(source, "the assignment")


def other_exercises(notebook: NotebookNode, lesson: Lesson, assignment: Path) -> Iterator[str]:
    """A lesson lists the exercises of its exercise notebook, title by title, and their minutes."""
    prose = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    _, _, after = prose.partition("## Exercises\n")
    listed = [found.groups() for found in _LISTED.finditer(re.split(r"(?m)^#+ ", after)[0])]
    text = "\n".join(cell.source for _, cell in markdown_cells(read_notebook(assignment)))
    given = [(found[1], found[2].rstrip(".")) for found in _HEADING.finditer(text)]
    if [(number, title.rstrip(".")) for number, title in listed] != given:
        wanted = "; ".join(f"`{number}. **{title}.**`" for number, title in given)
        yield f"its list of exercises differs from the exercise notebook: write {wanted}"
    minutes = sum(int(found[4]) for found in _HEADING.finditer(text))
    if minutes != lesson.minutes.do:
        yield f"its exercises take {minutes} minutes: write `do = {minutes}` in course.toml"
