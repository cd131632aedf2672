"""A CSV file of measured trainings: it grows by a training, and whoever is killed loses nothing."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from mnist_lab._files import write_text
from mnist_lab.course import CourseError

__all__ = ["Key", "Row", "Table"]

Row = Mapping[Any, Any]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """What the columns of a file are.

    Attributes:
        columns: names, in the order of the file.
        key: names of the columns that together tell a row from all others.
        numbers: names of the columns that hold numbers; nan is one, for a training may diverge.
        may_lack: names of the columns that may be empty.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    numbers: frozenset[str]
    may_lack: frozenset[str] = frozenset()

    def key_of(self, row: Row) -> Key:
        """Return what tells a row from all others, as text."""
        return tuple(str(row[name]) for name in self.key)

    def append(self, path: Path, rows: Iterable[Row]) -> None:
        """Add rows to the file in one write, so that whoever is killed leaves whole lines."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = StringIO()
        writer = csv.DictWriter(text, self.columns, restval="", lineterminator="\n")
        if not path.exists() or not path.stat().st_size:
            writer.writeheader()
        writer.writerows(rows)
        with path.open("ab", buffering=0) as file:
            file.write(text.getvalue().encode())
            os.fsync(file.fileno())

    def read(self, path: Path) -> tuple[list[dict[str, str]], str]:
        """Read the rows of a file; a last line that was cut is left out and named.

        Returns:
            The rows, all values as text, and a sentence about a broken last line or "".

        Raises:
            CourseError: the file has other columns, or a line before the last one is broken.
        """
        if not path.exists() or not path.stat().st_size:
            return [], ""
        lines = _lines(path)
        header = ",".join(self.columns) + "\n"
        if lines[0] != header and header.startswith(lines[0]):  # cut while it was begun
            return [], f"Line 1 of {path} is broken: it is written again."
        if lines[0] != header:
            raise CourseError(
                f"{path} does not have the columns that this command writes: "
                "name another file with --output."
            )
        rows = []
        for number, line in enumerate(lines[1:], 2):
            values = next(csv.reader([line]))
            if line.endswith("\n") and self._is_whole(values):
                rows.append(dict(zip(self.columns, values, strict=True)))
            elif number == len(lines):
                return rows, f"Line {number} of {path} is broken: its training is repeated."
            else:
                raise CourseError(f"Line {number} of {path} is broken: mend it or delete it.")
        return rows, ""

    def recover(self, path: Path) -> list[dict[str, str]]:
        """Read the rows of a file, and take a broken last line out of it, which is said."""
        rows, complaint = self.read(path)
        if complaint:
            print(complaint, file=sys.stderr)
            write_text(path, "".join(_lines(path)[:-1]))
        return rows

    def _is_whole(self, values: Sequence[str]) -> bool:
        """Say whether a line has all columns, and a number wherever there must be one."""
        if len(values) != len(self.columns):
            return False
        row = dict(zip(self.columns, values, strict=True))
        try:
            for name in self.numbers:
                float(row[name] or (0 if name in self.may_lack else ""))
        except ValueError:
            return False
        return True


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
