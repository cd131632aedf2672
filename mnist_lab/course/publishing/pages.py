"""What ``mnist-lab run`` leaves for readers: one HTML page per lesson and an index of results.

All of it can be read without a network. What a page says about the run comes from the record that
the run left in the executed notebook (``metadata.mnist_lab``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from html import escape
from typing import Any

from mnist_lab.course.publishing.styles import CSS, LESSON_CSS, TEMPLATE

__all__ = ["headline", "index_page", "lesson_page", "minutes", "title"]


def title(notebook: Any) -> str:
    """Return the first heading of a lesson, for example ``1 · Look at the digits``."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    match = re.search(r"^#\s+(.+?)\s*$", text, re.MULTILINE)
    return match[1] if match else "Untitled lesson"


def headline(notebook: Any) -> str:
    """Return what the cell tagged ``headline`` printed, or nothing."""
    printed = (
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code" and "headline" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
    return " ".join("".join(printed).split())


def minutes(seconds: float) -> str:
    """Write a duration for people: ``45 s``, ``2 min 5 s``."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def _figures(notebook: Any) -> list[tuple[int, Any]]:
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


def lesson_page(notebook: Any, lessons: Sequence[str]) -> str:
    """Return the HTML page of an executed lesson.

    Args:
        notebook: an executed notebook with its record.
        lessons: names of all lessons; links from one to another lead to their pages.
    """
    from nbconvert import HTMLExporter  # half a second that --help and badges need not wait

    notebook = deepcopy(notebook)
    _figures(notebook)
    record = notebook.metadata.mnist_lab
    facts = f"{record.data} Run in {minutes(record.seconds)} on {record.finished}."
    top = '<nav class="course"><a href="index.html">All lessons</a>'
    top += f"<span>{escape(facts)}</span></nav>"
    if failure := record.failure:
        top += f'<p class="failure">Stopped at <a href="#cell-id={escape(failure.id)}">'
        top += f"cell [{failure.cell}]</a>: {escape(failure.error)}</p>"
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        raw_template=TEMPLATE, exclude_anchor_links=True
    )
    resources = {
        "metadata": {"name": title(notebook)},
        "css": LESSON_CSS,
        "top": top,
        "formulas": any("$" in c.source for c in notebook.cells if c.cell_type == "markdown"),
    }
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    # The badge would be fetched from elsewhere; its words do as well.
    page = re.sub('<img alt="Open in Colab"[^>]*>', "Open in Colab", page)
    names = "|".join(map(re.escape, lessons))
    return re.sub(rf'href="({names})\.ipynb', r'href="\1.html', page)


def _article(name: str, lesson: Any, executed: Any | None) -> str:
    """One lesson of the index; ``executed`` is None when it was not run yet."""
    heading = escape(title(lesson))
    if executed is None:
        return f"<article><div><h2>{heading}</h2><p class='quiet'>Not run yet.</p></div></article>"
    record = executed.metadata.mnist_lab
    settings = ", ".join(f"{key} = {value!r}" for key, value in record.parameters.items())
    facts = [f"Run in {minutes(record.seconds)}", record.finished, settings and f"with {settings}"]
    picture = ""
    if failure := record.failure:
        result = f'<p class="failed">Failed at cell [{failure.cell}]: {escape(failure.error)}</p>'
        result += f"<pre>{escape(failure.excerpt)}</pre>" if failure.excerpt else ""
    else:
        result = f'<p class="headline">{escape(headline(executed))}</p>'
        tagged = [
            i for i, c in enumerate(executed.cells) if "headline" in c.metadata.get("tags", [])
        ]
        for index, output in _figures(executed):
            if tagged and index <= tagged[0]:  # the last figure before the headline leads to it
                data = "".join(output.data["image/png"].split())
                alt = escape(output.metadata.alt)
                picture = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
    return (
        f'<article><div><h2><a href="{name}.html">{heading}</a></h2>{result}'
        f'<p class="quiet">{escape(record.data)}</p>'
        f'<p class="quiet">{escape(" · ".join(filter(None, facts)))}</p></div>{picture}</article>'
    )


def index_page(lessons: dict[str, Any], executed: dict[str, Any]) -> str:
    """Return the index: per lesson what it was run on, how long, its headline result and a link.

    Args:
        lessons: name -> notebook as committed, in the order of the course.
        executed: name -> executed notebook with its record, for the lessons that were run.
    """
    records = [notebook.metadata.mnist_lab for notebook in executed.values()]
    failed = sum(1 for record in records if record.failure)
    done = len(records) - failed
    state = f'<span class="done">{done} of {len(lessons)} lessons done</span>'
    if failed:
        state += f', <span class="failed">{failed} failed</span>'
    versions = max(records, key=lambda r: str(r.finished)).versions if records else {}
    setup = ", ".join(f"{package} {version}" for package, version in versions.items())
    articles = "".join(_article(name, lessons[name], executed.get(name)) for name in lessons)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>mnist-lab: the course, executed</title><style>{CSS}</style></head><body><main>"
        f'<h1>mnist-lab: the course, executed</h1><p class="quiet">{state}. {escape(setup)}</p>'
        f"{articles}</main></body></html>\n"
    )
