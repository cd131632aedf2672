"""The instructor's checks, run on what is in a learner's kernel."""

from __future__ import annotations

import ast
import builtins
import io
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mnist_lab.course.assignments.markers import stubbed
from mnist_lab.course.sandbox.proxies import LearnerError, Objects, TamperedError
from mnist_lab.course.sandbox.serialization import plain_text

if TYPE_CHECKING:  # a process that only checks does not read notebooks, which takes a second
    from mnist_lab.course.assignments.source import Exercise

__all__ = ["STATUSES", "Result", "Task", "judge", "missing_module", "needed", "prepared"]

# From the one that says most of a submission to the one that says least.
STATUSES = (
    *("unreadable", "tampered", "crashed", "timeout", "error", "failed"),
    *("missing", "not attempted", "passed"),
)
_MODULE = re.compile(r"No module named '(\w[\w.]{0,60})'")


@dataclass(frozen=True)
class Result:
    """What became of an exercise: points, one of STATUSES, and a sentence for the learner."""

    points: float
    status: str
    note: str = ""


@dataclass(frozen=True)
class Task:
    """What is to be known of an exercise to check it.

    ``names`` are the names of all exercises: the check sees learners' objects of these names only.
    ``wanted`` are the names of this exercise that the check asks for. ``given`` is what its stub
    assigns to them, as code.
    """

    id: str
    check: str
    points: float
    names: tuple[str, ...]
    wanted: tuple[str, ...]
    given: Mapping[str, str]

    @classmethod
    def of(cls, exercise: Exercise, names: Iterable[str]) -> Task:
        """Return the task of an exercise, among others with names of their own."""
        given: dict[str, str] = {}
        for node in ast.parse(stubbed(exercise.source, exercise.id)).body:
            if isinstance(node, ast.Assign):
                value = ast.unparse(node.value)
                given |= {t.id: value for t in node.targets if isinstance(t, ast.Name)}
        used = _used(exercise.check)
        asked, wanted = used & {*names}, needed(exercise)
        return cls(exercise.id, exercise.check, exercise.points, (*sorted(asked),), wanted, given)


@lru_cache
def needed(exercise: Exercise) -> tuple[str, ...]:
    """Return the names of an exercise that its check asks for, in their order."""
    own = symtable.symtable(exercise.check, "<check>", "exec").get_symbols()
    used = _used(exercise.check) - {symbol.get_name() for symbol in own if symbol.is_assigned()}
    return tuple(name for name in exercise.names if name in used)


@lru_cache
def _used(check: str) -> frozenset[str]:
    nodes = ast.walk(ast.parse(check))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def judge(
    task: Task, setup: Mapping[str, Any], objects: Objects, reply: Mapping[str, Any]
) -> Result:
    """Return the result of an exercise after its cell was run.

    Args:
        task: what is checked.
        setup: what ``prepared`` returns of the SETUP cells.
        objects: what is in the kernel.
        reply: what the kernel replied to the exercise's cell.

    Raises:
        TamperedError: the kernel answers nonsense.
        MemoryError: there is too little memory for the check.
    """
    found: dict[str, Any] = {}
    try:
        found = objects.named(task.names)
        undefined = [name for name in task.wanted if name not in found]
        if undefined:
            return _stopped(reply) or Result(0, "missing", f"{undefined[0]} is not defined.")
        if task.wanted and all(found[name] is None for name in task.wanted):
            return _stopped(reply) or Result(0, "not attempted")
        namespace = {**setup, **found, "__name__": "check"}
        with _quiet():
            exec(compile(task.check, f"<check {task.id}>", "exec"), namespace)  # noqa: S102
    except TamperedError:
        raise
    except LearnerError as error:
        result = _raised(error)
    except MemoryError:
        raise
    except AssertionError as error:
        note = plain_text(error) or "The result is not what it should be."
        result = Result(0, "failed", note)
    except Exception as error:  # what the learner returned is of no use to the check
        result = Result(0, "failed", plain_text(f"{type(error).__name__}: {error}"))
    else:
        result = Result(task.points, "passed")
    if objects.tampered:
        raise objects.tampered
    if result.status == "failed" and task.wanted and _is_unchanged(task, found):
        return _stopped(reply) or Result(0, "not attempted")
    return result


def prepared(setup: Iterable[str]) -> dict[str, Any]:
    """Return what the SETUP cells define, for checks."""
    namespace: dict[str, Any] = {"__name__": "setup"}
    with _quiet():
        for source in setup:
            exec(compile(source, "<setup>", "exec"), namespace)  # noqa: S102
    return namespace


def missing_module(reply: Mapping[str, Any]) -> str:
    """Return the module that a cell did not find; "" if it stopped for another reason, or not."""
    if reply.get("status") != "error" or reply.get("ename") != "ModuleNotFoundError":
        return ""
    found = _MODULE.search(str(reply.get("evalue")))
    return found[1] if found else ""


def _raised(error: LearnerError) -> Result:
    if isinstance(error, NotImplementedError):
        return Result(0, "not attempted")
    if not error.called:
        return Result(0, "failed", plain_text(f"{error.kind}: {error}"))
    if isinstance(error, ModuleNotFoundError) and (module := _MODULE.search(str(error))):
        return Result(0, "error", _without(module[1]))
    return Result(0, "error", f"Your code stopped with {error.kind}.")


def _stopped(reply: Mapping[str, Any]) -> Result | None:
    """Return the result of an exercise whose cell stopped with an exception."""
    if reply.get("status") != "error":
        return None
    kind = reply.get("ename")
    if kind == "NotImplementedError":
        return Result(0, "not attempted")
    if module := missing_module(reply):
        return Result(0, "error", _without(module))
    known = isinstance(getattr(builtins, str(kind), None), type)
    return Result(0, "error", f"Your cell stopped with {kind if known else 'an exception'}.")


def _without(module: str) -> str:
    return f"There is no module {module} where answers are graded: write your answer without it."


def _is_unchanged(task: Task, found: Mapping[str, Any]) -> bool:
    """Say whether all that the check asks for is None or what the stub assigns to it."""
    for name in task.wanted:
        try:
            given = ast.literal_eval(task.given.get(name, "None"))
        except ValueError:  # a value that the stub computes
            return False
        value = found.get(name)
        if value is not None and not (type(value) is type(given) and value == given):
            return False
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
