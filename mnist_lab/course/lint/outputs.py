"""Lints of what a lesson stores: outputs, figures, execution counts and metadata.

Strict nbval compares stored outputs with fresh ones; these lints see to what it cannot see, and to
what would make it fail on another machine. Each takes a notebook and yields one sentence a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.validator import isvalid

from mnist_lab.course.execution.catalogue import Lesson
from mnist_lab.course.execution.cells import code_cells, has_image, is_compared, output_text, tags
from mnist_lab.course.lint.registry import lesson_lint
from mnist_lab.plots import FINGERPRINT

__all__ = [
    "every_cell_run",
    "figures_described",
    "figures_fingerprinted",
    "no_errors",
    "no_timing",
    "one_headline",
    "portable",
    "valid_format",
]

ALT_WORDS = 8  # fewer do not say what a picture shows
_ALT = "*Figure.* "
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/])/(?:builds?|content|home|mnt|opt|private|root|tmp|Users|usr|var|work)/"
    r"|\b[A-Za-z]:\\|site-packages|ipykernel_\d+|file://"
)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TIMING = ("execution", "ExecuteTime", "papermill")


def valid_format(notebook: NotebookNode) -> Iterator[str]:
    """The notebook is one by the published format, and any Jupyter finds its kernel."""
    ids = {cell.get("id") for cell in notebook.cells} - {None}
    valid = isvalid(notebook)
    if len(ids) < len(notebook.cells) or not valid:
        yield "it is not a valid notebook in which every cell has an id: save it with Jupyter"
    kernel = notebook.metadata.get("kernelspec", {})
    if (kernel.get("name"), kernel.get("display_name")) != ("python3", "Python 3"):
        yield "its kernel is not `python3`, shown as `Python 3`: set both in the metadata"


def run_in_order(notebook: NotebookNode, kind: str) -> Iterator[str]:
    """Every code cell was run, once and in order: nbval passes a cell that was never run.

    Args:
        notebook: a lesson or the source of an assignment.
        kind: which of the two, in words.
    """
    cells = code_cells(notebook)
    if missed := [str(number) for number, cell in cells if cell.execution_count is None]:
        yield f"never run: cell {', '.join(missed)}; execute {kind} from top to bottom"
        return
    for expected, (number, cell) in enumerate(cells, start=1):
        if cell.execution_count != expected:
            yield (
                f"cell {number} was run as number {cell.execution_count}, not {expected}: "
                f"execute {kind} from top to bottom in a fresh kernel"
            )


@lesson_lint
def every_cell_run(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """Every code cell was run, once and in order."""
    yield from run_in_order(notebook, "the lesson")


@lesson_lint
def no_errors(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """Nothing is stored that a reader would take for a fault."""
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {number} stores an error ({output.ename}): mend it and run it again"
            elif output.get("name") == "stderr":
                first = output.text.strip().partition("\n")[0][:60]
                yield f"cell {number} stores stderr ({first!r}): remove its cause, run it again"


@lesson_lint
def no_timing(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """No time of day is stored: it would change every cell at every run."""
    places = [("the notebook", notebook), *((f"cell {n}", c) for n, c in code_cells(notebook))]
    for place, node in places:
        for key in sorted(set(_TIMING) & set(node.metadata)):
            yield f"{place} has the metadata {key!r}: remove it, it changes at every run"


@lesson_lint
def portable(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """No lesson shows the machine that it was run on."""
    for number, cell in code_cells(notebook):
        text = output_text(cell)
        for where, content in (("its source", cell.source), ("its output", text)):
            if found := _MACHINE_PATH.search(content):
                yield f"cell {number} names a place on one machine in {where} ({found[0]}): drop it"
        if is_compared(cell) and (address := _ADDRESS.search(text)):
            yield f"cell {number} prints a memory address ({address[0]}): print its content"


@lesson_lint
def figures_fingerprinted(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """nbval never compares pictures: a compared figure stores the fingerprint of what it drew."""
    for number, cell in code_cells(notebook):
        drawn = [output.get("data", {}) for output in cell.outputs]
        pictures = [data for data in drawn if any(kind.startswith("image/") for kind in data)]
        if is_compared(cell) and any(FINGERPRINT not in data for data in pictures):
            yield (
                f"cell {number} draws a figure that nothing compares: draw it after "
                "`plots.use_style()`, and execute the lesson again"
            )


@lesson_lint
def figures_described(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """The Markdown cell after a figure says in words what the picture shows."""
    for number, cell in code_cells(notebook):
        if not has_image(cell):
            continue
        after = notebook.cells[number] if number < len(notebook.cells) else None
        text = after.source if after is not None and after.cell_type == "markdown" else ""
        description = text.partition("\n\n")[0]
        if not description.startswith(_ALT) or len(description.split()) <= ALT_WORDS:
            yield (
                f"cell {number} draws a figure without alt text: begin the Markdown cell after it "
                f"with `{_ALT.strip()}` and say in {ALT_WORDS} words or more what the picture shows"
            )


@lesson_lint
def one_headline(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """One cell prints the lesson's result in one line with a figure, for the index of results."""
    found = [(number, cell) for number, cell in code_cells(notebook) if "headline" in tags(cell)]
    if len(found) != 1:
        yield f"{len(found)} code cells are tagged `headline`: tag exactly one"
        return
    number, cell = found[0]
    printed = output_text(cell).strip()
    if "\n" in printed or not re.search(r"\d", printed):
        yield f"cell {number}, the headline, does not print one line with a figure: make it do so"
