"""Cells that were written for Colab, made fit for a kernel that is neither there nor online."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate

from IPython.core.inputtransformer2 import TransformerManager  # type: ignore[import-untyped]

from mnist_lab.course.sandbox.proxies import COLAB

__all__ = ["as_python", "cleaned"]

# `!pip`, `%pip`, `!sudo apt-get`, `!python -m pip`, `!{sys.executable} -m pip`; a line that ends in
# a backslash goes on.
_INSTALL = re.compile(
    r"^([ \t]*)[!%][ \t]*(?:sudo[ \t]+)?(?:(?:\S*python[\d.]*|\{[^}\n]*\})[ \t]+-m[ \t]+)?"
    r"(?:pip3?|conda|mamba|apt|apt-get|uv)\b(?:[^\n]*\\[ \t]*\n)*[^\n]*",
    re.MULTILINE,
)
_CALLS = re.compile(
    r"(?:google\.colab\.)?(?:drive\.(?:mount|flush_and_unmount)|files\.(?:up|down)load)"
)
_PYTHON_MAGICS = re.compile(r"(?:\s*%%(?:capture|prun|time|timeit)\b[^\n]*\n)+")
MAX_MAGIC = 10_000  # characters: IPython's time grows with their number times the number of magics
# IPython raises RuntimeError for magics upon magics without end.
_UNREADABLE = (MemoryError, RuntimeError, SyntaxError, ValueError)


def as_python(source: str) -> str:
    """Return a cell with its magics as Python; "" if that is no Python."""
    with suppress(*_UNREADABLE):
        ast.parse(source)
        return source
    magics = _PYTHON_MAGICS.match(source)
    body = source.removeprefix(magics[0] if magics else "")
    if body.lstrip().startswith("%%") or len(body) > MAX_MAGIC:
        return ""
    with suppress(*_UNREADABLE):
        text: str = TransformerManager().transform_cell(body)
        ast.parse(text)
        return text
    return ""


def cleaned(source: str) -> str:
    """Return a cell without what only Colab needs; an empty block stays valid.

    Installations go. Calls that mount, upload or download do nothing, and neither does what is
    imported from ``google.colab``, unless that is tried: then it fails as on any other computer.
    """
    source = _INSTALL.sub(r"\1pass", source)
    if "colab" not in source and not _CALLS.search(source):
        return source
    magics = _PYTHON_MAGICS.match(source)
    begin = magics[0] if magics else ""
    with suppress(*_UNREADABLE):
        text = as_python(source.removeprefix(begin))
        return begin + _rewritten(text, ast.parse(text)) if text else source
    return source


def _rewritten(text: str, module: ast.Module) -> str:
    lines = text.encode().split(b"\n")  # positions count bytes
    starts = [*accumulate((len(line) + 1 for line in lines), initial=0)]
    found = [
        (
            starts[node.lineno - 1] + node.col_offset,
            starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0),
            new,
        )
        for node, new in _replaced(module)
    ]
    code = text.encode()
    for start, end, new in sorted(found, reverse=True):
        code = code[:start] + new.encode() + code[end:]
    return code.decode()


def _replaced(
    node: ast.AST, *, is_tried: bool = False
) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Yield each statement or call to replace, and by what."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        if not is_tried and (new := _without_colab(node)):
            yield node, new
    elif isinstance(node, ast.Call) and _CALLS.fullmatch(ast.unparse(node.func)):
        yield node, "{}"
    elif not isinstance(node, ast.JoinedStr):  # Python 3.11 does not know places within one
        for name, value in ast.iter_fields(node):
            tried = is_tried or (isinstance(node, ast.Try) and name == "body")
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _replaced(child, is_tried=tried)


def _without_colab(node: ast.Import | ast.ImportFrom) -> str:
    """Return an import with what stands for ``google.colab``; "" if it imports nothing of it."""
    module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    full = {alias: f"{module}{alias.name}." for alias in node.names}
    of_colab = [alias for alias in node.names if full[alias].startswith("google.colab.")]
    if not of_colab:
        return ""
    new = [
        f"{alias.asname or alias.name.partition('.')[0]} = {COLAB}"
        for alias in of_colab
        if alias.name != "*"
    ]
    others = [alias for alias in node.names if alias not in of_colab]
    if others:
        kept = ast.Import(others) if isinstance(node, ast.Import) else node
        if isinstance(node, ast.ImportFrom):
            kept = ast.ImportFrom(node.module, others, node.level)
        new.append(ast.unparse(kept))
    return "; ".join(new) or "pass"
