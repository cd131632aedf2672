"""Lints of the structure of a lesson: anatomy, first cells, sections; and stamps of all lessons.

The bounds were measured on model courses: a lesson within them can be read alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import median

import nbformat
from nbformat import NotebookNode

from mnist_lab import __version__
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import (
    call_names,
    code_cells,
    is_compared,
    markdown_cells,
    tags,
    tree,
)
from mnist_lab.course.execution.pointers import without_pointers
from mnist_lab.course.execution.records import source_digest
from mnist_lab.course.lint import outputs
from mnist_lab.course.lint.prose import word_count
from mnist_lab.course.lint.registry import lesson_lint

__all__ = ["BOUNDS", "readable", "stamp_problems"]

# Lowest and highest by name; ``bounds`` in course.toml replaces them for one lesson.
BOUNDS: dict[str, tuple[float, float]] = {
    "cells": (25, 55),
    "markdown_per_code": (1.0, 1.3),
    "median_lines": (4, 6),
    "lines_of_code": (0, 25),  # of one cell
    "prose_words": (1200, 2600),
    "cell_words": (0, 180),  # of one Markdown cell
    "bytes": (0, 1_000_000),
}
LONG_LINES, LONG_SHARE = 15, 0.1

_BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]("
_AIMS = re.compile(r"\*\*You will be able to\*\*\s*\n(?:[-*] .+\n(?:  .+\n)*){3}(?![-*] )")
_SET_UP = """\
# Set-up: run this first. On Colab it installs the course helpers; elsewhere it does nothing.
import importlib.util
if importlib.util.find_spec("mnist_lab") is None:
    %pip install -q "https://github.com/OWNER/REPO/archive/refs/tags/TAG.zip"
"""
_SECTIONS = (
    "You will be able to",
    "Exercises",
    "You can now",
    "Self-quiz",
    "Going further",
    "Glossary",
)


def _bounds(lesson: Lesson) -> dict[str, tuple[float, float]]:
    if unknown := sorted(lesson.bounds.keys() - BOUNDS.keys()):
        raise CourseError(
            f"course.toml gives {lesson.name} the bound {unknown[0]!r}: choose from "
            f"{', '.join(BOUNDS)}."
        )
    return {**BOUNDS, **lesson.bounds}


def _outside(what: str, value: float, bounds: tuple[float, float]) -> Iterator[str]:
    low, high = bounds
    if not low <= value <= high:
        advice = "cut" if value > high else "add"
        yield f"it has {round(value, 2):g} {what}, not {low:g} to {high:g}: {advice} some"


def readable(notebook: NotebookNode) -> Iterator[str]:
    """The notebook is one and every code cell is Python: all other lints take this for granted."""
    yield from outputs.valid_format(notebook)
    for number, cell in code_cells(notebook):
        try:
            tree(cell)
        except SyntaxError as error:
            yield f"cell {number} is not Python ({error.msg}): mend it"


@lesson_lint
def anatomy(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """Length and proportions of the whole lesson."""
    bounds = _bounds(lesson)
    code, markdown = code_cells(notebook), markdown_cells(notebook)
    yield from _outside("cells", len(notebook.cells), bounds["cells"])
    if not code:
        yield "it has no code cell: a lesson shows its ideas in code, so add some"
        return
    share = len(markdown) / len(code)
    yield from _outside("Markdown cells per code cell", share, bounds["markdown_per_code"])
    lines = {n: sum(bool(line.strip()) for line in cell.source.splitlines()) for n, cell in code}
    typical = median(lines.values())
    yield from _outside("lines in the median code cell", typical, bounds["median_lines"])
    if sum(count > LONG_LINES for count in lines.values()) > LONG_SHARE * len(lines):
        longest = ", ".join(str(n) for n, count in lines.items() if count > LONG_LINES)
        yield f"cells {longest} have over {LONG_LINES} lines, too many long ones: split some"
    most_lines = bounds["lines_of_code"][1]
    for number, count in lines.items():
        if count > most_lines:
            yield f"cell {number} has {count} lines of code, over {most_lines:g}: split it"
    words = {number: word_count(cell.source) for number, cell in markdown}
    yield from _outside("words of prose", sum(words.values()), bounds["prose_words"])
    most_words = bounds["cell_words"][1]
    for number, count in words.items():
        if count > most_words:
            yield f"cell {number} has {count} words, over {most_words:g}: cut it or split it"
    size, most_bytes = len(nbformat.writes(notebook).encode()), bounds["bytes"][1]
    if size > most_bytes:
        yield f"the file has {size:,} bytes, over {most_bytes:,.0f}: draw fewer or smaller figures"


@lesson_lint
def first_cells(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """The five cells that every lesson begins with, which the commands rely on."""
    kinds = [cell.cell_type for cell in notebook.cells[:5]]
    if kinds != ["markdown", "markdown", "code", "code", "code"]:
        yield f"it begins with {', '.join(kinds)}: begin with two Markdown and three code cells"
        return
    title, aims, set_up, parameters, imports = notebook.cells[:5]
    if title.source.partition("\n")[0] != f"# {lesson.heading}" or _BADGE not in title.source:
        yield f"cell 1 is not `# {lesson.heading}` with the Colab badge: write both"
    if not _AIMS.match(f"{aims.source}\n"):
        yield "cell 2 is not `**You will be able to**` with three bullets: write them"
    if str(lesson.minutes) not in aims.source:
        yield f"cell 2 lacks the line `{lesson.minutes}`, as in course.toml: write it so"
    lines = [line for line in without_pointers(set_up.source).splitlines() if line]
    if lines != " ".join([_SET_UP.rstrip(), *lesson.packages]).splitlines():
        last = "".join(f", and end its last line with {name}" for name in lesson.packages)
        yield f"cell 3 is not the set-up cell: copy it from another lesson to the letter{last}"
    if "parameters" not in tags(parameters):
        yield "cell 4 is not tagged `parameters`: tag it"
    if missing := {"use_style", "load_mnist", "report"} - call_names(tree(imports)):
        yield f"cell 5 does not call {', '.join(sorted(missing))}: set the style, load and report"
    if is_compared(imports):
        yield "cell 5 prints what differs between machines: tag it `nbval-ignore-output`"


@lesson_lint
def sections(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """What every lesson offers a reader who is alone."""
    prose = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    for section in _SECTIONS:
        if not re.search(rf"^(#{{1,6}} |\*\*).*{section}", prose, re.MULTILINE | re.IGNORECASE):
            yield f"it has no section {section!r}: add a heading of this name"
    if "<details>" not in prose:
        yield "its self-quiz folds no answer away: put each into `<details>`"


def stamp_problems(notebooks: Mapping[str, NotebookNode]) -> list[str]:
    """Return what is wrong with the stamps of the committed lessons, by name.

    A stamp says which versions and digits the stored outputs come from. It also has a digest of
    the sources. All lessons must come from one environment, with this version of the course, and
    none may be edited after its run.
    """
    again = "run `mnist-lab refresh`"
    found, stamps = [], {}
    for lesson, notebook in notebooks.items():
        record = dict(notebook.metadata.get("mnist_lab", {}))
        if record.pop("sources", None) != source_digest(notebook):
            found.append(f"{lesson}: its sources were edited after its last run: {again}")
        version = record.get("versions", {}).get("mnist-lab", __version__)
        if version != __version__:
            found.append(
                f"{lesson}: it was run with version {version} of the course, which is "
                f"{__version__}: {again}"
            )
        stamps[lesson] = json.dumps(record, sort_keys=True)
    usual = Counter(stamps.values()).most_common(1)[0][0] if stamps else ""
    return found + [
        f"{lesson}: it was run with {stamp}, others with {usual}: {again}"
        for lesson, stamp in stamps.items()
        if stamp != usual
    ]
