"""The command ``mnist-lab``: run the lessons, measure recipes, hand out exercises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli import assignments, grading, reproduce
from mnist_lab.course.cli.errors import plain_words
from mnist_lab.course.execution.pointers import Pointer
from mnist_lab.course.publishing import badges as badge_files

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Lessons = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LESSON", help="Names or numbers, as 02_fnn or 2; all if none is given."
    ),
]
Timeout = Annotated[int, typer.Option(min=1, metavar="SECONDS", help="How long one cell may take.")]


@app.callback()
def mnist_lab() -> None:
    """Run the lessons, measure what was published, set and collect the exercises.

    \b
    mnist-lab run                      execute every lesson; leaves pages and an index to read
    mnist-lab run 2 -p EPOCHS=1        execute one lesson, quickly
    mnist-lab refresh 02_fnn           renew the outputs of a lesson that you changed
    mnist-lab reproduce                measure the published recipes over ten seeds
    mnist-lab badges me/my-fork@v1.0   let badges and set-up cells open your fork
    \b
    mnist-lab lint                     look for faults in the assignments that you changed
    mnist-lab release                  write the copies that learners get, without solutions
    mnist-lab collect all.zip answers  sort what came back: one notebook a learner
    mnist-lab grade --help             marks for all of them, safe from what they hold
    mnist-lab doctor                   find out whether a sandbox works here
    mnist-lab export-nbgrader --help   hand them out with nbgrader instead

    The commands work on the course that the current folder belongs to, and "mnist-lab run --help"
    (likewise for the others) says more. Exit codes: 0 all is well, 1 something failed and is named,
    2 it could not start and one sentence says why, 130 stopped with Ctrl-C.
    """


@app.command()
def run(
    lessons: Lessons = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run also what is finished.")] = False,
    notebooks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of lessons.  [default: notebooks of the course]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for results.  [default: build/course]"),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", "-p", metavar="NAME=VALUE", help="Change a setting; repeatable."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Lessons at a time.  [default: one per processor, at most 4]"
        ),
    ] = None,
    timeout: Timeout = 600,
) -> None:
    """Execute lessons; leave pages to read.

    An index of the pages gives each lesson's headline result. Lessons run on MNIST where it is
    found or can be downloaded, else on a small bundled sample. A lesson that fails is reported with
    its cell and error, the others still run, and the exit code is 1. What is finished and unchanged
    is skipped.

    \b
    mnist-lab run                        then open build/course/index.html
    mnist-lab run 02_fnn 04_cnn --fresh  two lessons, whether they are finished or not
    mnist-lab run -p EPOCHS=1 --output build/quick
    """
    with plain_words("The same command goes on where it was."):
        from mnist_lab import data
        from mnist_lab.course.execution import runner

        course = Path.cwd() if notebooks else runner.find_course(Path.cwd())
        folder = notebooks or course / "notebooks"
        output = output or course / "build" / "course"
        chosen = runner.choose(folder, lessons or [])
        parameters = runner.assign_parameters(chosen, parameter or [])
        digits = data.load_mnist()  # before the lessons: they need not download it side by side
        typer.echo(digits.source)
        failed = runner.run(
            folder, chosen, parameters, digits, output, fresh=fresh, jobs=jobs, timeout=timeout
        )
        typer.echo(
            f"{len(chosen) - len(failed)} of {len(chosen)} lessons done: {output}/index.html"
        )
        if failed:
            raise typer.Exit(1)


@app.command()
def refresh(lessons: Lessons = None, timeout: Timeout = 600) -> None:
    """Renew the outputs of committed lessons.

    They are executed in place, on real MNIST, at their published settings, one after another. Each
    is stamped with the versions, the data and a digest of its sources, so that a test notices
    outputs of other sources. A lesson that fails keeps its file as it was.

    \b
    mnist-lab refresh 02_fnn   after you changed lesson 02
    mnist-lab refresh          all of them, for a release
    """
    with plain_words("Lessons reported as refreshed are, the others are as they were."):
        from mnist_lab import data
        from mnist_lab.course.execution import runner

        folder = runner.find_course(Path.cwd()) / "notebooks"
        chosen = runner.choose(folder, lessons or [])
        digits = data.load_mnist(allow_sample=False)
        typer.echo(digits.source)
        failed = runner.refresh(folder, chosen, digits, timeout=timeout)
        typer.echo(f"{len(chosen) - len(failed)} of {len(chosen)} lessons refreshed.")
        if failed:
            raise typer.Exit(1)


@app.command()
def badges(
    target: Annotated[
        str | None, typer.Argument(metavar="OWNER/REPO@TAG", help="Where all of them shall point.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, only compare.")] = False,
) -> None:
    """Point badges and set-up cells at a tag.

    Every Colab badge and every install line leads to one tag of one repository on GitHub. Nothing
    else in the notebooks and README.md changes, not even a space.

    \b
    mnist-lab badges me/my-fork@v1.0   after forking, or for a release
    mnist-lab badges --check           exit code 1 when they disagree
    """
    with plain_words():
        from mnist_lab.course.execution.runner import find_course

        folder = find_course(Path.cwd())
        pointer = Pointer.parse(target) if target else None
        if check:
            faults = badge_files.disagreements(folder, pointer)
            for fault in faults:
                typer.echo(fault, err=True)
            if faults:
                raise typer.Exit(1)
            typer.echo("All badges and set-up cells agree.")
        elif pointer is None:
            raise CourseError(
                "Nothing to point at: name it, as in mnist-lab badges me/my-fork@v1.0."
            )
        else:
            changed = badge_files.repoint(folder, pointer)
            for path in changed:
                typer.echo(f"{path.relative_to(folder)} points at {pointer} now")
            typer.echo(f"{len(changed)} files changed.")


assignments.register(app)
grading.register(app)
app.command()(reproduce.reproduce)
