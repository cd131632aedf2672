"""Private: files that are written whole or not at all, and by one process at a time."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["LockedError", "locked", "replacing", "write_text"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(2**30)  # far behind the text: nobody else can read a byte that is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name that becomes its own only when the file is complete.

    A reader finds the old file or the new one, never half of one. The new file is on the disk
    before it takes the old one's place, so a power cut cannot leave an empty file behind. It has
    taken that place when the block is left, so of two files that are written one after another the
    second is never newer than the first. An OSError of a full disk names the file.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            error.filename = str(path)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can do so."""
    if sys.platform != "win32":  # which opens no folders
        with suppress(OSError):  # some network file systems cannot
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, line ends as they are, in the way of :func:`replacing`."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


class LockedError(BlockingIOError):
    """Another process has the lock: a sentence that names the process and ends with what to do."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a file for this process: whoever else asks for the same lock meanwhile is refused.

    The lock is on a file beside it, ``.NAME.lock``, because the file itself may be replaced. That
    file says who has the lock. The system gives up the lock of a process that ends, however it
    ends. Where a file system knows no locks, the block runs without one.

    Raises:
        LockedError: another process, or another place in this one, has the lock.
        OSError: no file can be made there; the error names ``path``.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        file = _open_locked(lock)
    except LockedError:
        raise LockedError(_in_use(path, lock)) from None
    except OSError as error:
        error.filename = str(path)
        raise
    with file:
        try:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
            file.flush()
            yield
        finally:
            if sys.platform != "win32":  # while nobody else can have it
                lock.unlink(missing_ok=True)
    if sys.platform == "win32":  # which removes no file that anybody has open
        with suppress(OSError):
            lock.unlink()


def _in_use(path: Path, lock: Path) -> str:
    holder = ""
    with suppress(OSError):  # the other command has just ended
        holder = lock.read_bytes()[:200].decode(errors="replace")
    return (
        f"{path} is in use by {holder or 'another command'}: wait until that has ended, or name "
        "another file."
    )


def _open_locked(lock: Path) -> BinaryIO:
    """Open and lock the file of that name, not one whose last holder has just removed it."""
    while True:
        file = lock.open("ab")
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return file
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise LockedError from error
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        file.close()
