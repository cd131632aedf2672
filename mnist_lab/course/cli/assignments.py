"""Commands for assignments: lint and release the sources, collect answers, export to nbgrader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words

__all__ = ["collect", "export_nbgrader", "lint", "register", "release"]


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Sources; all of assignments/ if none is given."),
    ] = None,
) -> None:
    """Say what is wrong with assignments.

    Marks that are misspelt or out of place, checks that cannot fail or do not help, stubs that are
    not Python, exercises that lack goal, points, minutes or hints, and every line of a solution or
    a hidden test that learners could read. One sentence each says where and what to do; the exit
    code is 1 if there is any.

    \b
    mnist-lab lint                          all sources
    mnist-lab lint assignments/02_fnn.ipynb
    """
    from mnist_lab.course.assignments.release import find_sources
    from mnist_lab.course.execution import runner
    from mnist_lab.course.lint.assignments import assignment_problems

    files = files or find_sources(runner.find_course(Path.cwd()))
    faults = [fault for path in files for fault in assignment_problems(path)]
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{len(files)} assignments, no fault.")


def release(
    check: Annotated[bool, typer.Option("--check", help="Change nothing, only compare.")] = False,
) -> None:
    """Write what learners get to exercises/.

    Each source in assignments/ gives a copy of the same name: stubs for solutions, no hidden tests,
    no outputs, and checks that say "correct", "not yet" or "not attempted" in plain Colab. The same
    source always gives the same bytes. Nothing is released while a lint complains.

    \b
    mnist-lab release          after you changed an assignment
    mnist-lab release --check  exit code 1 when a copy is stale
    """
    from mnist_lab.course.assignments import release as copies
    from mnist_lab.course.execution import runner
    from mnist_lab.course.lint.assignments import assignment_problems

    course = runner.find_course(Path.cwd())
    if check:
        faults = copies.stale(course)
        for fault in faults:
            typer.echo(fault, err=True)
        if faults:
            raise typer.Exit(1)
        typer.echo("All learner copies are what their sources give.")
    else:
        for path in copies.find_sources(course):
            for fault in assignment_problems(path):
                raise CourseError(f"{fault} Nothing was released; mnist-lab lint says more.")
        changed = copies.release(course)
        for path in changed:
            typer.echo(f"{path.relative_to(course)} written")
        typer.echo(f"{len(changed)} learner copies changed.")


def collect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="Zip file from a learning platform, or a folder of downloads."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the notebooks go.")],
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Finds the learner in a path, as its group (?P<student>...).  "
            "[default: forms of learning platforms, else folder, else file]",
        ),
    ] = None,
) -> None:
    """Sort submissions by learner.

    The newest notebook of each learner is copied to FOLDER/<student>.ipynb. The names that Moodle,
    Canvas, Blackboard, Sakai, Brightspace, Google Classroom, Teams and nbgrader give are known; a
    number in them stays, so that learners of one name stay two. In other sources a learner's own
    folder decides, and without one the name of the file. Where a learner sent several notebooks, a
    line says which one counts and names the others. A line also names each learner who sent no
    notebook.

    Not collected are a notebook that names no learner, as "Copy of 01_eda", one that would get the
    name of another learner's, and what cannot be read. Each is named with the reason and what to
    do, the others are collected, and the exit code is 1. A file in FOLDER is never overwritten, and
    links are not followed.

    \b
    mnist-lab collect submissions.zip answers/01_eda
    mnist-lab collect downloads answers/01_eda --pattern "(?P<student>.+)_01_eda"
    """
    from mnist_lab.course.assignments import collect as collecting

    result = collecting.collect(source, folder, pattern)
    for remark in result.remarks:
        typer.echo(remark)
    for refusal in result.refused:
        typer.echo(f"Not collected: {refusal}", err=True)
    typer.echo(f"{len(result.written)} notebooks collected in {folder}.")
    if result.refused:
        raise typer.Exit(1)


def export_nbgrader(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Source of the assignment.")],
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Course of nbgrader; it gets source/NAME/NAME.ipynb."),
    ],
) -> None:
    """Convert an assignment for nbgrader.

    For schools that run nbgrader: the same cells with the metadata that it wants. Solutions and
    hidden tests keep their delimiters, which are nbgrader's own.

    \b
    mnist-lab export-nbgrader assignments/01_eda.ipynb nbgrader-course
    """
    from mnist_lab.course.assignments import nbgrader

    path = nbgrader.export(source, folder)
    typer.echo(f"{path} written; go on with: nbgrader generate_assignment {path.stem}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    for command in (lint, release, collect, export_nbgrader):
        stopped = "What was written is whole, and the same command goes on."
        app.command()(plain_words(stopped)(command))
