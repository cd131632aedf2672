"""What ``mnist-lab run`` leaves for readers: one HTML page per lesson and an index of results.

All of it can be read without a network. What a page says about the run comes from the record that
the run left in the executed notebook (``metadata.mnist_lab``). How the pages look is said in
``templates/``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from nbformat import NotebookNode

from mnist_lab.course.execution.cells import headline, markdown_cells, tags, title
from mnist_lab.course.execution.progress import duration
from mnist_lab.course.publishing.templating import TEMPLATES, render

__all__ = ["index_page", "lesson_page"]


def _figures(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Every (number of the cell, output) with a PNG; the output gets its alternative text."""
    found = []
    for index, cell in enumerate(notebook.cells):
        after = notebook.cells[index + 1 : index + 2]
        words = after[0].source.partition("\n\n")[0] if after else ""
        described = words.startswith("*Figure.* ")  # how lessons begin the words to a figure
        alt = words.removeprefix("*Figure.* ") if described else "Figure, without a description."
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata["alt"] = " ".join(alt.split())
                found.append((index, output))
    return found


def lesson_page(notebook: NotebookNode, lessons: Collection[str]) -> str:
    """Return the HTML page of an executed lesson.

    Args:
        notebook: an executed notebook with its record.
        lessons: names of all lessons; links from one to another lead to their pages.
    """
    from nbconvert import HTMLExporter  # half a second that --help and badges need not wait

    notebook = deepcopy(notebook)
    _figures(notebook)
    record = notebook.metadata.mnist_lab
    exporter = HTMLExporter(
        raw_template=(TEMPLATES / "lesson.html.j2").read_text(encoding="utf-8"),
        exclude_anchor_links=True,
    )
    resources = {
        "metadata": {"name": title(notebook)},
        "facts": f"{record.data} Run in {duration(record.seconds)} on {record.finished}.",
        "failure": record.failure,
        "formulas": any("$" in cell.source for _, cell in markdown_cells(notebook)),
        "css": (TEMPLATES / "lesson.css").read_text(encoding="utf-8"),
    }
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    # The badge would be fetched from elsewhere; its words do as well.
    page = re.sub('<img alt="Open in Colab"[^>]*>', "Open in Colab", page)
    names = "|".join(map(re.escape, lessons))
    return re.sub(rf'href="({names})\.ipynb', r'href="\1.html', page)


def _picture(executed: NotebookNode) -> dict[str, str] | None:
    """Return the last figure before the headline, which leads to it; None if there is none."""
    cells = enumerate(executed.cells)
    tagged = next((i for i, cell in cells if "headline" in tags(cell)), -1)
    figures = [output for index, output in _figures(executed) if index <= tagged]
    if not figures:
        return None
    png = "".join(figures[-1].data["image/png"].split())
    return {"alt": figures[-1].metadata.alt, "png": png}


def _card(name: str, heading: str, executed: NotebookNode | None) -> dict[str, Any]:
    """What the index says of one lesson; ``executed`` is None when it was not run yet."""
    card: dict[str, Any] = {"name": name, "heading": heading, "record": None, "picture": None}
    if executed is not None:
        card |= {"record": executed.metadata.mnist_lab, "headline": headline(executed)}
        if not card["record"].failure:
            card["picture"] = _picture(executed)
    return card


def index_page(headings: Mapping[str, str], executed: Mapping[str, NotebookNode]) -> str:
    """Return the index: per lesson what it was run on, how long, its headline result and a link.

    Args:
        headings: name -> heading of all lessons, in the order of the course.
        executed: name -> executed notebook with its record, for the lessons that were run.
    """
    records = [notebook.metadata.mnist_lab for notebook in executed.values()]
    failed = sum(1 for record in records if record.failure)
    latest = max(records, key=lambda record: str(record.finished)).versions if records else {}
    return render(
        "index.html.j2",
        cards=[_card(name, heading, executed.get(name)) for name, heading in headings.items()],
        done=len(records) - failed,
        failed=failed,
        versions=", ".join(f"{package} {version}" for package, version in latest.items()),
    )
