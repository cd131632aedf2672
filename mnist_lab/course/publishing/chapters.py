"""Turns a notebook into a chapter of the book: its links, badge, pictures and folded cells.

The cells stay as they are. What changes is how a reader of the book meets them: the badge is a
button that nothing is fetched for, links lead to pages of the book, terms lead to the glossary.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy

from nbformat import NotebookNode
from PIL import Image

from mnist_lab.course.execution.cells import code_cells, markdown_cells
from mnist_lab.course.execution.pointers import BADGE
from mnist_lab.course.publishing.glossary import linked
from mnist_lab.plots import FINGERPRINT

__all__ = ["chapter", "figures", "lighter", "relinked"]

_PICTURE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)\s]+)\)")
_BUTTON = r'<a class="open-in-colab" href="\1">Open in Colab</a>'
_TARGET = re.compile(r"(?<=\]\()(?!#|mailto:)([^)\s]+)(?=\))")
_FOLDED = {
    "# Set-up: run this first": "Show the set-up",
    "# SETUP": "Show the set-up",
    "# CHECK": "Show the check",
}


def figures(notebook: NotebookNode) -> list[tuple[int, NotebookNode, str]]:
    """Return (place of the cell, output, alternative text) of every picture among the outputs.

    A lesson describes a figure in the next cell, which begins with ``*Figure.* ``.
    """
    found = []
    for index, cell in enumerate(notebook.cells):
        after = notebook.cells[index + 1 : index + 2]
        words = after[0].source.partition("\n\n")[0] if after else ""
        described = words.startswith("*Figure.* ")
        alt = words.removeprefix("*Figure.* ") if described else "Figure, without a description."
        alt = " ".join(re.sub(r"[*`]", "", alt).split())
        found += [
            (index, output, alt)
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
    return found


def relinked(text: str, leads_to: Callable[[str], str]) -> str:
    """Return a Markdown text, every target of a link replaced by what ``leads_to`` returns."""
    return _TARGET.sub(lambda match: leads_to(match[1]), text)


def chapter(
    notebook: NotebookNode,
    pages: Collection[str],
    terms: Iterable[str] = (),
) -> NotebookNode:
    """Return a copy of a lesson or an exercise notebook that Sphinx makes a page of.

    Args:
        notebook: with its outputs.
        pages: files of the book, such as ``notebooks/01_eda.ipynb``. A link to one of them on
            Colab, or to its name, leads to its page; other links stay.
        terms: of the glossary, for links from the first use of each term.
    """
    notebook = deepcopy(notebook)
    # A lesson has the name of its exercises: the bare name means the lesson, which comes last here.
    names = {page.rpartition("/")[2]: page for page in sorted(pages)}

    def leads_to(target: str) -> str:
        opened = BADGE.match(target)
        page = opened[6] if opened else names.get(target.partition("#")[0], "")
        return f"../{page}" if page in pages else target

    for index, output, alt in figures(notebook):
        notebook.cells[index].metadata["mystnb"] = {"image": {"alt": alt}}
        drawn = base64.b64decode(output.data["image/png"])
        output.data["image/png"] = base64.b64encode(lighter(drawn)).decode("ascii")
    for _, cell in code_cells(notebook):
        _fold(cell)
        for output in cell.outputs:
            output.get("data", {}).pop(FINGERPRINT, None)  # which no reader sees
    prose = [cell for _, cell in markdown_cells(notebook)]
    for cell in prose:
        # The picture of the badge would be fetched from elsewhere.
        cell.source = relinked(_PICTURE.sub(_BUTTON, cell.source), leads_to)
    explained = [cell for cell in prose[2:] if not _is_end(cell.source)]
    texts = linked([cell.source for cell in explained], terms)
    for cell, text in zip(explained, texts, strict=True):
        cell.source = text
    return notebook


def lighter(png: bytes) -> bytes:
    """Return the same picture in fewer bytes: without transparency that it does not use.

    A picture of at most 256 colours gets a palette, which has half the bytes. Most figures have few
    colours, for digits are drawn in greys. No pixel changes.
    """
    picture = Image.open(io.BytesIO(png))
    if picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        return png
    opaque = picture.convert("RGB")
    forms = [opaque]
    if opaque.getcolors(256):
        reduced = opaque.quantize(256)
        if reduced.convert("RGB").tobytes() == opaque.tobytes():
            forms.append(reduced)
    found = [png]
    for form in forms:
        stream = io.BytesIO()
        form.save(stream, "PNG", optimize=True)
        found.append(stream.getvalue())
    return min(found, key=len)


def _is_end(source: str) -> bool:
    """Say whether a cell holds the glossary itself or what follows it: they take no links."""
    return bool(re.search(r"(?m)^## (Glossary|Going further)", source))


def _fold(cell: NotebookNode) -> None:
    """Fold away code that readers run but need not read."""
    for beginning, words in _FOLDED.items():
        if cell.source.startswith(beginning):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = words
            cell.metadata["mystnb"]["code_prompt_hide"] = words.replace("Show", "Hide")
