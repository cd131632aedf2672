"""Submissions as a learning platform hands them out -> one notebook per learner in a folder."""

from __future__ import annotations

import lzma
import os
import re
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from posixpath import commonpath

from mnist_lab._files import replacing
from mnist_lab.course import CourseError
from mnist_lab.course.assignments import archives
from mnist_lab.course.assignments.archives import (
    DOWNLOADED_AGAIN,
    LONGEST_NAME,
    MOST_BYTES,
    NOTEBOOK,
    Entry,
)

__all__ = ["PATTERNS", "Collected", "collect"]

MOST_BYTES_IN_ALL = 4_000_000_000

# The names that Moodle (a folder or a file for each learner) and Canvas give. The number tells
# learners of the same name apart.
PATTERNS = (
    r"(?:^|/)(?P<student>[^/]+?)_(?P<number>\d+)_assignsubmission_file_",
    r"(?:^|/)(?P<student>[^/_]+)(?:_LATE)?_(?P<number>\d{3,})_\d{3,}_[^/]*$",
)
# What reading can raise: damaged, encrypted, compressed by an unknown method, gone meanwhile.
_UNREADABLE = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass
class Collected:
    """What became of the submissions: files written, remarks and refusals, each a sentence."""

    written: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def collect(source: Path, folder: Path, pattern: str | None = None) -> Collected:
    """Copy the newest notebook of every learner to ``<folder>/<student>.ipynb``.

    Args:
        source: a zip file from a learning platform, or a folder of downloads.
        folder: where the notebooks go; made if need be. What is there is never overwritten.
        pattern: regular expression that finds the learner in a path within the source: its group
            ``student``, and ``number``, if it has one, is put behind. By default the names that
            Moodle and Canvas give; then a learner's own folder; then the name of the file.

    Raises:
        CourseError: the source is neither a zip file nor a folder, or the pattern is unfit.
    """
    patterns = PATTERNS if pattern is None else (_checked(pattern),)
    result = Collected()
    with archives.entries(source, besides=folder) as entries:
        notebooks = []
        for entry in entries:
            if fault := archives.fault(entry):
                result.refused.append(f"{_shown(entry.path)} {fault}.")
            else:
                notebooks.append(entry)
        found = _by_student(notebooks, patterns, guess=pattern is None)
        for entry in found.pop("", []):
            result.refused.append(f"{_shown(entry.path)} names no learner: rename it.")
        folder.mkdir(parents=True, exist_ok=True)
        _copy_newest(found, folder, result)
    return result


def _checked(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise CourseError(f"{pattern!r} is no regular expression ({error}): mend it.") from None
    if "student" not in groups:
        raise CourseError(f"{pattern!r} finds no learner: write (?P<student>...) around the name.")
    return pattern


def _by_student(
    notebooks: list[Entry], patterns: tuple[str, ...], *, guess: bool
) -> dict[str, list[Entry]]:
    """Return learner -> notebooks; those that name no learner stand under ""."""
    # An archive is often one folder that holds everything: that is nobody's name.
    parents = [str(PurePosixPath(entry.path).parent) for entry in notebooks]
    top = commonpath(parents) if len(parents) > 1 else ""
    found: dict[str, list[Entry]] = {}
    for entry in notebooks:
        student = ""
        match = next(filter(None, (re.search(pattern, entry.path) for pattern in patterns)), None)
        if match:
            student = "_".join(filter(None, [match["student"], match.groupdict().get("number")]))
        elif guess:
            first, *more = PurePosixPath(entry.path).relative_to(top).parts
            student = first if more else DOWNLOADED_AGAIN.sub("", NOTEBOOK.sub("", first))
        student = unicodedata.normalize("NFC", student) if _file_name(student) else ""
        found.setdefault(student, []).append(entry)
    return found


def _copy_newest(found: dict[str, list[Entry]], folder: Path, result: Collected) -> None:
    learners: dict[str, str] = {}  # name of a file, as file systems compare them -> learner
    total = 0
    for student, notebooks in sorted(found.items()):
        *older, newest = sorted(notebooks, key=lambda entry: (entry.changed, entry.path))
        where, name = _shown(newest.path), _file_name(student)
        if older:
            count = len(notebooks)
            result.remarks.append(f"{name} sent {count} notebooks; the newest counts: {where}.")
        if learners.setdefault(name.casefold(), student) != student:
            result.refused.append(
                f"{where} would be {name}.ipynb, as another learner's: rename it."
            )
            continue
        try:
            content = newest.read()
        except _UNREADABLE as error:
            result.refused.append(f"{where} cannot be read ({_shown(str(error))}): ask for it.")
            continue
        total += len(content)
        if len(content) > MOST_BYTES:
            result.refused.append(f"{where} unpacks to more than {MOST_BYTES:,} bytes.")
        elif total > MOST_BYTES_IN_ALL:
            result.refused.append(f"{where} is beyond {MOST_BYTES_IN_ALL:,} bytes in all.")
        else:
            _keep(content, folder / f"{name}.ipynb", where, result)


def _keep(content: bytes, path: Path, where: str, result: Collected) -> None:
    if not os.path.lexists(path):
        with replacing(path) as file:
            file.write(content)
        result.written.append(path)
    elif path.is_file() and path.read_bytes() == content:
        result.remarks.append(f"{path.name} was collected before.")
    else:
        result.refused.append(
            f"{where}: another {path.name} is there already; move that, or collect elsewhere."
        )


def _file_name(student: str) -> str:
    """Return a learner's name as every file system takes it, without what could steer anything.

    Control characters go, and so do marks that turn the direction of writing; a name begins
    neither like an option, nor like a hidden file, nor like a formula.
    """
    kept = "".join(c for c in student if not unicodedata.category(c).startswith("C"))
    plain = re.sub(r'[<>:"/\\|?*]', "_", " ".join(kept.split())).lstrip("-=+@. ")
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(". ")


def _shown(text: str) -> str:
    """Return a text of unknown origin so that printing it does nothing to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:LONGEST_NAME]
