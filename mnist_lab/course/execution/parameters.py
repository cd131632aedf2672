"""Parameters of lessons as a command line gives them: ``EPOCHS=1`` for the lessons that have it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from nbformat import NotebookNode

from mnist_lab.course import CourseError
from mnist_lab.course.execution.cells import code_cells, tags, tree

__all__ = ["assign_parameters"]

_KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def assign_parameters(
    notebooks: Mapping[str, NotebookNode], given: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return for each lesson the given ``NAME=VALUE`` whose name it has.

    Raises:
        CourseError: a text has another form, no lesson has a parameter of this name, or the value
            has another type than the value in the lesson.
    """
    texts: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise CourseError(f"{text!r} is not a parameter: write NAME=VALUE, as in EPOCHS=1.")
        texts[name] = value
    defaults = {name: _defaults(notebook) for name, notebook in notebooks.items()}
    names = sorted(set().union(*defaults.values()))
    for name in texts:
        if name not in names:
            listed = ", ".join(names) or "none at all"
            raise CourseError(f"No chosen lesson has a parameter {name!r}: choose from {listed}.")
    return {
        lesson: {
            name: _value(name, text, known[name], lesson)
            for name, text in texts.items()
            if name in known
        }
        for lesson, known in defaults.items()
    }


def _defaults(notebook: NotebookNode) -> dict[str, Any]:
    """Return name -> the value that stands in the lesson's cell of parameters."""
    found: dict[str, Any] = {}
    for _, cell in code_cells(notebook):
        if "parameters" not in tags(cell):
            continue
        for node in tree(cell).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                with suppress(ValueError):  # what is computed is no setting
                    found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def _value(name: str, text: str, default: Any, lesson: str) -> Any:
    """Return a text as a value of the default's kind."""
    kind = type(default)
    if kind is str:
        return text  # plain words need no quotes
    with suppress(SyntaxError, TypeError, ValueError):
        value = ast.literal_eval(text)
        if type(value) is kind or (kind is float and type(value) is int):
            return value
    wanted = _KINDS.get(kind, f"a {kind.__name__}")
    raise CourseError(
        f"{name} is {wanted} in lesson {lesson}, and {text!r} is not: "
        f"write it as in {name}={default!r}."
    )
