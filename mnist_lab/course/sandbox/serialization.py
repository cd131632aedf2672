"""Values as JSON and ``.npy``, for the way into a kernel of learners' code and out of it.

Plain values travel: None, numbers, text, bytes, lists, tuples, sets, dictionaries, ranges, and the
arrays and scalars of NumPy. So do their subclasses in Python and NumPy: a ``Counter`` arrives as a
``Counter``. A value of a learner's own subclass arrives as the plain value that it holds, and
nothing is ever unpickled. For anything else the two sides agree on a reference.
"""

from __future__ import annotations

import io
import unicodedata
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["decode", "encode", "plain_text"]

_PLAIN = (type(None), bool, int, float, str)
_SEQUENCES: dict[str, Any] = {
    **{"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "deque": deque},
    "keys": type({}.keys()),
    "values": type({}.values()),
    "items": type({}.items()),
}
_HASHED = ("set", "frozenset", "keys", "items")  # what they hold must be of plain values only
_MAPPINGS = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_TRIPLES = {"slice": slice, "range": range}
_MAX_BITS = 10_000  # of a whole number: Python reads no number of more than 4,300 digits from text
_MAX_DEPTH = 50  # of values within values: the other side must be able to follow
_ITEM_BYTES = 24  # that an item of a list or dictionary counts, at least
_MAX_FIELDS = 100  # of a named tuple or a structured array


class _NoKeyError(Exception):
    """A key cannot travel, so the whole dictionary or set stays where it is."""


def encode(
    value: Any,
    keep: Callable[[bytes], Any],
    refer: Callable[[Any], Any],
    largest: float = float("inf"),
) -> Any:
    """Return JSON for a value.

    Args:
        value: anything.
        keep: stores bytes, such as an array as ``.npy``, and returns JSON that leads to them.
        refer: returns JSON for what cannot travel.
        largest: bytes of an array, or of what holds values at 24 an item, that may travel.
    """
    return _Encoder(keep, refer, largest).encode(value)


class _Encoder:
    def __init__(
        self, keep: Callable[[bytes], Any], refer: Callable[[Any], Any], largest: float
    ) -> None:
        self._keep, self._refer, self._largest = keep, refer, largest

    def encode(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if kind in _PLAIN and (kind is not int or value.bit_length() <= _MAX_BITS):
            return value
        content = None
        if depth < _MAX_DEPTH:
            for encode in (self._array, self._number, self._container):
                content = encode(value, kind, depth + 1)
                if content is not None:
                    return content
        return {"reference": self._refer(value)}

    def _array(self, value: Any, kind: type, depth: int) -> Any:
        if not issubclass(kind, np.ndarray | np.generic):
            return None
        if value is np.ma.masked:
            return {"masked": None}
        if issubclass(kind, np.ma.MaskedArray):
            masks: Any = np.ma  # without types
            parts = (masks.getdata(value), masks.getmaskarray(value), value.fill_value)
            data, mask, fill = (self._npy(np.asarray(part)) for part in parts)
            return None if data is None else {"masked": [data, mask, fill]}
        if (
            kind is np.ndarray
            and value.dtype == object
            and value.size * _ITEM_BYTES <= self._largest
        ):
            items = self._keys(value.ravel().tolist(), depth)
            return None if items is None else {"objects": [[*value.shape], items]}
        scalar = issubclass(kind, np.generic)
        name = {np.matrix: "matrix", np.recarray: "recarray"}.get(kind, "array")
        npy = self._npy(np.asarray(value))
        return None if npy is None else {"scalar" if scalar else name: npy}

    def _npy(self, array: np.ndarray[Any, Any]) -> Any:
        """Return JSON that leads to an array; None if it cannot travel."""
        dtype = array.dtype
        if dtype.hasobject or not dtype.itemsize or array.nbytes > self._largest:
            return None
        if len(dtype.names or ()) > _MAX_FIELDS:
            return None
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        return self._keep(file.getvalue())

    def _number(self, value: Any, kind: type, _: int) -> Any:
        """Encode one number or text; of a subclass, encode what its base class holds."""
        if value is Ellipsis:
            return {"ellipsis": None}
        if isinstance(value, np.dtype):
            return {"dtype": value.str} if value.names is None else None
        if kind is Decimal:
            return {"Decimal": str(value)}
        if kind is Fraction:
            parts = (value.numerator, value.denominator)
            is_short = all(part.bit_length() <= _MAX_BITS for part in parts)
            return {"Fraction": str(value)} if is_short else None
        if issubclass(kind, int):
            whole = int.__int__(value)
            return whole if whole.bit_length() <= _MAX_BITS else None
        if issubclass(kind, float):
            return float.__float__(value)
        if issubclass(kind, str):
            return str.__str__(value)
        if issubclass(kind, complex):
            number = complex.__pos__(value)
            return {"complex": [number.real, number.imag]}
        for base in (bytes, bytearray):
            if issubclass(kind, base):
                content = bytes(memoryview(value))
                return (
                    {base.__name__: self._keep(content)} if len(content) < self._largest else None
                )
        return None

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        """Encode what holds values; of a subclass, encode what its base class holds."""
        if kind in (slice, range):
            parts = (value.start, value.stop, value.step)
            return {kind.__name__: [self.encode(part, depth) for part in parts]}
        for name, base in _SEQUENCES.items():
            if issubclass(kind, base):
                if base.__len__(value) * _ITEM_BYTES > self._largest:
                    return None
                items = base.__iter__(value)
                if name in _HASHED:
                    keys = self._keys(items, depth)
                    return None if keys is None else {name: keys}
                encoded = [self.encode(item, depth) for item in items]
                fields = _fields(kind, len(encoded)) if base is tuple else None
                if fields:
                    return {"namedtuple": [kind.__name__, fields, encoded]}
                return {name: encoded}
        return self._mapping(value, kind, depth) if issubclass(kind, dict) else None

    def _mapping(self, value: Any, kind: type, depth: int) -> Any:
        if dict.__len__(value) * _ITEM_BYTES > self._largest:
            return None
        keys = self._keys(dict.keys(value), depth)
        if keys is None:
            return None
        values = [self.encode(item, depth) for item in dict.values(value)]
        pairs = [list(pair) for pair in zip(keys, values, strict=True)]
        if issubclass(kind, defaultdict) and value.default_factory is not None:
            return {"defaultdict": [pairs, self.encode(value.default_factory(), depth)]}
        name = next((n for n, base in _MAPPINGS.items() if kind is base), "dict")
        if issubclass(kind, Counter):
            name = "Counter"
        return {name: pairs}

    def _keys(self, keys: Iterable[Any], depth: int) -> list[Any] | None:
        try:
            return [_Encoder(self._keep, _refuse, self._largest).encode(k, depth) for k in keys]
        except _NoKeyError:
            return None


def _refuse(_: Any) -> Any:
    raise _NoKeyError


def _fields(kind: type, length: int) -> list[str] | None:
    """Return the names of a named tuple's fields; None for another class."""
    fields = getattr(kind, "_fields", None)
    if type(fields) is not tuple or len(fields) != length or length > _MAX_FIELDS:
        return None
    return [*fields] if all(type(name) is str for name in fields) else None


def decode(data: Any, fetch: Callable[[Any], bytes], resolve: Callable[[Any], Any]) -> Any:
    """Return the value that JSON stands for; the reverse of ``encode``.

    Raises ValueError, TypeError or KeyError for JSON that ``encode`` does not make.
    """

    def value(data: Any) -> Any:
        if type(data) in _PLAIN:
            return data
        ((kind, content),) = data.items()
        if kind in _SEQUENCES:
            items = map(value, content)
            return views[kind](items) if kind in views else _SEQUENCES[kind](items)
        if kind in _MAPPINGS:
            return _MAPPINGS[kind](pairs(content))
        if kind in _TRIPLES:
            return _TRIPLES[kind](*map(value, content))
        return others[kind](content)

    def pairs(content: Any) -> dict[Any, Any]:
        return dict(tuple(map(value, pair)) for pair in content)

    def array(content: Any) -> np.ndarray[Any, Any]:
        npy = fetch(content)
        loaded: np.ndarray[Any, Any] = np.load(io.BytesIO(npy), allow_pickle=False)
        if loaded.size > len(npy):  # elements of no bytes: a check that lists them has no memory
            raise ValueError("An array has more elements than bytes.")
        return loaded

    def masked(content: Any) -> Any:
        if content is None:
            return np.ma.masked
        parts, mask, fill = map(array, content)
        masks: Any = np.ma  # without types
        return masks.MaskedArray(parts, mask, fill_value=fill)

    def objects(content: Any) -> Any:
        shape, items = content
        flat = np.empty(len(items), object)
        for i, item in enumerate(items):
            flat[i] = value(item)
        return flat.reshape(shape)

    def with_default(content: Any) -> Any:
        default = value(content[1])
        return defaultdict(lambda: deepcopy(default), pairs(content[0]))

    def named(content: Any) -> Any:
        name, fields, items = content
        if len(fields) > _MAX_FIELDS:
            raise ValueError("A named tuple has too many fields.")
        # Names that are none (a class may claim any) are replaced by numbered ones.
        fitting = name if type(name) is str and name.isidentifier() else "namedtuple"
        return namedtuple(fitting, fields, rename=True)(*map(value, items))

    views: dict[str, Callable[[Any], Any]] = {
        "keys": lambda items: dict.fromkeys(items).keys(),
        "values": lambda items: dict(enumerate(items)).values(),
        "items": lambda items: dict(items).items(),
    }
    others: dict[str, Callable[[Any], Any]] = {
        "array": array,
        "scalar": lambda content: array(content)[()],
        "matrix": lambda content: np.asmatrix(array(content)),
        "recarray": lambda content: array(content).view(np.recarray),
        "masked": masked,
        "objects": objects,
        "dtype": np.dtype,
        "bytes": lambda content: bytes(fetch(content)),
        "bytearray": lambda content: bytearray(fetch(content)),
        "complex": lambda content: complex(*content),
        "Decimal": Decimal,
        "Fraction": Fraction,
        "defaultdict": with_default,
        "namedtuple": named,
        "ellipsis": lambda _: Ellipsis,
        "reference": resolve,
    }
    return value(data)


def plain_text(text: object, limit: int = 300) -> str:
    """Return text on one line, with no character that controls anything, cut at a limit."""
    line = " ".join(str(text)[: 4 * limit].split())
    line = "".join("\ufffd" if unicodedata.category(c)[0] == "C" else c for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
