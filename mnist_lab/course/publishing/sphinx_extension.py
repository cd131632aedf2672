"""What the book adds to Sphinx: formulas that load nothing, lighter pages, links from docstrings.

Sphinx loads this module by its name, as the settings in :mod:`mnist_lab.course.publishing.book`
say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

__all__ = ["setup"]

_ICONS = re.compile(r"<script[^>]*scripts/fontawesome\.js[^>]*></script>")
_TAUGHT = re.compile(r"\bTaught in: (\w+)")


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def _without_icon_script(head: str) -> str:
    """Leave out a script of 1.5 MB: the style sheet of the theme draws the same icons by a font."""
    return _ICONS.sub("", head)


def _help_templates(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    context["without_icon_script"] = _without_icon_script


def _link_lessons(
    app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]
) -> None:
    """Let the words ``Taught in: 02_fnn`` of a docstring lead to the lesson."""

    def link(match: re.Match[str]) -> str:
        page = f"notebooks/{match[1]}"
        return f"Taught in :doc:`/{page}`." if page in app.env.found_docs else match[0]

    lines[:] = [_TAUGHT.sub(link, line) for line in lines]


def _skip_fields(
    app: Sphinx, what: str, name: str, item: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the fields of a named tuple: its signature has them, and nothing explains them."""
    return True if str(getattr(item, "__doc__", "")).startswith("Alias for field") else None


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Add the parts to Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("html-page-context", _help_templates)
    app.connect("autodoc-skip-member", _skip_fields)
    app.connect("autodoc-process-docstring", _link_lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
