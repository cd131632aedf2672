"""Tasks side by side: one whose process is killed costs no other task its result."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mnist_lab.course.experiments.outcomes import (
    WorkerKilledError,
    outcomes,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as on Linux and macOS")


def double(number: int) -> int:
    return 2 * number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        die()
    return "well"


@pytest.mark.slow
def test_killed_workers(tmp_path: Path) -> None:
    calls: dict[str, Callable[[], Any]] = {}
    calls |= {str(number): partial(double, number) for number in range(12)}
    calls |= {"once": partial(die_once, tmp_path / "died"), "always": die, "again": die}
    names = ["0", "once", "1", "always", *map(str, range(2, 9)), "again", "9", "10", "11"]
    found = dict(outcomes({name: calls[name] for name in names}, 2, None))
    assert set(found) == set(names)
    assert found["once"] == "well"
    for name in ("always", "again"):
        assert isinstance(found.pop(name), WorkerKilledError)
    assert {name: found[name] for name in map(str, range(12))} == {
        str(number): 2 * number for number in range(12)
    }


@pytest.mark.slow
def test_calls_that_were_handed_out_and_had_not_begun(tmp_path: Path) -> None:
    """Two run side by side when the first is killed; the others wait, and are killed later."""
    waiting = {name: partial(die_once, tmp_path / name) for name in "abcd"}
    found = dict(outcomes({"always": die, **waiting}, 2, None))
    assert isinstance(found.pop("always"), WorkerKilledError)
    assert found == dict.fromkeys(waiting, "well")


def fail() -> None:
    raise ZeroDivisionError


def test_exceptions_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(outcomes({"a": fail}, 1, None))
