"""Learners' objects as checks see them: each stays in its kernel, only plain values come out.

Checks run in the instructor's process, so their hidden part never enters the kernel. What learners'
code can do to a check is to return values; it is never asked whether they are right.
"""

from __future__ import annotations

import base64
import builtins
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from mnist_lab.course.sandbox import serialization
from mnist_lab.course.sandbox.serialization import plain_text

__all__ = [
    "COLAB",
    "KEEP_SETUP",
    "PREPARE",
    "RESTORE_SETUP",
    "LearnerError",
    "Objects",
    "Proxy",
    "TamperedError",
    "WrongKindError",
]

_AGENT = "__import__('mnist_lab.course.sandbox.kernel_agent', fromlist=['answer'])"
_EXPRESSION = f"{_AGENT}.answer()"
# Code for a kernel, see kernel_agent.
PREPARE, KEEP_SETUP, RESTORE_SETUP, COLAB = (
    f"{_AGENT}.{what}" for what in ("prepare()", "keep_setup()", "restore_setup()", "COLAB")
)
_RETURN = "Return plain numbers, text, lists, dictionaries or arrays."
_NUMBERS = (bool, int, float, complex, np.ndarray, np.generic)
_ENDS_ITERATION = ("StopIteration", "StopAsyncIteration")


class Evaluates(Protocol):
    """A kernel, or what passes requests on to one."""

    def evaluate(self, expression: str, buffers: Sequence[bytes]) -> dict[str, Any]:
        """Return the MIME bundle of an expression; buffers come with the request."""


class LearnerError(Exception):
    """Code inside raised an exception; also an instance of its built-in class, if it has one.

    ``called`` says whether a function of the learner's was called, rather than a result looked at.
    """

    called = True

    def __init__(self, kind: str, message: str) -> None:
        Exception.__init__(self, message)
        self.kind = kind


class WrongKindError(AssertionError):
    """A check needs a plain value and found another object of the learner's."""


class TamperedError(Exception):
    """What came out of the kernel is not what an honest submission can make it say."""


class Objects:
    """What learners' code has made in a kernel.

    ``tampered`` is the first TamperedError that was raised, whatever a check made of it.
    """

    def __init__(self, kernel: Evaluates) -> None:
        self._kernel = kernel
        self.tampered: TamperedError | None = None

    def named(self, names: Iterable[str]) -> dict[str, Any]:
        """Return name -> plain value or proxy of those names that are defined."""
        found = {}
        for name in names:
            with suppress(LearnerError):
                found[name] = self.ask("name", name)
        return found

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Return what an operation inside returns, or raise what it raises.

        Raises:
            LearnerError: the learner's code did.
            KernelError: no answer came in time, or the kernel is gone.
            TamperedError: the answer makes no sense.
            ValueError: a check gives the learner's code what cannot travel.
        """
        buffers = [b""]

        def keep(npy: bytes) -> int:
            buffers.append(npy)
            return len(buffers) - 1

        asked = serialization.encode((operation, arguments), keep, _refer)
        buffers[0] = json.dumps(asked).encode()
        bundle = self._kernel.evaluate(_EXPRESSION, buffers)
        if not bundle:  # the kernel had no memory left, or its own parts were damaged
            raise WrongKindError(f"The result could not be read. {_RETURN}")
        try:
            text = json.loads(bundle["value"])
            if isinstance(text, dict) and "raised" in text:
                kinds, message = text["raised"]
                raised = _raised([str(kind) for kind in kinds], plain_text(message))
            else:
                return serialization.decode(
                    text, lambda i: base64.b64decode(bundle[str(i)]), self._proxy
                )
        except Exception as error:  # no honest answer fails in any way
            raise self.accuse("An answer of the kernel makes no sense.") from error
        raised.called = operation == "call"
        raise raised

    def accuse(self, what: str) -> TamperedError:
        """Return the exception to raise for what nothing honest can do."""
        self.tampered = self.tampered or TamperedError(what)
        return self.tampered

    def _proxy(self, content: Any) -> Proxy:
        number, kind = content
        return Proxy(self, int(number), plain_text(kind, 80))


def _refer(thing: Any) -> int:
    if type(thing) is Proxy:
        return thing._number
    raise ValueError(
        f"A check cannot pass a {type(thing).__name__} to learners' code: pass values."
    )


def _raised(kinds: list[str], message: str) -> LearnerError:
    """Return the exception that stands for one inside, given the names of its classes.

    One that ends iteration stays a LearnerError alone: here it would end a loop of the check.
    """
    for kind in kinds:
        if kind in _ENDS_ITERATION:
            break
        known = getattr(builtins, kind, None)
        if isinstance(known, type) and issubclass(known, Exception) and "Group" not in kind:
            error: LearnerError = type(kind, (LearnerError, known), {})(kind, message)
            return error
    return LearnerError(plain_text(kinds[0], 40), message)


def _compared(compare: Callable[[Any, Any], Any]) -> Callable[[Proxy, Any], Any]:
    def method(self: Proxy, other: Any) -> Any:
        if issubclass(type(other), (*_NUMBERS, Proxy)):
            with suppress(WrongKindError, LearnerError):
                return compare(np.asarray(self), np.asarray(other))
        raise self._wrong(f"something to compare with {plain_text(repr(other), 60)}")

    return method


class Proxy(NDArrayOperatorsMixin):
    """An object in the kernel. Attributes, items, calls and ``np.asarray`` are evaluated there.

    It never decides anything itself. A comparison uses the array of numbers that the object holds,
    as a tensor or a column of a table does. If the object holds none, the proxy raises
    WrongKindError, whatever the object's own ``__eq__`` says.
    """

    __slots__ = ("_kind", "_number", "_objects")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, objects: Objects, number: int, kind: str) -> None:
        self._objects, self._number, self._kind = objects, number, kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__qualname__", "__doc__"):
            raise AttributeError(name)  # what Python and NumPy try out
        return self._objects.ask("attribute", self, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # for model.layers[-1].__class__.__name__
        module, _, name = self._kind.rpartition(".")
        return type(name, (), {"__module__": module})

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._objects.ask("call", self, arguments, keywords)

    def __getitem__(self, key: Any) -> Any:
        return self._objects.ask("item", self, key)

    def __len__(self) -> int:
        length = self._objects.ask("length", self)
        if type(length) is not int or length < 0:
            raise self._wrong("something with a length")
        return length

    def __iter__(self) -> Iterator[Any]:
        items = self._objects.ask("items", self)
        if type(items) is not list:
            raise self._wrong("a shorter list")
        return iter(items)

    def __float__(self) -> float:
        number = self._objects.ask("number", self)
        if type(number) is not float:
            raise self._wrong("a number")
        return number

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self._objects.ask("array", self)
        if type(array) is not np.ndarray:
            raise self._wrong("an array of numbers, not too large")
        return array if dtype is None else array.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if any(type(out) is Proxy for out in keywords.get("out", ())):  # of found += 1
            del keywords["out"]
        plain = (np.asarray(value) if type(value) is Proxy else value for value in inputs)
        return getattr(ufunc, method)(*plain, **keywords)

    __eq__ = _compared(operator.eq)
    __ne__ = _compared(operator.ne)
    __lt__ = _compared(operator.lt)
    __le__ = _compared(operator.le)
    __gt__ = _compared(operator.gt)
    __ge__ = _compared(operator.ge)

    def __bool__(self) -> bool:
        return bool(self._single("True or False", "biuf"))

    def __int__(self) -> int:
        return int(self._single("a number", "biuf"))

    def __index__(self) -> int:
        return int(self._single("a whole number", "biu"))

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._single("a number", "biuf"), digits)

    def __format__(self, form: str) -> str:
        return format(self._single("a number", "biuf"), form) if form else repr(self)

    def __repr__(self) -> str:
        return "an object of type " + re.sub(r"^(builtins|__main__)\.", "", self._kind)

    def _single(self, wanted: str, kinds: str) -> Any:
        """Return the one value of an array whose ``dtype.kind`` is one of several."""
        with suppress(WrongKindError, LearnerError):
            array = np.asarray(self)
            if array.size == 1 and array.dtype.kind in kinds:
                return array.item()
        raise self._wrong(wanted)

    def _wrong(self, wanted: str) -> Exception:
        with suppress(LearnerError):
            if self._objects.ask("equals everything", self) is True:
                return self._objects.accuse(f"It made {self!r} that equals everything.")
        return WrongKindError(f"The check needs {wanted}, and found {self!r}. {_RETURN}")
