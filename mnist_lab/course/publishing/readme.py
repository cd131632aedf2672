"""The generated parts of the README: the table of lessons, the table of verdicts, the picture.

Each table stands between two marks and is made anew from the list of lessons or the measurements.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from nbformat import NotebookNode

from mnist_lab import reproduction
from mnist_lab._files import replacing, write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Course
from mnist_lab.course.execution.cells import executed_cells, tags
from mnist_lab.course.publishing.plain_verdicts import project_verdicts

__all__ = ["renew", "renewed", "save_pictures"]

PICTURES = ("cover",)  # tags of the cells whose figures the README shows
_MARKS = {
    "lessons": "<!-- lessons: mnist-lab refresh writes this table -->\n",
    "verdicts": "<!-- verdicts: mnist-lab refresh writes this table -->\n",
}
_END = "<!-- end -->"
_COLAB = "https://colab.research.google.com"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _lessons(course: Course) -> str:
    """Return the table of lessons as ``course.toml`` lists them."""
    at = f"{course.pointer.owner}/{course.pointer.repo}/blob/{course.pointer.tag}"
    rows = [["lesson", "", "you learn", "minutes to read + do + run"], ["---"] * 4]
    for lesson in course.lessons:
        path, minutes = f"notebooks/{lesson.name}.ipynb", lesson.minutes
        badge = f"[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]({_COLAB}/github/{at}/{path})"
        times = f"{minutes.read} + {minutes.do} + {minutes.run}"
        rows.append([f"[{lesson.heading}]({path})", badge, lesson.summary, times])
    return _rows(rows)


def _verdicts() -> str:
    """Return the table of projects as the committed measurements give it."""
    rows = project_verdicts(reproduction.compare(reproduction.reproduction()))
    head = ("project", "what it published", "what ten seeds say")
    return _rows([head, ["---"] * 3, *((f"`{row.project}`", *row[1:]) for row in rows)])


def renewed(text: str, course: Course) -> str:
    """Return the README with its tables as list and measurements give them today.

    Raises:
        CourseError: the marks around a table are missing.
    """
    for name, table in (("lessons", _lessons(course)), ("verdicts", _verdicts())):
        before, begin, rest = text.partition(_MARKS[name])
        _, end, after = rest.partition(_END)
        if not (begin and end):
            raise CourseError(
                f"README.md lacks the lines {_MARKS[name].strip()} and {_END}: restore them."
            )
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def renew(course: Course) -> None:
    """Write the tables into the README; nothing is written where nothing changed."""
    path = course.folder / "README.md"
    before = path.read_text(encoding="utf-8")
    if (after := renewed(before, course)) != before:
        write_text(path, after)


def save_pictures(course: Course, notebook: NotebookNode) -> None:
    """Write those pictures of a lesson that the README shows, of cells tagged as ``PICTURES``."""
    for cell in executed_cells(notebook):
        for tag in tags(cell) & set(PICTURES):
            found = (output.get("data", {}).get("image/png") for output in cell.outputs)
            png = base64.b64decode(next(filter(None, found)))
            with replacing(course.folder / ".github" / f"{tag}.png") as file:
                file.write(png)
