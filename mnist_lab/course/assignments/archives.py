"""The files of a zip archive or a folder of downloads, none of them trusted.

Whoever submits chooses names and contents. So nothing is unpacked to where an archive says, links
are not followed, and no more is read than a notebook can have.
"""

from __future__ import annotations

import re
import stat
import time
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mnist_lab.course import CourseError

__all__ = [
    "DOWNLOADED_AGAIN",
    "LONGEST_NAME",
    "MOST_BYTES",
    "NOTEBOOK",
    "Entry",
    "entries",
    "fault",
    "first_download",
    "is_clutter",
]

MOST_BYTES = 50_000_000  # of one notebook; with all its figures it has a few million
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers add an ending
# What browsers add to a second download's name. Longer numbers belong to learners.
DOWNLOADED_AGAIN = re.compile(r" ?\([1-9]\d?\)$")
LONGEST_PATH = 1000  # characters within a source
LONGEST_NAME = 200  # bytes; file systems take 255 with the ending
_CLUTTER = re.compile(r"(^|/)(__MACOSX/|(\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$)")
_UTF8 = 0x800  # the bit of a zip entry that says so
_OUTSIDE = re.compile(r"^([A-Za-z]:)?[/\\]|(^|[/\\])\.\.([/\\]|$)")


@dataclass(frozen=True)
class Entry:
    """A file: path in its source, time of change as (year, ..., second), bytes as declared."""

    path: str
    changed: tuple[int, ...]
    size: int
    is_regular: bool
    read: Callable[[], bytes]  # at most MOST_BYTES + 1; raises what zipfile and files raise


@contextmanager
def entries(source: Path, besides: Path) -> Iterator[list[Entry]]:
    """Open a zip file or a folder and give its files, but what systems add by themselves.

    Args:
        source: the zip file or the folder.
        besides: a folder that does not count where it lies within the source.

    Raises:
        CourseError: the source is neither.
    """
    if source.is_dir():
        yield [entry for entry in _in_folder(source, besides) if not is_clutter(entry.path)]
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise CourseError(
            f"{source} is neither a folder nor a zip file ({error}): name one of the two."
        ) from None
    with archive:
        yield [entry for entry in _in_zip(archive) if not is_clutter(entry.path)]


def is_clutter(path: str) -> bool:
    """Say whether a system made the file by itself."""
    return bool(_CLUTTER.search(path))


def first_download(stem: str, stems: Collection[str]) -> str:
    """Return the name whose repeated download a name is, if that is among the names; else itself.

    So ``ada (1)`` is ``ada`` where there is an ``ada``. Without one, nothing says that
    ``Group (1)`` and ``Group (2)`` are one.
    """
    while (base := DOWNLOADED_AGAIN.sub("", stem)) != stem and base in stems:
        stem = base
    return stem


def fault(entry: Entry) -> str:
    """Say why a file must not be read; "" if it may be."""
    if _OUTSIDE.search(entry.path):
        return "would be written outside of the folder: ask the learner for the file itself"
    if len(entry.path) > LONGEST_PATH:
        return (
            f"has a path of more than {LONGEST_PATH:,} characters: give its folders shorter names"
        )
    if not entry.is_regular:
        return "is a link or a device, not a file: ask the learner for the file itself"
    if entry.size > MOST_BYTES and NOTEBOOK.search(entry.path):
        return f"has more than {MOST_BYTES:,} bytes: ask for the notebook without its outputs"
    return ""


def _in_folder(source: Path, besides: Path) -> Iterator[Entry]:
    def load(path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)

    for path in sorted(source.rglob("*")):  # it does not follow symbolic links
        status = path.lstat()
        is_ours = besides != source and path.is_relative_to(besides)
        if not is_ours and not stat.S_ISDIR(status.st_mode):
            name, changed = path.relative_to(source).as_posix(), time.localtime(status.st_mtime)
            is_file = stat.S_ISREG(status.st_mode)
            yield Entry(name, tuple(changed)[:6], status.st_size, is_file, partial(load, path))


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Entry]:
    def unpack(info: zipfile.ZipInfo) -> bytes:
        with archive.open(info) as file:
            return file.read(MOST_BYTES + 1)  # whatever size was declared

    for info in archive.infolist():
        if not (path := _path(info)).endswith("/"):
            is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
            yield Entry(path, info.date_time, info.file_size, is_file, partial(unpack, info))


def _path(info: zipfile.ZipInfo) -> str:
    """Return an entry's path as its author saw it.

    Some programs write UTF-8 without saying so, which zipfile then takes for the old code page 437;
    what is no UTF-8 stays as it is. PowerShell 5 separates folders by backslashes.
    """
    path = info.filename
    if not info.flag_bits & _UTF8:
        with suppress(UnicodeError):
            path = path.encode("cp437").decode("utf-8")
    return path if "/" in path else path.replace("\\", "/")
