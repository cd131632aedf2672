"""Makes a book of pages: Sphinx with myst-nb, in the look of the course.

The pages come ready as Markdown or as notebooks with their outputs. Nothing is executed. A warning
of Sphinx, such as a link that leads nowhere, is a fault of the book.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mnist_lab import __version__
from mnist_lab._files import replacing
from mnist_lab.course import CourseError

__all__ = ["Page", "make_book"]

Page = str | bytes | NotebookNode
"""Markdown, a picture, or a notebook."""

_THEME = Path(__file__).with_name("theme")
_LINE = re.compile(r"\x1b\[[\d;]*m")


def _settings(title: str) -> dict[str, Any]:
    """Return the configuration of Sphinx, with which no page loads anything from elsewhere."""
    return {
        "project": title,
        "author": "the mnist-lab contributors",
        "release": __version__,
        "language": "en",
        "extensions": [
            "myst_nb",
            "sphinx.ext.autodoc",
            "sphinx.ext.napoleon",
            "sphinx_copybutton",
            "mnist_lab.course.publishing.sphinx_extension",
        ],
        "templates_path": [str(_THEME)],
        "myst_enable_extensions": ["attrs_block", "colon_fence", "dollarmath"],
        "myst_heading_anchors": 3,
        "nb_execution_mode": "off",
        "nb_ipywidgets_js": {},
        "nb_merge_streams": True,
        "autodoc_member_order": "bysource",
        "autodoc_typehints_format": "short",
        "autodoc_type_aliases": {"npt.ArrayLike": "ArrayLike"},
        "autodoc_preserve_defaults": True,
        "toc_object_entries_show_parents": "hide",
        "napoleon_numpy_docstring": False,
        "copybutton_prompt_text": "$ ",
        "html_title": title,
        "html_short_title": title,
        "html_theme": "sphinx_book_theme",
        "html_static_path": [str(_THEME / "static")],
        "html_css_files": ["book.css"],
        "html_js_files": ["book.js"],
        "html_favicon": str(_THEME / "static" / "favicon.svg"),
        "html_math_renderer": "mathml",
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_sphinx": False,
        "html_show_copyright": False,
        "html_use_index": False,
        "html_domain_indices": False,
        "html_context": {"default_mode": "auto"},
        "html_theme_options": {
            "navbar_start": [],
            "navbar_center": [],
            "navbar_end": [],
            "navbar_persistent": [],
            "use_download_button": False,
            "use_fullscreen_button": False,
            "show_navbar_depth": 1,
            "show_toc_level": 2,
            "home_page_in_toc": True,
            "pygments_light_style": "a11y-high-contrast-light",
            "pygments_dark_style": "a11y-high-contrast-dark",
        },
    }


def make_book(pages: Mapping[str, Page], output: Path, work: Path, *, title: str) -> None:
    """Write the book of these pages as HTML.

    The start page comes last, and whole: whoever opens it finds all pages that it leads to.

    Args:
        pages: name of a file, such as ``index.md`` or ``notebooks/01_eda.ipynb`` -> its content.
        output: folder for the HTML. A page of an earlier book that is no longer wanted goes.
        work: folder for what Sphinx keeps, so that only changed pages are made again.
        title: of the book.

    Raises:
        CourseError: a page has a fault, such as a link that leads nowhere; the sentence names it.
            The book is written all the same.
    """
    html = work / "html"
    for gone in _write(pages, work / "sources"):
        for folder in (html, output):
            (folder / gone).with_suffix(".html").unlink(missing_ok=True)
    said = _run_sphinx(work / "sources", html, work / "doctrees", _settings(title))
    _copy(html, output)
    if said:
        shutil.rmtree(work / "doctrees")  # a page that was read would not warn again
        raise CourseError(f"The book has faults, so mend them:\n{said}")


def _copy(html: Path, output: Path) -> None:
    """Bring the finished book to its readers, the start page last."""
    start = html / "index.html"
    for path in sorted(html.rglob("*")):
        if path.is_file() and path != start and path.name != ".buildinfo":
            target = output / path.relative_to(html)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    with replacing(output / start.name) as file:
        file.write(start.read_bytes())


def _write(pages: Mapping[str, Page], folder: Path) -> list[str]:
    """Make a folder hold these files and no others; return the names of files that went.

    A file whose content is the same keeps its time, so that Sphinx does not read it again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    gone = [name for path in files if (name := path.relative_to(folder).as_posix()) not in pages]
    for name in gone:
        (folder / name).unlink()
    for name, page in pages.items():
        path = folder / name
        content = nbformat.writes(page) + "\n" if isinstance(page, NotebookNode) else page
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return gone


def _run_sphinx(sources: Path, output: Path, doctrees: Path, settings: dict[str, Any]) -> str:
    """Run Sphinx quietly; return its warnings, without colours."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            srcdir=sources,
            confdir=None,
            outdir=output,
            doctreedir=doctrees,
            buildername="html",
            confoverrides=settings,
            status=None,
            warning=warnings,
        )
        app.build()
    return _LINE.sub("", warnings.getvalue()).strip()
