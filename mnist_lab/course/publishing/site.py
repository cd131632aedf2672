"""The pages of the site: the committed lessons and exercises, and all that stands around them.

Pages of the folder ``site/`` are Jinja templates in MyST Markdown. Text that stands elsewhere in
the repository is taken from there, so that it lives in one place.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable
from functools import partial
from pkgutil import iter_modules

import jinja2
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

import mnist_lab
from mnist_lab import ladder, plots, reproduction
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import Course
from mnist_lab.course.execution.records import read_notebook
from mnist_lab.course.publishing import chapters, glossary
from mnist_lab.course.publishing.book import Page
from mnist_lab.course.publishing.cover import cover

__all__ = ["TITLE", "site_pages"]

TITLE = "mnist-lab"
_TEXTS = ("CONTRIBUTING.md", "CHANGELOG.md", "assignments/*.md", "benchmarks/*.md")
# Parts of the README that are pages of their own in the book.
_README = {"": "index.md", "for-instructors": "instructors.md", "lessons": "index.md"}
_NOT_FOR_LEARNERS = {"course", "serving"}


def site_pages(course: Course) -> dict[str, Page]:
    """Return the pages of the site.

    Args:
        course: a checkout. Exercises, pages for instructors and benchmarks may be missing: a fork
            may keep them to itself.

    Raises:
        CourseError: a lesson or a part of the README is missing.
    """
    exercises = [x.name for x in course.lessons if (course.exercises / f"{x.name}.ipynb").is_file()]
    templates = sorted((course.folder / "site").glob("*.md"))
    texts = {
        path.relative_to(course.folder).as_posix(): path.read_text(encoding="utf-8")
        for pattern in _TEXTS
        for path in sorted(course.folder.glob(pattern))
    }
    names = {
        *(f"notebooks/{lesson.name}.ipynb" for lesson in course.lessons),
        *(f"exercises/{name}.ipynb" for name in exercises),
        *(f"api/{name}.rst" for name in learner_modules()),
        *texts,
        *(path.name for path in templates),
        "glossary.md",
    }
    pages = _chapters(course, exercises, names)
    for name, text in texts.items():
        leads_to = partial(_target, course=course, names=names, source=name, page=name)
        pages[name] = chapters.relinked(text, leads_to)
    pages |= {f"api/{name}.rst": _api_page(name) for name in learner_modules()}
    known = {
        "course": course,
        "exercises": exercises,
        "modules": learner_modules(),
        "has": names.__contains__,
        "texts": list(texts),
        "readme": partial(_readme, course, names),
        **_tables(),
    }
    environment = jinja2.Environment(  # noqa: S701 (Markdown, in which nothing is escaped)
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    for path in templates:
        text = path.read_text(encoding="utf-8")
        pages[path.name] = environment.from_string(text).render(known)
    return {**pages, "cover.png": cover(), **_figures()}


def _chapters(course: Course, exercises: Iterable[str], names: set[str]) -> dict[str, Page]:
    """Return the pages of all lessons and exercises, and the glossary of all lessons."""
    pages: dict[str, Page] = {}
    explained: glossary.Glossary = {}
    for lesson in course.lessons:
        notebook = read_notebook(course.notebooks / f"{lesson.name}.ipynb")
        explained = glossary.joined([explained, glossary.glossary_of(notebook, lesson.name)])
        # A term leads to the glossary from the lesson that explains it and from all later ones.
        pages[f"notebooks/{lesson.name}.ipynb"] = chapters.chapter(notebook, names, explained)
    for name in exercises:
        exercise = read_notebook(course.exercises / f"{name}.ipynb")
        pages[f"exercises/{name}.ipynb"] = chapters.chapter(exercise, names)
    headings = {lesson.name: lesson.heading for lesson in course.lessons}
    pages["glossary.md"] = glossary.glossary_page(explained, headings)
    return pages


def learner_modules() -> list[str]:
    """Return the names of the modules that lessons import, in the order of the alphabet."""
    return sorted(
        module.name
        for module in iter_modules(mnist_lab.__path__)
        if not module.name.startswith("_") and module.name not in _NOT_FOR_LEARNERS
    )


def _api_page(name: str) -> str:
    full = f"mnist_lab.{name}"
    return f"{full}\n{'=' * len(full)}\n\n.. automodule:: {full}\n   :members:\n"


def _readme(course: Course, names: set[str], begin: str, end: str) -> str:
    """Return the part of the README from one piece of text to another, links led to the book."""
    text = (course.folder / "README.md").read_text(encoding="utf-8")
    _, found, after = text.partition(begin)
    part, ended, _ = after.partition(end)
    if not (found and ended):
        raise CourseError(f"README.md lacks {begin!r} or {end!r}: write it, or mend site/.")
    leads_to = partial(_target, course=course, names=names, source="README.md", page="index.md")
    return chapters.relinked(re.sub(r"<!--.*?-->\n*", "", part), leads_to)


def _target(target: str, *, course: Course, names: set[str], source: str, page: str) -> str:
    """Return where a link of a repository's file leads to in the book.

    A file that is no page of the book is shown by GitHub, at the tag of the course.
    """
    path, _, anchor = target.partition("#")
    if re.match(r"\w+:", target):
        return target
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if file == "README.md":
        file, anchor = _README.get(anchor, "index.md"), ""
    if file in names:
        inside = posixpath.relpath(file, posixpath.dirname(page) or ".")
        return f"{inside}#{anchor}" if anchor else inside
    if (course.folder / file).exists():
        at = course.pointer
        return f"https://github.com/{at.owner}/{at.repo}/blob/{at.tag}/{file}"
    return target


def _tables() -> dict[str, str]:
    """Return the tables of the page of results, as the committed measurements give them."""
    comparisons = reproduction.compare(reproduction.reproduction())
    measured = ladder.measured()
    return {
        "verdicts": _table(reproduction.verdicts(comparisons)),
        "all_forms": _table(reproduction.all_forms(comparisons)),
        "climb_on_validation": _table(ladder.climb(measured, "validation").round(1).fillna("")),
        "climb_on_test": _table(ladder.climb(measured, "test").round(1).fillna("")),
    }


def _table(frame: pd.DataFrame) -> str:
    """Return a table as HTML, with the index of its rows only where the index says something."""
    numbered = isinstance(frame.index, pd.RangeIndex) and frame.index.start == 0
    return re.sub(r"\n\s*", "\n", frame.to_html(border=0, index=not numbered))


def _figures() -> dict[str, bytes]:
    """Return the figures of the page of results, drawn from the committed measurements."""
    comparisons = reproduction.compare(reproduction.reproduction())
    measured = ladder.measured()
    with plt.rc_context():
        plots.use_style()
        verdicts = plots.verdict_plot(comparisons)
        climb = plots.ladder_plot(
            ladder.climb(measured, "test"),
            published=ladder.published(),
            levels={"called near-human": 23},
            seeds=ladder.trainings(measured, "test"),
        )
        return {"verdicts.png": _png(verdicts), "ladder.png": _png(climb)}


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # Without the version of Matplotlib, equal figures are equal files.
    figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return stream.getvalue()
