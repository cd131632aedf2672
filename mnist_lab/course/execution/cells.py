"""Small questions to the cells of a notebook, shared by the rooms above.

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
    "executed_cells",
    "has_image",
    "headline",
    "is_compared",
    "markdown_cells",
    "output_text",
    "tags",
    "title",
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


def executed_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that a kernel executes, in order: code cells that are not blank."""
    return [cell for _, cell in code_cells(notebook) if cell.source.strip()]


def title(notebook: NotebookNode) -> str:
    """Return the first heading of a lesson, for example ``1 · Look at the digits``."""
    text = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    match = re.search(r"^#\s+(.+?)\s*$", text, re.MULTILINE)
    return match[1] if match else "Untitled lesson"


def headline(notebook: NotebookNode) -> str:
    """Return what the cell tagged ``headline`` printed, or nothing."""
    printed = (
        output.text
        for _, cell in code_cells(notebook)
        if "headline" in tags(cell)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
    return " ".join("".join(printed).split())
