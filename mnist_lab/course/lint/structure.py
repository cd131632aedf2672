"""Lints of the lessons: anatomy, first cells, sections, sources; and all lints in one call.

The bounds were measured on model courses: a lesson within them can be read alone. Every lint takes
a notebook and yields one sentence a problem that says where it is and what to do.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from statistics import median

import nbformat
from nbformat import NotebookNode

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
from mnist_lab.course.lint import code, outputs
from mnist_lab.course.lint.prose import unprinted_figures, word_count

__all__ = ["LINTS", "problems", "stamp_problems"]

Lint = Callable[[NotebookNode], Iterator[str]]

CELLS = (25, 45)
MARKDOWN_PER_CODE = (1.0, 1.3)
MEDIAN_LINES = (4, 6)
LONG_LINES, LONG_SHARE, MOST_LINES = 15, 0.1, 25
PROSE_WORDS = (1200, 2000)
MOST_WORDS = 150
MOST_BYTES = 1_000_000

_TITLE = re.compile(r"# (\d+) · \S")
_BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]("
_AIMS = re.compile(r"\*\*You will be able to\*\*\s*\n(?:[-*] .+\n(?:  .+\n)*){3}(?![-*] )")
_MINUTES = re.compile(r"Minutes: \d+ to read, \d+ to do, \d+ to run\.")
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


def _outside(what: str, value: float, bounds: tuple[float, float]) -> Iterator[str]:
    low, high = bounds
    if not low <= value <= high:
        advice = "cut" if value > high else "add"
        yield f"it has {round(value, 2):g} {what}, not {low} to {high}: {advice} some"


def readable(notebook: NotebookNode) -> Iterator[str]:
    """The notebook is one and every code cell is Python: all other lints take this for granted."""
    yield from outputs.valid_format(notebook)
    for number, cell in code_cells(notebook):
        try:
            tree(cell)
        except SyntaxError as error:
            yield f"cell {number} is not Python ({error.msg}): mend it"


def anatomy(notebook: NotebookNode) -> Iterator[str]:
    """Length and proportions of the whole lesson."""
    code, markdown = code_cells(notebook), markdown_cells(notebook)
    yield from _outside("cells", len(notebook.cells), CELLS)
    yield from _outside(
        "Markdown cells per code cell", len(markdown) / len(code), MARKDOWN_PER_CODE
    )
    lines = {n: sum(bool(line.strip()) for line in cell.source.splitlines()) for n, cell in code}
    yield from _outside("lines in the median code cell", median(lines.values()), MEDIAN_LINES)
    if sum(count > LONG_LINES for count in lines.values()) > LONG_SHARE * len(lines):
        longest = ", ".join(str(n) for n, count in lines.items() if count > LONG_LINES)
        yield f"cells {longest} have over {LONG_LINES} lines, too many long ones: split some"
    for number, count in lines.items():
        if count > MOST_LINES:
            yield f"cell {number} has {count} lines of code, over {MOST_LINES}: split it"
    words = {number: word_count(cell.source) for number, cell in markdown}
    yield from _outside("words of prose", sum(words.values()), PROSE_WORDS)
    for number, count in words.items():
        if count > MOST_WORDS:
            yield f"cell {number} has {count} words, over {MOST_WORDS}: cut it or split it"
    size = len(nbformat.writes(notebook).encode())  # type: ignore[no-untyped-call]
    if size > MOST_BYTES:
        yield f"the file has {size:,} bytes, over {MOST_BYTES:,}: draw fewer or smaller figures"


def first_cells(notebook: NotebookNode) -> Iterator[str]:
    """The five cells that every lesson begins with, which the commands rely on."""
    kinds = [cell.cell_type for cell in notebook.cells[:5]]
    if kinds != ["markdown", "markdown", "code", "code", "code"]:
        yield f"it begins with {', '.join(kinds)}: begin with two Markdown and three code cells"
        return
    title, aims, set_up, parameters, imports = notebook.cells[:5]
    if not _TITLE.match(title.source) or _BADGE not in title.source:
        yield "cell 1 is not `# N · Title` with the Colab badge: write both"
    if not _AIMS.match(f"{aims.source}\n"):
        yield "cell 2 is not `**You will be able to**` with three bullets: write them"
    if not _MINUTES.search(aims.source):
        yield "cell 2 lacks the line `Minutes: 15 to read, 20 to do, 2 to run.`: write it so"
    lines = [line for line in without_pointers(set_up.source).splitlines() if line]
    if lines != _SET_UP.splitlines():
        yield "cell 3 is not the set-up cell: copy it from another lesson to the letter"
    if "parameters" not in tags(parameters):
        yield "cell 4 is not tagged `parameters`: tag it"
    if missing := {"use_style", "load_mnist", "report"} - call_names(tree(imports)):
        yield f"cell 5 does not call {', '.join(sorted(missing))}: set the style, load and report"
    if is_compared(imports):
        yield "cell 5 prints what differs between machines: tag it `nbval-ignore-output`"


def sections(notebook: NotebookNode) -> Iterator[str]:
    """What every lesson offers a reader who is alone."""
    prose = "\n".join(cell.source for _, cell in markdown_cells(notebook))
    for section in _SECTIONS:
        if not re.search(rf"^(#{{1,6}} |\*\*).*{section}", prose, re.MULTILINE | re.IGNORECASE):
            yield f"it has no section {section!r}: add a heading of this name"
    if "<details>" not in prose:
        yield "its self-quiz folds no answer away: put each into `<details>`"


LINTS: tuple[Lint, ...] = (
    anatomy,
    first_cells,
    sections,
    code.nbval_friendly,
    code.imports,
    code.training_checked,
    code.test_set_kept,
    outputs.every_cell_run,
    outputs.no_errors,
    outputs.no_timing,
    outputs.portable,
    outputs.figures_fingerprinted,
    outputs.figures_described,
    outputs.one_headline,
)


def problems(lesson: str, notebook: NotebookNode, allowed: Collection[float] = ()) -> list[str]:
    """Return everything that is wrong with one lesson.

    Args:
        lesson: its name, with which every problem begins.
        notebook: the lesson with its stored outputs.
        allowed: figures that its prose may state without printing them: what authors reported.
    """
    found = list(readable(notebook))
    if not found:
        found = [problem for lint in LINTS for problem in lint(notebook)]
        found += unprinted_figures(notebook, allowed)
    return [f"{lesson}: {problem}" for problem in found]


def stamp_problems(notebooks: Mapping[str, NotebookNode]) -> list[str]:
    """Return what is wrong with the stamps of the committed lessons, by name.

    A stamp says which versions and digits the stored outputs come from, and by a digest which
    sources: all lessons come from one environment, and none was edited after its run.
    """
    again = "run `mnist-lab refresh`"
    found, stamps = [], {}
    for lesson, notebook in notebooks.items():
        record = dict(notebook.metadata.get("mnist_lab", {}))
        if record.pop("sources", None) != source_digest(notebook):
            found.append(f"{lesson}: its sources were edited after its last run: {again}")
        stamps[lesson] = json.dumps(record, sort_keys=True)
    usual = Counter(stamps.values()).most_common(1)[0][0] if stamps else ""
    return found + [
        f"{lesson}: it was run with {stamp}, others with {usual}: {again}"
        for lesson, stamp in stamps.items()
        if stamp != usual
    ]
