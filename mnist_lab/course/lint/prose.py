"""The prose of a lesson: how long it is, and whether its figures are those that its code prints."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from decimal import Decimal

import numpy as np
from nbformat import NotebookNode

from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import code_cells, markdown_cells, output_text
from mnist_lab.course.lint.registry import lesson_lint
from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES

__all__ = [
    "figures_printed",
    "prose_figures",
    "reported_figures",
    "unprinted_figures",
    "word_count",
]

_NOT_PROSE = re.compile(
    r"(?s)```.*?```"  # code
    r"|<!--.*?-->|<[^>]+>"  # HTML
    r"|\]\([^)]*\)|https?://\S+"  # targets of links
)
_NOT_FIGURES = re.compile(
    r"`[^`\n]*`"  # code
    r"|(?s:\$\$.*?\$\$)|\$[^$\n]+\$"  # formulas
    r"|^.*\bMinutes:.*$",
    re.MULTILINE,
)
_HEADING = re.compile(r"^(?:#{1,6}\s+|\*\*)(.+)$")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_THOUSANDS = "[,_\u00a0\u202f]"
_NUMBER = re.compile(rf"(?<![\w.])(\d{{1,3}}(?:{_THOUSANDS}\d{{3}})+|\d+)(\.\d+)?(?!\d|\.\d)")
# "71 to 81 %": the sign at the end belongs to every number of the list.
_PERCENT = re.compile(r"(?:\s*(?:,|to|and|or|\u2013|-)\s*\d+(?:\.\d+)?)*\s*\\?(?:%|per ?cent)")
_ABOVE = re.compile(r"\b(?:over|above|more than|at least|beyond)\s$", re.IGNORECASE)
_BELOW = re.compile(
    r"\b(?:under|below|less than|fewer than|at most|up to|almost|nearly)\s$", re.IGNORECASE
)
_ABOUT = re.compile(r"(?:\b(?:about|around|approximately|roughly|some)\s|[~≈]\s?)$", re.IGNORECASE)


class _Number:
    """A number as it stands in a sentence, with the words that say how exact it is."""

    def __init__(self, found: re.Match[str]) -> None:
        before, after = found.string[: found.start()], found.string[found.end() :]
        whole = re.sub(_THOUSANDS, "", found[1])
        self.text = found[0]
        self.value = Decimal(whole + (found[2] or ""))
        self.is_percent = bool(_PERCENT.match(after))
        self.digits = len(whole) if not found[1].startswith("0") else 0
        self.decimals = len(found[2] or ".") - 1
        self.above, self.below = bool(_ABOVE.search(before)), bool(_BELOW.search(before))
        self.about = bool(_ABOUT.search(before))

    @property
    def is_measured(self) -> bool:
        """Whether it looks like a result: a decimal, a per cent, three digits (000 is a name)."""
        return bool(self.decimals or self.is_percent or self.digits >= 3)

    def agrees(self, printed: Decimal) -> bool:
        """Say whether a printed number rounds to this one, or keeps to "over", "under", "about"."""
        unit = Decimal(1).scaleb(-self.decimals)
        if (self.above or self.below or self.about) and not self.decimals:
            while self.value and self.value % (unit * 10) == 0:  # "about 3,000" has one digit
                unit *= 10
        difference = printed - self.value
        if self.above:
            return 0 <= difference < unit
        if self.below:
            return -unit < difference <= 0
        if self.about:
            return abs(difference) < unit / 2
        return abs(difference) <= unit / 2


def word_count(markdown: str) -> int:
    """Return how many words of prose a Markdown text has, code and addresses left out."""
    return len(re.findall(r"\w[\w'\u2019.-]*", _NOT_PROSE.sub(" ", markdown)))


def prose_figures(notebook: NotebookNode) -> Iterator[tuple[int, _Number]]:
    """Yield ``(cell number, figure)`` of every result that the prose of a lesson states.

    Code, formulas, addresses and the references are left out, and years in *Going further*.
    """
    section = ""
    for number, cell in markdown_cells(notebook):
        lines = []
        for line in _NOT_FIGURES.sub(" ", _NOT_PROSE.sub(" ", cell.source)).splitlines():
            if heading := _HEADING.match(line):
                section = heading[1].lower()
            if "reference" not in section:
                lines.append(_YEAR.sub(" ", line) if "going further" in section else line)
        for found in _NUMBER.finditer("\n".join(lines)):
            if (figure := _Number(found)).is_measured:
                yield number, figure


def unprinted_figures(notebook: NotebookNode, allowed: Collection[float] = ()) -> Iterator[str]:
    """Every figure in the prose stands in some output or code of the lesson, rounded at the most.

    Args:
        allowed: figures that the lesson need not print, such as the claims of the source projects.
    """
    known = {(Decimal(str(value)), False) for value in allowed}
    for _, cell in code_cells(notebook):
        for text in (cell.source, output_text(cell)):
            for found in _NUMBER.finditer(text):
                printed = _Number(found)
                known.add((printed.value, printed.is_percent))
    values = {value for value, _ in known}
    in_percent = values | {value * 100 for value, is_percent in known if not is_percent}
    as_fraction = values | {value / 100 for value, is_percent in known if is_percent}
    unprinted = {
        f"cell {number} says {figure.text}{' %' if figure.is_percent else ''}": None
        for number, figure in prose_figures(notebook)
        if not any(map(figure.agrees, in_percent if figure.is_percent else as_fraction))
    }
    for place in unprinted:
        yield f"{place}, which no cell prints: print it, assert it, or write what is printed"


def reported_figures() -> set[float]:
    """Return what the authors of the source projects reported: it may be stated unprinted."""
    claims = {claim.value for recipe in RECIPES.values() for claim in recipe.claims}
    images = {round(claim * 10_000) for claim in claims if claim > 0.5}  # 9,737 of 10,000
    right = int(np.trace(PUBLISHED_MATRIX))
    names = re.findall(r"\d{3,}", " ".join(recipe.repository for recipe in RECIPES.values()))
    return claims | images | {right, right / 10_000} | set(map(int, names))


@lesson_lint
def figures_printed(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """Every figure in the prose is printed by the lesson or was reported by a source project."""
    yield from unprinted_figures(notebook, reported_figures())
