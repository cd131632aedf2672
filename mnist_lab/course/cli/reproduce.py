"""The command ``mnist-lab reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course.cli.errors import plain_words

__all__ = ["COMMANDS"]


@plain_words("The same command goes on where it was.")
def reproduce(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE", help="Names as fnn_sigmoid; all if none is given."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Seeds 0 to N - 1.")] = 10,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Instead of the published number.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV file.  [default: build/reproduction.csv]"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes.  [default: one per processor]"),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, metavar="N", help="Threads of TensorFlow in each process.")
    ] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use this Dask scheduler, as tcp://host:8786. A process trains one network at a "
            "time: start its workers with dask worker ADDRESS --nworkers N --nthreads 1.",
        ),
    ] = None,
) -> None:
    """Train every published recipe over many seeds.

    Each is trained as its author printed it and, where that differs, on scaled pixels; sigmoid
    outputs are also read by their logits. Every training adds its rows to the file as it ends:
    stopped and called again, the command trains what is missing.

    \b
    mnist-lab reproduce                           all recipes, ten seeds
    mnist-lab reproduce fnn_sigmoid cnn --seeds 3
    mnist-lab reproduce --cluster tcp://host:8786
    """
    import joblib

    from mnist_lab import data
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.experiments import sweep as trainer

    output = output or find_course(Path.cwd()).folder / "build" / "reproduction.csv"
    trainings = trainer.plan(recipe or [], seeds, epochs)
    digits = data.load_mnist()
    typer.echo(digits.source)
    done = trainer.reproduce(
        trainings,
        digits,
        output,
        jobs=jobs or joblib.cpu_count(),
        threads=threads,
        cluster=cluster,
    )
    typer.echo(f"{done} trained, {len(trainings) - done} were there: {output}")


COMMANDS = (reproduce,)
