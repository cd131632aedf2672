"""The files of a zip archive or a folder of downloads, none of them trusted.

Whoever submits chooses names and contents. So nothing is unpacked to where an archive says, links
are not followed, and no more is read than a notebook can have.
"""

from __future__ import annotations

import re
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
]

MOST_BYTES = 50_000_000  # of one notebook; with all its figures it has a few million
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers add an ending
DOWNLOADED_AGAIN = re.compile(r" ?\(\d+\)$")  # what browsers add to a second download's name
LONGEST_NAME = 200  # bytes; file systems take 255 with the ending
_CLUTTER = re.compile(
    r"(^|/)((__MACOSX|\.ipynb_checkpoints)/|(\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$)"
)
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
        yield [entry for entry in _in_folder(source, besides) if not _CLUTTER.search(entry.path)]
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise CourseError(f"{source} is no folder and no zip file ({error}): name one.") from None
    with archive:
        yield [entry for entry in _in_zip(archive) if not _CLUTTER.search(entry.path)]


def fault(entry: Entry) -> str:
    """Say why a file is not read; "" if it may be."""
    if _OUTSIDE.search(entry.path):
        return "would lead out of the archive"
    if not entry.is_regular:
        return "is a link or a device, not a file"
    if not NOTEBOOK.search(entry.path):
        return "is no notebook (.ipynb)"
    return f"has more than {MOST_BYTES:,} bytes" if entry.size > MOST_BYTES else ""


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
        if not info.is_dir():
            is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
            read = partial(unpack, info)
            yield Entry(info.filename, info.date_time, info.file_size, is_file, read)
