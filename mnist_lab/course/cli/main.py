"""The command ``mnist-lab``: every group of commands is a module beside this one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mnist_lab.course.cli import assignments, export, grading, lessons, reproduce, serve
from mnist_lab.course.cli.errors import show_traceback

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def mnist_lab(
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where in the code a mistake was noticed.")
    ] = False,
) -> None:
    """Run the lessons, measure the published recipes, and grade the exercises.

    The commands work on the course that the current folder belongs to. Every command explains
    itself with examples if you add --help to it.

    Exit codes: 0 means that all is well. 1 means that something failed and is named. 2 means that
    the command could not start, and one sentence says why. 130 means that you stopped it.
    """
    show_traceback.set(traceback)
    for stream in (sys.stdout, sys.stderr):
        # A name that the encoding of a redirected output cannot hold is written as \u escapes.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


for _group in (lessons, assignments, grading, reproduce, export, serve):
    for _command in _group.COMMANDS:
        app.command()(_command)
