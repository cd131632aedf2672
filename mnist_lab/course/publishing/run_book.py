"""The pages of a run: its results at the top, then the lessons as they were executed.

What a page says about the run comes from the record that the run left in the executed notebook
(``metadata.mnist_lab``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from mnist_lab.course.execution.cells import headline, markdown_cells, tags
from mnist_lab.course.publishing import glossary
from mnist_lab.course.publishing.book import Page
from mnist_lab.course.publishing.chapters import chapter, figures, relinked
from mnist_lab.course.publishing.templating import render

__all__ = ["RUN_TITLE", "progress_page", "run_pages"]

RUN_TITLE = "mnist-lab: your run of the course"
_BLANK_LINES = re.compile(r"\n\s*(?=\n)")
_FAILED_CELL = "(stopped-here)="


def progress_page(
    headings: Mapping[str, str], executed: Mapping[str, NotebookNode], *, stopped: bool = False
) -> str:
    """Return the index that stands in for the book while lessons run, or after a stop.

    Args:
        headings: name -> heading of all lessons, in the order of the course.
        executed: name -> executed notebook with its record, for the lessons that were run.
        stopped: whether somebody stopped the run. Otherwise the page loads itself again.
    """
    cards = [_card(name, heading, executed.get(name)) for name, heading in headings.items()]
    return render("progress.html.j2", title=RUN_TITLE, cards=cards, stopped=stopped)


def run_pages(headings: Mapping[str, str], executed: Mapping[str, NotebookNode]) -> dict[str, Page]:
    """Return the pages of a run, for :func:`mnist_lab.course.publishing.book.make_book`.

    Args:
        headings: name -> heading of all lessons, in the order of the course.
        executed: name -> executed notebook with its record, for the lessons that were run.
    """
    done = {name: executed[name] for name in headings if name in executed}
    names = [f"notebooks/{name}.ipynb" for name in done]
    explained: glossary.Glossary = {}
    pages: dict[str, Page] = {}
    for name, notebook in done.items():
        explained = glossary.joined([explained, glossary.glossary_of(notebook, name)])
        page = _titled(chapter(notebook, names, explained), headings[name])
        _lead_to_index(page, headings.keys() - done.keys())
        pages[f"notebooks/{name}.ipynb"] = _with_facts(page)
    if explained:
        pages["glossary.md"] = glossary.glossary_page(explained, headings)
    pages["index.md"] = f"# {RUN_TITLE}\n\n{_results(headings, done)}\n\n{_contents(pages)}\n"
    return pages


def _contents(pages: Collection[str]) -> str:
    """Return the table of contents: the lessons, and what is beside them."""
    tables = []
    for caption, are_lessons in (("Lessons", True), ("Reference", False)):
        files = [name for name in pages if name.startswith("notebooks/") == are_lessons]
        if names := [file.rpartition(".")[0] for file in files]:
            head = f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
            tables.append(head + "\n".join(names) + "\n```")
    return "\n\n".join(tables)


def _results(headings: Mapping[str, str], done: Mapping[str, NotebookNode]) -> str:
    """Return a card for each lesson, as one block of HTML."""
    records = [notebook.metadata.mnist_lab for notebook in done.values()]
    failed = sum(1 for record in records if record.failure)
    latest = max(records, key=lambda record: str(record.finished)).versions if records else {}
    results = render(
        "results.html.j2",
        cards=[_card(name, heading, done.get(name)) for name, heading in headings.items()],
        done=len(records) - failed,
        failed=failed,
        versions=", ".join(f"{package} {version}" for package, version in latest.items()),
    )
    return _BLANK_LINES.sub("", results)  # a blank line would end the HTML and begin Markdown


def _card(name: str, heading: str, notebook: NotebookNode | None) -> dict[str, Any]:
    """What an index says of one lesson; ``notebook`` is None when it was not run yet."""
    card: dict[str, Any] = {"name": name, "heading": heading, "record": None, "picture": None}
    if notebook is not None:
        card |= {"record": notebook.metadata.mnist_lab, "headline": headline(notebook)}
        if not card["record"].failure:
            card["picture"] = _picture(notebook)
    return card


def _picture(notebook: NotebookNode) -> dict[str, str] | None:
    """Return the last figure before the headline, which leads to it; None if there is none."""
    cells = enumerate(notebook.cells)
    tagged = next((i for i, cell in cells if "headline" in tags(cell)), -1)
    found = [(output, alt) for index, output, alt in figures(notebook) if index <= tagged]
    if not found:
        return None
    output, alt = found[-1]
    return {"alt": alt, "png": "".join(output.data["image/png"].split())}


def _lead_to_index(page: NotebookNode, missing: set[str]) -> None:
    """Let links to lessons that were not run lead to the index, which says so."""
    files = {f"{name}.ipynb" for name in missing}
    for _, cell in markdown_cells(page):
        cell.source = relinked(cell.source, lambda to: "../index.md" if to in files else to)


def _titled(page: NotebookNode, heading: str) -> NotebookNode:
    """Give a notebook without a heading the one that the index has: the contents need it."""
    first = page.cells[0] if page.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        page.cells.insert(0, new_markdown_cell(f"# {heading}"))
    return page


def _with_facts(page: NotebookNode) -> NotebookNode:
    """Say under the title what the lesson was run on, and where it stopped."""
    record = page.metadata.mnist_lab
    facts = render("facts.html.j2", record=record).strip()
    if record.failure:
        place = next(i for i, cell in enumerate(page.cells) if cell.id == record.failure.id)
        page.cells.insert(place, new_markdown_cell(f"{_FAILED_CELL}\n**The lesson stopped here.**"))
        facts += f"\n\n[Go to cell {record.failure.cell}](#stopped-here)"
    page.cells.insert(1, new_markdown_cell(facts))
    return page
