"""The table of verdicts in the README: made from the measurements, never by hand."""

from __future__ import annotations

from pathlib import Path

from mnist_lab import reproduction
from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.recipes import RECIPES

__all__ = ["renew", "renewed"]

_BEGIN, _END = "<!-- verdicts: mnist-lab refresh 5 writes this table -->\n", "<!-- end -->"


def _table() -> str:
    frame = reproduction.verdicts(reproduction.compare(reproduction.reproduction()))
    frame.insert(0, "project", [f"`{RECIPES[name].repository}`" for name in frame.recipe])
    frame["recipe"] = [f"`{name}`" for name in frame.recipe]
    rows = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def renewed(text: str) -> str:
    """Return the README with the table as the measurements give it today.

    Raises:
        CourseError: the marks around the table are missing.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise CourseError(f"README.md lacks the lines {_BEGIN.strip()} and {_END}: restore them.")
    return f"{before}{begin}\n{_table()}\n{end}{after}"


def renew(path: Path) -> None:
    """Write the table into a README."""
    write_text(path, renewed(path.read_text(encoding="utf-8")))
