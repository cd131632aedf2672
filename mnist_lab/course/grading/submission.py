"""What learners hand in: files that may be anything, and where each exercise is answered."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import symtable
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnist_lab.course import CourseError
from mnist_lab.course.assignments.archives import (
    LONGEST_NAME,
    NOTEBOOK,
    first_download,
    is_clutter,
)
from mnist_lab.course.assignments.markers import stubbed
from mnist_lab.course.assignments.source import Assignment, Exercise
from mnist_lab.course.grading.checks import needed
from mnist_lab.course.grading.colab import as_python, cleaned
from mnist_lab.course.sandbox.proxies import RESTORE_SETUP

__all__ = [
    "Cell",
    "Plan",
    "Step",
    "find_submissions",
    "harmless",
    "is_untouched",
    "locate",
    "read_cells",
]

MAX_BYTES = 50_000_000
# Blanks only, never \s: over many empty lines the time would grow with the square of their number.
_EXERCISE = re.compile(r"^[ \t]*#+[ \t]*EXERCISE[ \t]+([\w-]+)", re.MULTILINE)
_OURS = re.compile(r"\s*#+\s*(?:(SETUP)\b|CHECK\s+(\d\d-[\w-]+))")


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in."""

    source: str
    is_code: bool = True


@dataclass(frozen=True)
class Step:
    """Code to run, and the exercises to be checked after it."""

    source: str
    exercises: tuple[Exercise, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The steps of a submission, and notes (id -> sentence) on answers that do not count."""

    steps: tuple[Step, ...]
    notes: Mapping[str, str]


def find_submissions(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return learner -> (notebook, note) for all notebooks in a folder, ``.IPYNB`` included.

    Browsers call a second download of ``ada.ipynb`` ``ada (1).ipynb``: where both are there, the
    newest counts, and the note says so. Names are harmless, and different where the names of the
    files are: names that would look alike get a digest of the file's name.
    """
    paths = [p for p in sorted(folder.glob("*")) if NOTEBOOK.search(p.name)]
    stems = {p: NOTEBOOK.sub("", p.name) for p in paths if not is_clutter(p.name)}
    files: dict[str, list[Path]] = {}
    for path, stem in stems.items():
        files.setdefault(first_download(stem, stems.values()), []).append(path)
    alike = Counter(_shown(stem).casefold() for stem in files)
    found: dict[str, tuple[Path, str]] = {}
    for stem, several in files.items():
        student = _shown(stem)
        if alike[student.casefold()] > 1 and student != stem:
            digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
            student = f"{_shown(stem, LONGEST_NAME - 11)} [{digest}]"
        while student in found:
            student += "_"
        newest = max(several, key=lambda path: (path.lstat().st_mtime_ns, path.name))
        note = f"The newest of {len(several)} files counts. " if len(several) > 1 else ""
        found[student] = newest, note
    return found


def _shown(stem: str, size: int = LONGEST_NAME) -> str:
    """Return the name of a file as a learner's name, harmless and of at most so many bytes."""
    name = unicodedata.normalize("NFC", stem)
    plain = "".join("\ufffd" if unicodedata.category(c)[0] == "C" else c for c in name).strip()
    return harmless(plain.encode()[:size].decode(errors="ignore") or "unnamed")


def harmless(text: str) -> str:
    """Return text for a cell of a spreadsheet, which must not take it for a formula."""
    text = text.replace(";", ",")  # where commas are decimal, spreadsheets split at semicolons
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of a notebook, whatever version of the format it has.

    Raises CourseError for a link (it may lead to the solutions), a file that is too large, and
    anything that is no notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise CourseError("The file is a link or no file at all: hand in the notebook itself.")
    if (size := path.stat().st_size) > MAX_BYTES:
        megabytes = f"{size / 1e6:.0f} MB, and {MAX_BYTES / 1e6:.0f} MB are allowed"
        raise CourseError(f"The file has {megabytes}: clear its outputs and hand it in again.")
    try:
        notebook = json.loads(path.read_bytes())
        sheets = [notebook] if "cells" in notebook else notebook["worksheets"]
        cells = [
            Cell("".join(cell["source" if "source" in cell else "input"]), is_code=True)
            if cell["cell_type"] == "code"
            else Cell("".join(cell.get("source", "")), is_code=False)
            for sheet in sheets
            for cell in sheet["cells"]
        ]
        "".join(c.source for c in cells if c.is_code).encode()  # a kernel takes no half characters
        return cells
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        raise CourseError("The file is no notebook: download it again as .ipynb.") from None


def locate(cells: Sequence[Cell], assignment: Assignment) -> Plan:
    """Return what is to be run of a submission, and where each exercise is to be checked.

    An exercise is where its mark is. Of several copies, the last one on which somebody worked
    counts. What its check asks for may also stand in later cells without a mark. Where nothing was
    written below the mark, it may stand in such cells only. The exercise is checked after each of
    them until it passes. Copies of the instructor's own cells are left out, except for what
    learners added to the set-up.
    """
    sources = _own_sources(cells, assignment)
    marks = [_EXERCISE.findall(source) for source in sources]
    names = [_defined(cleaned(source)) for source in sources]
    answers: dict[int, list[Exercise]] = {}
    for exercise in assignment.exercises:
        marked = [i for i, ids in enumerate(marks) if exercise.id in ids]
        worked = [i for i in marked if not is_untouched(sources[i], exercise)]
        wanted = {*needed(exercise)}
        free = [i for i, ids in enumerate(marks) if not ids and wanted & names[i]]
        if worked:
            places = worked[-1:] + [i for i in free if i > worked[-1]]
        else:
            places = _complete(free, names, wanted) or marked[-1:]
        for place in places:
            answers.setdefault(place, []).append(exercise)
    steps = (Step(cleaned(text), tuple(answers.get(i, ()))) for i, text in enumerate(sources))
    return Plan(tuple(steps), _notes(cells, assignment))


def _complete(free: list[int], names: list[set[str]], wanted: set[str]) -> list[int]:
    """Return the cells, of some, after which all wanted names are defined."""
    have: set[str] = set()
    complete = []
    for i in free:
        have |= names[i] & wanted
        if have == wanted:
            complete.append(i)
    return complete


def _own_sources(cells: Sequence[Cell], assignment: Assignment) -> list[str]:
    """Return the learner's own code: all cells but the instructor's, and what was added to them."""
    sources: list[str] = []
    for cell in cells:
        ours = _OURS.match(cell.source) if cell.is_code else None
        if cell.is_code and not ours:
            sources.append(cell.source)
        elif ours and ours[1]:
            if sources:  # where learners ran it, it gave its names their values again
                sources.append(RESTORE_SETUP)
            sources += _added(cell.source, assignment.setup)
    return sources


def _added(cell: str, setup: Sequence[str]) -> list[str]:
    """Return the statements that a learner added to a SETUP cell.

    Imports count, and what leaves the instructor's names alone.
    """
    ours = [node for source in setup for node in ast.parse(cleaned(source)).body]
    known = {ast.dump(node) for node in ours}
    taken = _bound("\n".join(map(ast.unparse, ours)))
    added = []
    with suppress(RecursionError):  # of a statement that is nested too deep
        for node in ast.parse(as_python(cleaned(cell))).body:
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            text = ast.unparse(node)
            if ast.dump(node) not in known and (is_import or not _bound(text) & taken):
                added.append(text)
    return added


def _notes(cells: Sequence[Cell], assignment: Assignment) -> dict[str, str]:
    """Return id -> where an answer stands that does not count, and what to do."""
    notes = {}
    for exercise in assignment.exercises:
        for cell in cells:
            ours = _OURS.match(cell.source)
            if not cell.is_code and exercise.id in _EXERCISE.findall(cell.source):
                notes[exercise.id] = (
                    "The answer is in a text cell, which does not run: make it a code cell."
                )
            elif cell.is_code and ours and ours[2] and {*needed(exercise)} & _defined(cell.source):
                notes[exercise.id] = (
                    f"An answer stands in the cell CHECK {ours[2]}, which is not run: "
                    f"move it to the cell EXERCISE {exercise.id}."
                )
    return notes


def is_untouched(cell: str, exercise: Exercise) -> bool:
    """Say whether a cell is what the learner got, but for blanks at the ends of lines."""
    stub = stubbed(exercise.source, exercise.id)
    return _lines(cell) == _lines(stub)


def _lines(source: str) -> list[str]:
    return [line.rstrip() for line in source.splitlines() if line.strip()]


def _defined(source: str) -> set[str]:
    """Return what a cell assigns at its top level; nothing if it cannot be read."""
    return _bound(as_python(source), imports=False)


def _bound(source: str, *, imports: bool = True) -> set[str]:
    """Return the names that source binds at its top level."""
    try:
        symbols = symtable.symtable(source, "<cell>", "exec").get_symbols()
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        return set()
    return {s.get_name() for s in symbols if s.is_assigned() or (imports and s.is_imported())}
