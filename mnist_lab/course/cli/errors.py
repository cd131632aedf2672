"""How a command ends: in plain words with an exit code that a script can rely on, or as a fault.

A mistake of the user is one sentence and exit code 2. A fault of the course keeps its traceback,
which ``mnist-lab --traceback`` shows for both.
"""

from __future__ import annotations

import errno
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import typer

from mnist_lab.course import CourseError

__all__ = ["plain_words", "report_faults", "show_traceback"]

show_traceback: ContextVar[bool] = ContextVar("show_traceback", default=False)

# What a system says of a place that the user named; anything else would be a fault of the course.
_PLACES = {
    *(errno.EACCES, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC),
    *(errno.ENOTDIR, errno.EPERM, errno.EROFS),
}


@contextmanager
def plain_words(when_stopped: str = "Nothing was changed.") -> Iterator[None]:
    """Say in a sentence why a command could not do its work (exit code 2) or was stopped (130)."""
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its warnings repeat what we report
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {when_stopped}", err=True)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        sentence = _mistake(error)
        if not sentence or show_traceback.get():
            raise
        typer.echo(f"mnist-lab: {sentence}", err=True)
        raise typer.Exit(2) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _mistake(error: ValueError | OSError) -> str:
    """Return the sentence for a mistake that the user can mend, "" for a fault of the course."""
    from mnist_lab.data import DataError
    from mnist_lab.pictures import PictureError

    if isinstance(error, CourseError | DataError | PictureError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _PLACES and error.filename is not None:
        reason = (error.strerror or "It cannot be used").lower()
        return f"{error.filename}: {reason}. Name a place that is there and that you may write to."
    return ""


def report_faults(faults: Sequence[str]) -> None:
    """Print every fault that a command was asked to look for, and end with exit code 1 if any."""
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
