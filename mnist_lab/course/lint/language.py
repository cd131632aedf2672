"""The language of a text: sentences that can be read once, and terms explained where they appear.

Many readers learned English as a second language. They can follow a sentence of moderate length,
and a term after its explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import markdown_cells
from mnist_lab.course.lint.registry import lesson_lint

__all__ = ["MOST_WORDS", "glossary_terms", "long_sentences", "sentence_faults"]

MOST_WORDS = 30  # of a sentence

_CODE_BLOCK = re.compile(r"(?ms)^ *(```|~~~).*?^ *\1 *$")
_COMMENT = re.compile(r"(?s)<!--.*?-->")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ONE_WORD = re.compile(r"`[^`\n]+`|\$[^$\n]+\$|https?://\S+")
_TAG = re.compile(r"<[^>]+>")
# What begins a block of its own: an empty line, a heading, an item, a row of a table.
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:#{1,6} |[-*] |\d+\. |\|))|\|")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')*_\u201d]*\s+")
_WORD = re.compile(r"\w[\w'\u2019.,-]*")
_HEADING = re.compile(r"(?m)^#{1,6} .*$")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def long_sentences(markdown: str) -> Iterator[tuple[int, str]]:
    """Yield ``(words, beginning)`` of every sentence that is longer than readers can follow.

    Code blocks do not count; a piece of code or a formula inside a sentence is one word. Items of a
    list, headings and cells of a table are read by themselves.
    """
    text = _COMMENT.sub("\n\n", _CODE_BLOCK.sub("\n\n", markdown))
    text = _HEADING.sub(r"\g<0>\n", _ONE_WORD.sub("code", _LINK.sub(r"\1", text)))
    for block in _BLOCK.split(_TAG.sub("\n\n", text)):
        for sentence in _SENTENCE_END.split(block):
            words = _WORD.findall(sentence)
            if len(words) > MOST_WORDS:
                yield len(words), " ".join(sentence.split()[:5])


def sentence_faults(markdown: str) -> Iterator[str]:
    """Yield a clause a sentence that is too long to be read once."""
    for words, beginning in long_sentences(markdown):
        yield (
            f"it has a sentence of {words} words ({beginning!r} ...), over {MOST_WORDS}: make two "
            "of it"
        )


@lesson_lint
def sentences_short(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """No sentence of a lesson is too long to be read once; references may be."""
    for number, cell in markdown_cells(notebook):
        prose, *_ = re.split(r"(?m)^#+ Going further", cell.source)
        yield from (f"cell {number}: {fault}" for fault in sentence_faults(prose))


def glossary_terms(notebook: NotebookNode) -> list[str]:
    """Return the terms that the glossary of a lesson explains: all that it sets in bold."""
    prose = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    _, _, after = prose.partition("## Glossary\n")
    glossary = re.split(r"(?m)^#+ ", after)[0]
    bold = (term for item in _BOLD.findall(glossary) for term in item.rstrip(":").split(", "))
    return list(dict.fromkeys(term.replace("`", "") for term in bold))


@lesson_lint
def terms_explained_first(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """No term of the glossary is used in a cell before the one that sets it in bold, to explain it.

    Titles, headings and the aims in the second cell may name what is to come.
    """
    cells: list[tuple[int, str]] = []
    for number, cell in markdown_cells(notebook)[2:]:
        prose, glossary, _ = cell.source.partition("## Glossary\n")
        cells.append((number, _HEADING.sub("", _CODE_BLOCK.sub("", prose))))
        if glossary:
            break
    if not (terms := glossary_terms(notebook)):
        yield "its section `## Glossary` sets no term in bold: write `- **Term**: explanation`"
    for term in terms:
        word = rf"{re.escape(term)}(?:s|es)?"
        explained = re.compile(rf"\*\*[^*\n]*(?<!\w){word}(?!\w)[^*\n]*\*\*", re.IGNORECASE)
        used = re.compile(rf"(?<![\w-]){word}(?![\w-])", re.IGNORECASE)
        where = next((number for number, prose in cells if explained.search(prose)), None)
        first = next(
            (number for number, prose in cells if used.search(re.sub(r"`[^`\n]+`", "", prose))),
            None,
        )
        if where is None:
            yield (
                f"its glossary has {term!r}, which no earlier cell explains: set it in bold where "
                "it is explained"
            )
        elif first is not None and first < where:
            yield (
                f"cell {first} uses {term!r}, which cell {where} explains: explain it first, or "
                "use another word"
            )
