"""Commands for grading: marks for a folder of submissions, and whether a sandbox works here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mnist_lab.course.cli.errors import plain_words

__all__ = ["COMMANDS"]


@plain_words("The same command continues where it stopped.")
def grade(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The source of the assignment, with solutions.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder with the notebooks of the learners.")
    ],
    csv: Annotated[Path, typer.Option(metavar="FILE", help="Write the marks to this file.")] = Path(
        "marks.csv"
    ),
    timeout: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="How long one cell or one check may take."),
    ] = 60,
    total: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long one submission may take.")
    ] = 600,
    memory: Annotated[
        int,
        typer.Option(
            min=512, metavar="MB", help="How much memory all processes of a submission may take."
        ),
    ] = 4096,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many submissions are graded at a time.  [default: one per processor]",
        ),
    ] = None,
    sandbox: Annotated[
        Literal["auto", "bwrap", "process"],
        typer.Option(
            help="bwrap uses bubblewrap, and process uses no sandbox. auto uses bubblewrap where "
            "that works, and says so where it does not."
        ),
    ] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Grade on the Dask cluster whose scheduler has this address."
        ),
    ] = None,
    feedback: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page for each learner to this folder."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Grade also the submissions that are graded already.")
    ] = False,
) -> None:
    """Grade what learners handed in.

    Each notebook runs in a sandbox of its own, and your checks run outside of it. The CSV file has
    a row for each learner, with points, a status and a sentence for every exercise. A loop or a
    crash costs only the exercise that it is in. Your solution is graded first: nothing else is
    graded unless the solution gets all points.

    The marks are written after each submission. When you stop the command, the same command
    continues where it stopped. A submission that has changed since is graded again, and its old
    mark stays until the new mark is there. Only one command at a time can write to a file of marks.

    A fault of the grader or of the computer, such as a full disk, is never a mark. The command
    names the learner and the reason, and ends with exit code 1. The same command then grades that
    learner again.

    This is what the command cannot promise. The sandbox is no proof against a fault of the system's
    kernel. A submission ends when its processes together hold more memory than --memory allows. The
    command looks at this four times a second, so a submission can take more for a moment. Memory
    that the system's kernel keeps for it, such as the buffers of sockets, is not counted. Many
    files can fill the disk. Hidden inputs do reach the learners' code. A public source makes its
    hidden tests public, so keep the source private or draw the inputs when grading. Without a
    sandbox, grading guards against accidents only, and every row says so.

    \b
    mnist-lab grade assignments/01_eda.ipynb answers --csv marks.csv --feedback feedback
    mnist-lab grade assignments/02_fnn.ipynb answers --jobs 4 --timeout 120
    """
    import joblib
    from tqdm import tqdm

    from mnist_lab.course.grading.batch import GradingOptions, NotGraded, grade_class
    from mnist_lab.course.grading.gradebook import Mark
    from mnist_lab.course.grading.grader import Limits
    from mnist_lab.course.sandbox.doctor import choose_isolation

    isolation, why = (sandbox, "") if cluster else choose_isolation(sandbox)
    if isolation == "process":
        typer.echo(
            f"No sandbox: grading guards against accidents, and not against malice. {why}".rstrip()
        )
    jobs = jobs or joblib.cpu_count()
    limits = Limits(timeout, total, memory, max(1, joblib.cpu_count() // jobs))
    bar = tqdm(unit=" submissions", disable=not sys.stderr.isatty(), leave=False)
    done: list[Mark | NotGraded] = []

    def started(count: int, before: int) -> None:
        typer.echo(f"{count} submissions, {before} of them graded before.")
        bar.total = count - before
        bar.refresh()

    def graded(mark: Mark | NotGraded) -> None:
        known = {other.details for other in done if isinstance(other, NotGraded)}
        done.append(mark)
        bar.update()
        with bar.external_write_mode():
            if isinstance(mark, NotGraded):
                typer.echo(f"{mark.student}: not graded. {mark.reason}", err=True)
                if mark.details and mark.details not in known:
                    typer.echo(mark.details, err=True)
                return
            note = next(iter(mark.results.values())).note  # of an unreadable file, it is all alike
            why = f": {note}" if mark.status == "unreadable" else ""
            typer.echo(f"{mark.student}: {mark.score:g}, {mark.status} ({mark.seconds:.1f} s){why}")

    with bar:
        grade_class(
            source,
            folder,
            csv,
            GradingOptions(isolation, limits, jobs, cluster, feedback, fresh),
            started=started,
            graded=graded,
        )
    failed = sum(isinstance(mark, NotGraded) for mark in done)
    typer.echo(f"{len(done) - failed} graded: {csv}")
    if failed:
        typer.echo(
            f"{failed} not graded, for the reasons above. The same command tries them again.",
            err=True,
        )
        raise typer.Exit(1)


@plain_words("The same command continues where it stopped.")
def doctor() -> None:
    """Find out whether grading is safe here.

    The command runs code in the sandbox that tries to get out. This code tries to read secrets in
    your home folder, in the current folder and elsewhere. It tries to see other processes, to reach
    the network, and to change Python and the course. It also tries to take more memory than is
    allowed. The command then says what code in the sandbox may read. Where there is no sandbox, one
    sentence says what to do, and the exit code is 1.

    \b
    mnist-lab doctor   before the first grading on a computer
    """
    from mnist_lab.course.sandbox.doctor import fault_of_sandbox
    from mnist_lab.course.sandbox.process import visible_places

    if fault := fault_of_sandbox():
        typer.echo(f"No sandbox: {fault}", err=True)
        typer.echo("Grading works without a sandbox, but guards against accidents only.", err=True)
        raise typer.Exit(1)
    typer.echo(
        "The sandbox holds: code in it reads no file of yours, sees no process, reaches no network "
        "and is ended when it takes too much memory."
    )
    typer.echo("Such code may read these places, so keep nothing private there:")
    for place in visible_places():
        typer.echo(f"  {place}")
    typer.echo(
        "The sandbox does not prevent three things: many files that fill the disk, memory that the "
        "system's kernel keeps in buffers, and the use of a fault in that kernel."
    )


COMMANDS = (grade, doctor)
