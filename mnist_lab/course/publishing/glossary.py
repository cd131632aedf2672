"""The glossary of all lessons on one page, and links to it from the first use of each term.

Each lesson ends with a glossary: a list whose items set their terms in bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nbformat import NotebookNode

from mnist_lab.course.execution.cells import markdown_cells

__all__ = ["Glossary", "glossary_of", "glossary_page", "joined", "linked"]

_HEADING = "## Glossary\n"
_ITEM = re.compile(r"(?ms)^- (.+?)(?=^- |^\s*$|\Z)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_HEAD = re.compile(r"^\*\*[^*]+\*\*:? *")
# What a link must not touch: code, formulas, links, headings, and lines that begin with HTML.
_KEPT = re.compile(
    r"(?ms)^ *(```|~~~).*?^ *\1 *$|`[^`\n]+`|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)"
    r"|^#{1,6} .*?$|^ *<.*?(?:\n\s*\n|\Z)|<[^>]+>"
)


Glossary = dict[str, dict[str, str]]
"""Term -> name of a lesson -> how the glossary of that lesson explains the term, in Markdown."""


def glossary_of(notebook: NotebookNode, lesson: str) -> Glossary:
    """Return what the glossary of a lesson explains.

    An item that explains several terms explains each of them only as a whole, so each term gets
    all of it.
    """
    prose = "\n\n".join(cell.source for _, cell in markdown_cells(notebook))
    _, _, after = prose.partition(_HEADING)
    found: Glossary = {}
    for item in _ITEM.findall(re.split(r"(?m)^#+ ", after)[0]):
        words = " ".join(item.split())
        bold = (text.rstrip(":").split(", ") for text in _BOLD.findall(words))
        terms = [term.replace("`", "") for group in bold for term in group]
        if len(terms) == 1:
            words = _HEAD.sub("", words)
            words = words[:1].upper() + words[1:]
        found |= {term: {lesson: words} for term in terms}
    return found


def joined(glossaries: Iterable[Glossary]) -> Glossary:
    """Return the glossaries of several lessons as one; *Logits* and *logits* are one term."""
    result: Glossary = {}
    spelling: dict[str, str] = {}  # in small letters -> as the first lesson spells it
    for glossary in glossaries:
        for term, said in glossary.items():
            first = spelling.setdefault(term.casefold(), term)
            result[first] = {**result.get(first, {}), **said}
    return result


def glossary_page(glossary: Glossary, headings: Mapping[str, str]) -> str:
    """Return the page of all terms in the order of the alphabet, in MyST Markdown.

    Args:
        glossary: of all lessons.
        headings: name -> heading of each lesson, for the links to where a term is taught.
    """
    lines = ["# Glossary", ""]
    lines += ["Each term leads back to the lesson that explains it.", "", "````{glossary}"]
    for term in sorted(glossary, key=lambda term: term.lstrip(".").casefold()):
        lines.append(term)
        for lesson, words in glossary[term].items():
            link = f"[{headings[lesson]}](notebooks/{lesson}.ipynb)"
            lines += [f"  {words} {link}", ""]
    return "\n".join([*lines, "````", ""])


def linked(cells: Iterable[str], terms: Iterable[str]) -> list[str]:
    """Let the first use of each term in a lesson lead to its entry.

    Args:
        cells: the Markdown cells of a lesson, in order, without those that take no links.
        terms: of this lesson and of all lessons before it.

    Returns:
        The cells; one use of each term is now MyST's role ``term``.
    """
    spelling = {term.casefold(): term for term in terms}
    if not spelling:
        return list(cells)
    words = "|".join(map(re.escape, sorted(spelling, key=len, reverse=True)))
    use = re.compile(rf"(?<![\w{{<-])({words})(es|s)?(?![\w-])", re.IGNORECASE)
    seen: set[str] = set()

    def link(match: re.Match[str]) -> str:
        term = spelling[match[1].casefold()]
        if term in seen:
            return match[0]
        seen.add(term)
        return f"{{term}}`{match[0]} <{term}>`"

    def link_all(text: str) -> str:
        parts, end = [], 0
        for kept in _KEPT.finditer(text):
            parts += [use.sub(link, text[end : kept.start()]), kept[0]]
            end = kept.end()
        return "".join([*parts, use.sub(link, text[end:])])

    return [link_all(cell) for cell in cells]
