"""Shows how far the lessons are: bars and time left on a terminal, lines now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

__all__ = ["Progress", "duration"]

LINE_SECONDS = 60.0  # between two lines where there is no terminal


def duration(seconds: float) -> str:
    """Write a duration for people: ``45 s``, ``2 min 5 s``."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


class Progress:
    """Progress of lessons that run side by side, and an honest guess of the time left.

    Args:
        expected: name -> seconds that each lesson is expected to take: what it took last time, or
            what it says of itself. Lessons that are finished correct the others in proportion.
        cells: name -> number of cells to execute.
        jobs: how many lessons run at a time.

    ``start`` and ``cell`` may be called from any thread.
    """

    def __init__(self, expected: Mapping[str, float], cells: Mapping[str, int], jobs: int) -> None:
        self.expected, self.cells, self.jobs = expected, cells, jobs
        self.began: dict[str, float] = {}
        self.current: dict[str, int] = {}
        self.over: set[str] = set()
        self.took: dict[str, float] = {}  # of those that went well: the others ended early
        self.console = Console(highlight=False, markup=False, soft_wrap=True)
        self._last_line = time.monotonic()
        self._rows: dict[str, TaskID] = {}
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._all = self._bars.add_task("all", total=len(expected), unit="lessons", left="")

    def __enter__(self) -> Progress:
        if self.expected:
            count = len(self.expected)
            self.say(f"{count} to run, {self.jobs} at a time, {self.left()}")
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.console.print(line)

    def start(self, name: str) -> None:
        """A lesson starts."""
        self.began[name] = time.monotonic()
        self._rows[name] = self._bars.add_task(name, total=self.cells[name], unit="cells", left="")
        self.say(f"{name}: started")

    def cell(self, name: str, number: int) -> None:
        """The cell with this number starts: those before it are done."""
        self.current[name] = number
        self._bars.update(self._rows[name], completed=number - 1)

    def finish(self, name: str, line: str, *, well: bool = True) -> None:
        """A lesson is over, well or not; the line says how."""
        self.over.add(name)
        if well:
            self.took[name] = time.monotonic() - self.began[name]
        self._bars.remove_task(self._rows[name])
        self._bars.advance(self._all)
        self.say(line)

    def fail(self, name: str, failure: Mapping[str, Any]) -> None:
        """A lesson is over because of this failure, as in its record."""
        line = f"{name}: FAILED at cell [{failure['cell']}]: {failure['error']}"
        self.finish(name, line, well=False)
        for line in failure["excerpt"].splitlines():
            self.say(f"    {line}")

    def seconds_left(self) -> float:
        """Guess how long the rest will take."""
        known = sum(self.expected[name] for name in self.took)
        pace = sum(self.took.values()) / known if known else 1.0
        now, left = time.monotonic(), []
        for name in self.expected.keys() - self.over:
            spent = now - self.began.get(name, now)
            # A lesson that takes longer than expected is not about to end just because of that.
            left.append(max(self.expected[name] * pace - spent, spent / 10))
        return max(sum(left) / self.jobs, *left, 0.0)

    def left(self) -> str:
        """Say how long the rest will take, no more exactly than it is known."""
        minutes = math.ceil(self.seconds_left() / 60)
        return f"about {minutes} min left" if minutes > 1 else "about a minute left"

    def tick(self) -> None:
        """Bring what is shown up to date; cheap, to be called often."""
        left = self.left()
        self._bars.update(self._all, left=left)
        running = [name for name in self.began if name not in self.over]
        if self._bars.disable and running and time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            places = (
                f"{name} at cell {self.current.get(name, 0)} of {self.cells[name]}"
                for name in running
            )
            self.say(f"{', '.join(places)}; {left}")
