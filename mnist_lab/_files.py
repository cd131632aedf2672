"""Private: files that are written whole or not at all, and by one process at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["locked", "replacing", "write_text"]

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name that becomes its own only when the file is complete.

    A reader finds the old file or the new one, never half of one. The new file is on the disk
    before it takes the old one's place, so a power cut cannot leave an empty file behind.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, line ends as they are, in the way of :func:`replacing`."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a file for this process: whoever else asks for the same lock meanwhile is refused.

    The lock is on a file beside it, ``.NAME.lock``, because the file itself may be replaced. The
    system gives up the lock of a process that ends, however it ends.

    Raises:
        BlockingIOError: another process, or another place in this one, has the lock.
    """
    lock = path.with_name(f".{path.name}.lock")
    with _open_locked(lock):
        try:
            yield
        finally:
            if sys.platform != "win32":  # while nobody else can have it
                lock.unlink(missing_ok=True)
    if sys.platform == "win32":  # which removes no file that anybody has open
        with suppress(OSError):
            lock.unlink()


def _open_locked(lock: Path) -> BinaryIO:
    """Open and lock the file of that name, not one whose last holder has just removed it."""
    while True:
        file = lock.open("ab")
        try:
            _lock(file)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                    return file
        except OSError as error:
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise BlockingIOError(error.errno, "Another process has it", str(lock)) from error
            raise
        file.close()
