"""Commands for grading: marks for a folder of submissions, and whether a sandbox works here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mnist_lab.course.cli.errors import plain_words

__all__ = ["COMMANDS"]


@plain_words("The same command goes on where it was.")
def grade(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Source of the assignment.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Notebooks of the learners.")],
    csv: Annotated[Path, typer.Option(metavar="FILE", help="Where the marks go.")] = Path(
        "marks.csv"
    ),
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="For one cell, and for one check.")
    ] = 60,
    total: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="For one submission.")
    ] = 600,
    memory: Annotated[
        int, typer.Option(min=512, metavar="MB", help="For each process of a submission.")
    ] = 4096,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Submissions at a time.  [default: processors]"),
    ] = None,
    sandbox: Annotated[
        Literal["auto", "bwrap", "process"],
        typer.Option(help="auto takes bubblewrap where it works, and says so where not."),
    ] = "auto",
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster.")
    ] = None,
    feedback: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page for each learner there.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Grade also what is graded.")] = False,
) -> None:
    """Grade what learners handed in.

    Each notebook runs in a sandbox of its own, your checks run outside of it. The CSV has a row for
    each learner: points, a status and a sentence for every exercise. A loop or a crash costs the
    exercise that it is in. Your solution is graded first: unless it gets all points, nothing is.
    The same command goes on where it was; what has changed since is graded anew.

    What it cannot promise: a sandbox has no seccomp and no cgroups, so it is not proof against a
    fault of the system's kernel; many files can fill the disk, and large answers cost the grader
    memory. Hidden inputs do reach learners' code; a public source makes its
    hidden tests public, so keep it private or draw inputs when grading. Without a sandbox, grading
    guards against accidents only, and every row says so.

    \b
    mnist-lab grade assignments/01_eda.ipynb answers --csv marks.csv --feedback feedback
    mnist-lab grade assignments/02_fnn.ipynb answers --jobs 4 --timeout 120
    """
    import joblib
    from tqdm import tqdm

    from mnist_lab.course.grading import batch
    from mnist_lab.course.grading.gradebook import Mark
    from mnist_lab.course.grading.grader import Limits
    from mnist_lab.course.sandbox.doctor import choose_isolation

    isolation, why = (sandbox, "") if cluster else choose_isolation(sandbox)
    if isolation == "process":
        typer.echo(f"No sandbox: this guards against accidents, not against malice. {why}".rstrip())
    jobs = jobs or joblib.cpu_count()
    limits = Limits(timeout, total, memory, max(1, joblib.cpu_count() // jobs))
    bar = tqdm(unit=" submissions", disable=not sys.stderr.isatty(), leave=False)
    marks: list[Mark] = []

    def started(count: int, before: int) -> None:
        typer.echo(f"{count} submissions, {before} of them graded before.")
        bar.total = count - before
        bar.refresh()

    def graded(mark: Mark) -> None:
        marks.append(mark)
        bar.update()
        with bar.external_write_mode():
            typer.echo(f"{mark.student}: {mark.score:g}, {mark.status} ({mark.seconds:.1f} s)")

    with bar:
        batch.grade_class(
            source,
            folder,
            csv,
            isolation,
            limits,
            jobs=jobs,
            cluster=cluster,
            feedback=feedback,
            fresh=fresh,
            started=started,
            graded=graded,
        )
    typer.echo(f"{len(marks)} graded: {csv}")


@plain_words("The same command goes on where it was.")
def doctor() -> None:
    """Find out whether grading is safe here.

    Code that tries to get out runs in the sandbox: it may not read files, see processes, reach the
    network or take memory without a limit. Where that cannot be had, one sentence says what to do,
    and the exit code is 1.

    \b
    mnist-lab doctor  before the first grading on a computer
    """
    from mnist_lab.course.sandbox.doctor import fault_of_sandbox

    if fault := fault_of_sandbox():
        typer.echo(f"No sandbox: {fault}", err=True)
        typer.echo("Grading works as a plain process: against accidents, not malice.", err=True)
        raise typer.Exit(1)
    typer.echo("The sandbox holds: code in it reads no file, sees no process, reaches no network.")


COMMANDS = (grade, doctor)
