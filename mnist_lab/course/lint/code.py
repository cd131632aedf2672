"""Lints of the code of a lesson: what it imports, how it trains and what it validates on.

Each takes a notebook whose code cells parse, and yields one sentence a problem.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import call_names, code_cells, is_compared, tags, tree
from mnist_lab.course.lint.registry import lesson_lint

__all__ = ["imports", "nbval_friendly", "test_set_kept", "training_checked"]

_IGNORED = "nbval-ignore-output"
_MARKER = re.compile(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE)", re.MULTILINE)
_SEMICOLON = re.compile(r";[ \t]*(#.*)?$", re.MULTILINE)
_TEST = re.compile(r"(?<![a-z])test")  # x_test and arrays.test, not latest


@lesson_lint
def nbval_friendly(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """Nothing in a cell keeps strict nbval from judging it."""
    for number, cell in code_cells(notebook):
        if _SEMICOLON.search(cell.source):
            yield f"cell {number} ends a line with `;`: write `_ = expression` instead"
        if _MARKER.search(cell.source):
            yield f"cell {number} steers nbval by a comment: use the tag `{_IGNORED}`"
        for tag in sorted(tags(cell)):
            if "raises" in tag or (tag.startswith("nbval") and tag != _IGNORED):
                yield f"cell {number} has the tag `{tag}`: `{_IGNORED}` is the only one to use"


@lesson_lint
def imports(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """No star, nothing from behind the wall, and no TensorFlow where the list says so."""
    barred = {"mnist_lab.course": "it is for those who run the course"}
    if not lesson.tensorflow:
        reason = "course.toml says that the lesson needs no TensorFlow"
        barred |= dict.fromkeys(("keras", "tensorflow"), reason)
    for number, cell in code_cells(notebook):
        for name in _imported(tree(cell)):
            if name.endswith(".*"):
                yield f"cell {number} imports {name}: name what you import"
            for module, reason in barred.items():
                if f"{name}.".startswith(f"{module}."):
                    yield f"cell {number} imports {name}: leave it out, {reason}"


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@lesson_lint
def training_checked(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """A model that stops learning turns a test red: its cell or one close by asserts the result."""
    code = [(number, cell, tree(cell)) for number, cell in code_cells(notebook)]
    trains = {"fit"}
    for _, _, module in code:
        functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
        trains |= {function.name for function in functions if trains & call_names(function)}
    for i, (number, cell, module) in enumerate(code):
        if is_compared(cell) or not trains & call_names(module):
            continue
        if not any(_asserts(node) for _, _, node in code[i : i + 3]):
            yield (
                f"cell {number} trains, and neither it nor one of the next two code cells asserts "
                "what training gave: add `evaluation.check_band(...)`"
            )


def _asserts(module: ast.Module) -> bool:
    return bool({"check_band", "check_holds"} & call_names(module)) or any(
        isinstance(node, ast.Assert) for node in ast.walk(module)
    )


@lesson_lint
def test_set_kept(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """The test set chooses nothing: only a published recipe may do what its author did."""
    for number, cell in code_cells(notebook):
        calls = [node for node in ast.walk(tree(cell)) if isinstance(node, ast.Call)]
        used = [
            key.value for call in calls for key in call.keywords if key.arg == "validation_data"
        ]
        for call in calls:
            used += (
                call.args
                if isinstance(call.func, ast.Attribute) and call.func.attr == "fit"
                else []
            )
        if "published-recipe" not in tags(cell) and any(_TEST.search(ast.unparse(x)) for x in used):
            yield (
                f"cell {number} trains or validates on the test set: use a part of the training "
                "set, or tag the cell `published-recipe` where the author did it"
            )
