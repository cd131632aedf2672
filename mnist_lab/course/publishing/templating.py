"""Fills the templates in ``templates/``, which say how everything that readers get looks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mnist_lab.course.execution.progress import duration

__all__ = ["TEMPLATES", "render"]

TEMPLATES = Path(__file__).with_name("templates")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,  # a misspelt name is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["duration"] = duration
    return environment


def render(template: str, **values: Any) -> str:
    """Return the text of a template with these values; in HTML they are escaped."""
    return _environment().get_template(template).render(**values)
