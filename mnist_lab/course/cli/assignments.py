"""Commands for assignments: release the sources, collect answers, export to nbgrader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words, report_faults

__all__ = ["COMMANDS"]


@plain_words("The files that were written are complete. The same command writes the others.")
def release(
    check: Annotated[bool, typer.Option("--check", help="Change nothing, only compare.")] = False,
) -> None:
    """Write the learners' copies to exercises/.

    Each source in assignments/ gives a copy of the same name. The copy has stubs in place of
    solutions, no hidden tests and no outputs. Its checks say "correct", "not yet" or "not
    attempted", in plain Colab too. The same source always gives the same bytes. Nothing is released
    while a lint complains.

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
            raise CourseError(f"{fault} Nothing was released: mend this fault first.")
    changed = copies.release(course)
    for path in changed:
        typer.echo(f"{path.relative_to(course.folder).as_posix()} written")
    typer.echo(f"{len(changed)} learner copies changed.")


@plain_words("The files that were written are complete. The same command writes the others.")
def collect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="Zip file from a learning platform, or a folder of downloads."
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Folder for the notebooks, one for each learner."),
    ],
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Regular expression whose group (?P<student>...) finds the learner in a path.  "
            "[default: the forms of learning platforms, then the folder, then the file]",
        ),
    ] = None,
) -> None:
    """Sort submissions by learner.

    The newest notebook of each learner is copied to FOLDER/<student>.ipynb. The command knows the
    names that Moodle, Canvas, Blackboard, Sakai, Brightspace, Google Classroom, Teams and nbgrader
    give. A number in such a name stays, so that two learners with the same name stay two. In other
    sources, a learner's own folder decides, and without such a folder the name of the file. Where a
    learner sent several notebooks, a line says which one counts and names the others. A line also
    names each learner who sent no notebook.

    A notebook that names no learner, such as "Copy of 01_eda", is not collected. Nor is a notebook
    that would get the name of another learner's notebook, or a file that cannot be read. The
    command names each of them, says why and what to do, collects the others, and ends with exit
    code 1. It never overwrites a file in FOLDER, and follows no links.

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


@plain_words("The files that were written are complete. The same command writes the others.")
def export_nbgrader(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The source of the assignment.")],
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder of the nbgrader course. It gets source/NAME/NAME.ipynb."
        ),
    ],
) -> None:
    """Convert an assignment for nbgrader.

    Schools that run nbgrader get the same cells with the metadata of nbgrader. Solutions and hidden
    tests keep their marks, because nbgrader uses the same marks.

    \b
    mnist-lab export-nbgrader assignments/01_eda.ipynb nbgrader-course
    """
    from mnist_lab.course.assignments import nbgrader

    path = nbgrader.export(source, folder)
    typer.echo(f"{path} written; go on with: nbgrader generate_assignment {path.stem}")


COMMANDS = (release, collect, export_nbgrader)
