"""Values as JSON and ``.npy``, for the way into a kernel of learners' code and out of it.

Only None, bool, int, float, str, list, tuple, dict, NumPy arrays and scalars travel, by their exact
type; nothing is ever unpickled. For anything else the two sides agree on a reference.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["decode", "encode", "plain_text"]

_PLAIN = (type(None), bool, int, float, str)


def encode(value: Any, keep: Callable[[bytes], Any], refer: Callable[[Any], Any]) -> Any:
    """Return JSON for a value.

    Args:
        value: anything.
        keep: stores the ``.npy`` of an array and returns JSON that leads to it.
        refer: returns JSON for what cannot travel.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in (list, tuple, slice):
        items = (value.start, value.stop, value.step) if kind is slice else value
        return {kind.__name__: [encode(item, keep, refer) for item in items]}
    if kind is dict:
        return {"dict": [[encode(x, keep, refer) for x in pair] for pair in value.items()]}
    scalar = issubclass(kind, np.generic) and kind.__module__ == "numpy"
    if (scalar or kind is np.ndarray) and not value.dtype.hasobject:
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"scalar" if scalar else "array": keep(file.getvalue())}
    if value is Ellipsis:
        return {"ellipsis": None}
    return {"reference": refer(value)}


def decode(data: Any, fetch: Callable[[Any], bytes], resolve: Callable[[Any], Any]) -> Any:
    """Return the value that JSON stands for; the reverse of ``encode``.

    Raises ValueError, TypeError or KeyError for JSON that ``encode`` does not make.
    """
    if type(data) in _PLAIN:
        return data
    ((kind, content),) = data.items()
    if kind in ("list", "tuple", "slice"):
        items = [decode(item, fetch, resolve) for item in content]
        return items if kind == "list" else tuple(items) if kind == "tuple" else slice(*items)
    if kind == "dict":
        pairs = ([decode(x, fetch, resolve) for x in pair] for pair in content)
        return dict(map(tuple, pairs))
    if kind in ("array", "scalar"):
        npy = fetch(content)
        array = np.load(io.BytesIO(npy), allow_pickle=False)
        if array.size > len(npy):  # elements of no bytes: a check that lists them has no memory
            raise ValueError("An array has more elements than bytes.")
        return array if kind == "array" else array[()]
    if kind == "ellipsis":
        return Ellipsis
    if kind == "reference":
        return resolve(content)
    raise ValueError(f"{kind!r} is no kind of value.")


def plain_text(text: object, limit: int = 300) -> str:
    """Return text on one line, with no character that controls anything, cut at a limit."""
    line = " ".join(str(text)[: 4 * limit].split())
    line = "".join("\ufffd" if unicodedata.category(c)[0] == "C" else c for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
