"""Commands for assignments: release the sources, collect answers, export to nbgrader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words, report_faults

__all__ = ["COMMANDS"]


@plain_words("What was written is whole, and the same command goes on.")
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
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.lint import assignment_problems

    course = find_course(Path.cwd())
    if check:
        report_faults(copies.stale(course))
        typer.echo("All learner copies are what their sources give.")
        return
    for path in copies.find_sources(course):
        for fault in assignment_problems(path):
            raise CourseError(f"{fault} Nothing was released; mnist-lab lint says more.")
    changed = copies.release(course)
    for path in changed:
        typer.echo(f"{path.relative_to(course.folder).as_posix()} written")
    typer.echo(f"{len(changed)} learner copies changed.")


@plain_words("What was written is whole, and the same command goes on.")
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


@plain_words("What was written is whole, and the same command goes on.")
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


COMMANDS = (release, collect, export_nbgrader)
