"""How a command ends: in plain words, with an exit code that a script can rely on."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["plain_words"]


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
        typer.echo(f"mnist-lab: {error}", err=True)
        raise typer.Exit(2) from None
    finally:
        signal.signal(signal.SIGTERM, before)
