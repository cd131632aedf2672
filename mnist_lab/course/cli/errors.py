"""How a command ends: in plain words with an exit code that a script can rely on, or as a fault.

A mistake of the user is one sentence and exit code 2. A fault of the course keeps its traceback,
which ``mnist-lab --traceback`` shows for both.
"""

from __future__ import annotations

import errno
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import typer

from mnist_lab.course import CourseError

__all__ = ["plain_words", "report_faults", "show_traceback"]

show_traceback: ContextVar[bool] = ContextVar("show_traceback", default=False)

# What a system says of a place that the user named; anything else would be a fault of the course.
_PLACES = {
    *(errno.EACCES, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC),
    *(errno.EDQUOT, errno.ENOTDIR, errno.EPERM, errno.EROFS),
}
# A kill and a closed terminal end a command as Ctrl-C does.
_ENDINGS = [signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else [])]


@contextmanager
def plain_words(when_stopped: str = "Nothing was changed.") -> Iterator[None]:
    """Say in a sentence why a command could not do its work (exit code 2) or was stopped (130)."""
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its warnings repeat what we report
    before = _interrupted_by(*_ENDINGS)
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
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted_by(*numbers: signal.Signals) -> dict[signal.Signals, Any]:
    """Let signals raise KeyboardInterrupt, so that nothing stays behind; return their handlers.

    A signal that is ignored stays so: nohup, for one, lets a command go on without its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, signal.default_int_handler) for number in heard}


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
