"""The page that explains the service to programmers, made from its OpenAPI description.

FastAPI's own two pages load their scripts from another web site. The service loads nothing from
elsewhere, so it has this page, which needs no script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

__all__ = ["reference"]

PAGE = Path(__file__).with_name("reference.html")

Schema = Mapping[str, Any]


def reference(openapi: Schema) -> str:
    """Return the page in HTML.

    Args:
        openapi: what ``FastAPI.openapi`` returns.
    """
    schemas = openapi["components"]["schemas"]
    routes = (
        _route(method, path, operation, schemas)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    page = Template(PAGE.read_text(encoding="utf-8"))
    return page.substitute(
        description=escape(openapi["info"]["description"]), routes="\n".join(routes)
    )


def _route(method: str, path: str, operation: Schema, schemas: Schema) -> str:
    parts = [
        f"<h2><code>{escape(f'{method.upper()} {path}')}</code></h2>",
        f"<p><strong>{escape(operation['summary'])}.</strong> "
        f"{escape(operation.get('description', ''))}</p>",
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if rows := list(_fields(content["schema"], schemas)):
            parts.append(_table(f"Send {kind}", ("field", "meaning"), rows))
        else:
            meaning = escape(content["schema"]["description"])
            parts.append(f"<h3>{escape(f'Send {kind}')}</h3>\n<p>{meaning}</p>")
    answers = operation["responses"]
    good = answers["200"]["content"]["application/json"]["schema"]
    parts.append(
        _table("The answer is application/json", ("field", "meaning"), _fields(good, schemas))
    )
    refusals = [
        (status, answer["description"])
        for status, answer in sorted(answers.items())
        if status != "200"
    ]
    if refusals:
        head = "Or the answer is a status, with the reason in the field detail"
        parts.append(_table(head, ("status", "meaning"), refusals))
    return "\n".join(parts)


def _fields(schema: Schema, schemas: Schema) -> Iterable[tuple[str, str]]:
    """Yield the name and the meaning of each field of an object."""
    schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for name, field in schema.get("properties", {}).items():
        yield name, field["description"]


def _table(title: str, heads: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(meaning)}</td></tr>"
        for name, meaning in rows
    )
    table = f"<table><tr>{head}</tr>{body}</table>"
    return f"<h3>{escape(title)}</h3>\n<div class=wide tabindex=0>{table}</div>"
