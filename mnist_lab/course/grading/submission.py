"""What learners hand in: files that may be anything, and where each exercise is answered."""

from __future__ import annotations

import hashlib
import json
import os
import re
import symtable
import unicodedata
from collections import Counter
from collections.abc import Sequence
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

__all__ = [
    "cleaned",
    "find_submissions",
    "harmless",
    "is_untouched",
    "locate",
    "read_cells",
]

MAX_BYTES = 50_000_000
# Blanks only, never \s: over many empty lines the time would grow with the square of their number.
_EXERCISE = re.compile(r"^[ \t]*#+[ \t]*EXERCISE[ \t]+([\w-]+)", re.MULTILINE)
_OURS = re.compile(r"\s*#+\s*(SETUP\b|CHECK\s+\d\d-)")
_CALL = r"\((?:[^()]*\))?.*"  # its arguments may stand on several lines
_DROPPED = (
    (re.compile(r"^([ \t]*)[!%][ \t]*(pip|conda|apt|apt-get)\b.*", re.MULTILINE), r"\1pass"),
    (re.compile(r"^([ \t]*)drive\.mount" + _CALL, re.MULTILINE), r"\1pass"),
    (re.compile(r"^(?:from|import)[ \t]+google\.colab\b.*", re.MULTILINE), "pass"),  # not in a try
    (
        re.compile(
            r"^([ \t]*(?:\w+[ \t]*=[ \t]*)?)(?:google\.colab\.)?files\.(?:upload|download)" + _CALL,
            re.MULTILINE,
        ),
        r"\1None",
    ),
)


def find_submissions(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return learner -> (notebook, note) for all notebooks in a folder, ``.IPYNB`` included.

    Browsers call a second download of ``ada.ipynb`` ``ada (1).ipynb``: where both are there, the
    newest counts, and the note says so. Names are harmless, and different where those of the files
    are: names that would look alike get a digest of the file's name.
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


def read_cells(path: Path) -> list[str]:
    """Return the sources of a notebook's code cells, whatever version of the format it has.

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
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        sources = [c.get("source", c.get("input")) for c in cells if c["cell_type"] == "code"]
        texts = ["".join(source) for source in sources]
        "".join(texts).encode()  # half a character, which JSON can hold, reaches no kernel
        return texts
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        raise CourseError("The file is no notebook: download it again as .ipynb.") from None


def cleaned(source: str) -> str:
    """Return a cell without the lines that only Colab needs; an empty block stays valid."""
    for pattern, instead in _DROPPED:
        source = pattern.sub(instead, source)
    return source


def locate(cells: Sequence[str], assignment: Assignment) -> list[tuple[str, list[Exercise]]]:
    """Return the cells to run, each with the exercises that it answers.

    An exercise is where its mark is, else (or where nothing was written below the mark) where all
    names of its solution are defined; the last such cell counts. Copies of the instructor's own
    cells are left out.
    """
    own = [cell for cell in cells if not _OURS.match(cell)]
    marks = [_EXERCISE.findall(cell) for cell in own]
    names = [_defined(cleaned(cell)) for cell in own]
    answers: dict[int, list[Exercise]] = {}
    for exercise in assignment.exercises:
        marked = [i for i, ids in enumerate(marks) if exercise.id in ids]
        worked = [i for i in marked if not is_untouched(own[i], exercise)]
        free = [i for i, ids in enumerate(marks) if not ids and {*exercise.names} <= names[i]]
        places = worked or (free if exercise.names else []) or marked
        if places:
            answers.setdefault(places[-1], []).append(exercise)
    return [(cleaned(cell), answers.get(i, [])) for i, cell in enumerate(own)]


def is_untouched(cell: str, exercise: Exercise) -> bool:
    """Say whether a cell is what the learner got, but for blanks at the ends of lines."""
    stub = stubbed(exercise.source, exercise.id)
    return _lines(cell) == _lines(stub)


def _lines(source: str) -> list[str]:
    return [line.rstrip() for line in source.splitlines() if line.strip()]


def _defined(source: str) -> set[str]:
    """Return what a cell assigns at its top level; nothing if it cannot be read."""
    try:
        symbols = symtable.symtable(source, "<cell>", "exec").get_symbols()
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        return set()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned()}
