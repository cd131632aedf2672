"""The side of proxies that runs in the kernel, among the learner's objects.

Nothing here is trusted: learners' code may change it at will, and then all that it can do is to
return other values than its own.
"""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from mnist_lab.course.sandbox import serialization

__all__ = ["COLAB", "answer", "keep_setup", "prepare", "restore_setup"]

MAX_ARRAYS = 32_000_000  # bytes of all arrays of an answer
MAX_TEXT = 4_000_000  # characters of its JSON
MAX_ITEMS = 100_000  # of what is iterated over
_objects: list[Any] = []  # what outside is known by its number only
_setup: dict[str, Any] = {}  # all names as they are when the instructor's set-up is done


class _Colab:
    """Stands for ``google.colab``, which is not here: all that is called in it does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}


COLAB = _Colab()


class _Answer:
    """What IPython displays as our MIME bundle."""

    def __init__(self, bundle: dict[str, str]) -> None:
        self.bundle = bundle

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.bundle

    def __repr__(self) -> str:
        return ""


def _shell() -> Any:
    from IPython import get_ipython  # type: ignore[import-untyped]

    return get_ipython()


def prepare() -> None:
    """Let ``exit()`` and all that ends a kernel in its own time end the cell that it stands in.

    ipykernel would stop a tenth of a second after its reply, in the middle of another cell.
    """
    shell = _shell()

    def end_cell(change: dict[str, Any]) -> None:
        if change["new"]:
            shell.exit_now = False
            raise SystemExit("This ends the cell.")

    shell.unobserve_all("exit_now")
    shell.observe(end_cell, "exit_now")


def keep_setup() -> None:
    """Remember all names as they are now; what a cell removes is back before the next one."""
    shell = _shell()
    _setup.update(shell.user_ns)

    def put_back(*_: Any) -> None:
        for name in _setup.keys() - shell.user_ns.keys():
            shell.user_ns[name] = _setup[name]

    shell.events.register("pre_run_cell", put_back)


def restore_setup() -> None:
    """Give all names of the set-up their values again, as running its cells would do."""
    hidden = _shell().user_ns_hidden
    _shell().user_ns.update({n: v for n, v in _setup.items() if n not in hidden})


def answer() -> _Answer:
    """Do what the request in the buffers of the current message asks for; return the outcome."""
    shell = _shell()
    buffers = [bytes(part) for part in shell.kernel.get_parent("shell")["buffers"]]
    arrays: list[bytes] = []

    def keep(content: bytes) -> int:
        arrays.append(content)
        return len(arrays) - 1

    def refer(thing: Any) -> list[Any]:
        _objects.append(thing)
        return [len(_objects) - 1, f"{type(thing).__module__}.{type(thing).__qualname__}"]

    def pack(found: Any) -> str:
        try:
            text = json.dumps(serialization.encode(found, keep, refer, MAX_ARRAYS))
            if len(text) <= MAX_TEXT and sum(map(len, arrays)) <= MAX_ARRAYS:
                return text
        except Exception:  # noqa: S110 - such a value stays here, like one that is too large
            pass
        arrays.clear()
        return json.dumps({"reference": refer(found)})

    try:
        operation, arguments = serialization.decode(
            json.loads(buffers[0]), lambda index: buffers[index], lambda index: _objects[index]
        )
        text = pack(_as_on_its_own(lambda: _perform(operation, arguments, shell.user_ns)))
    except BaseException as error:
        arrays.clear()
        kinds = [str(kind.__name__) for kind in type(error).__mro__]
        text = json.dumps({"raised": [kinds, _message(error)]})
    packed = {str(i): base64.b64encode(npy).decode() for i, npy in enumerate(arrays)}
    return _Answer({"value": text, **packed})


def _message(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException:
        return ""


def _as_on_its_own(action: Callable[[], Any]) -> Any:
    """Return what an action returns, whatever the learner's other cells made of warnings.

    Answers that count on ``np.seterr(all="raise")`` get it. Others, which that stops for a number
    too small to be stored, are called again with the settings that NumPy and Python begin with.
    """
    try:
        return action()
    except (FloatingPointError, Warning):
        usual = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
        with usual, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return action()


def _perform(operation: str, arguments: tuple[Any, ...], names: dict[str, Any]) -> Any:
    if operation == "name":
        return names[arguments[0]]
    thing, *rest = arguments
    if operation == "attribute":
        return getattr(thing, *rest)
    if operation == "call":
        positional, keywords = rest
        return thing(*positional, **keywords)
    if operation == "item":
        return thing[rest[0]]
    if operation == "length":
        return len(thing)
    if operation == "items":
        return list(islice(thing, MAX_ITEMS))
    if operation == "number":
        return float(thing)
    if operation == "array":
        return np.asarray(thing)
    if operation == "equals everything":
        return (thing == object()) is True
    raise ValueError(f"{operation!r} is no operation.")
