"""Small questions to the cells of a lesson, shared by its lints.

Cells are counted from 1 over the whole notebook, as a reader counts them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager  # type: ignore[import-untyped]
from nbformat import NotebookNode

__all__ = [
    "call_names",
    "code_cells",
    "has_image",
    "is_compared",
    "markdown_cells",
    "output_text",
    "tags",
    "tree",
]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_STYLE = re.compile(r"(?s)<style.*?</style>|<[^>]+>")


def _numbered(notebook: NotebookNode, kind: str) -> Iterator[tuple[int, NotebookNode]]:
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == kind:
            yield number, cell


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return ``(number, cell)`` of every code cell."""
    return list(_numbered(notebook, "code"))


def markdown_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Return ``(number, cell)`` of every Markdown cell."""
    return list(_numbered(notebook, "markdown"))


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def is_compared(cell: NotebookNode) -> bool:
    """Say whether strict nbval compares the stored outputs of a cell."""
    return "nbval-ignore-output" not in tags(cell)


def has_image(cell: NotebookNode) -> bool:
    """Say whether a picture is among the stored outputs of a cell."""
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return any(kind.startswith("image/") for kind in kinds)


def output_text(cell: NotebookNode) -> str:
    """Return all words among the stored outputs of a cell, without colours and HTML tags."""
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text", ""))
        for kind, content in output.get("data", {}).items():
            if kind == "text/html":
                texts.append(_STYLE.sub(" ", content))
            elif kind.startswith("text/"):
                texts.append(content)
    return _ANSI.sub("", "\n".join(texts))


def tree(cell: NotebookNode) -> ast.Module:
    """Parse a code cell, magics such as ``%pip`` included.

    Raises:
        SyntaxError: it is not Python.
    """
    source: str = TransformerManager().transform_cell(cell.source)
    return ast.parse(source)


def call_names(node: ast.AST) -> set[str]:
    """Return the last names of everything called within a node: ``fit`` for ``model.fit(x)``."""
    called = [child.func for child in ast.walk(node) if isinstance(child, ast.Call)]
    attributes = {func.attr for func in called if isinstance(func, ast.Attribute)}
    return attributes | {func.id for func in called if isinstance(func, ast.Name)}
