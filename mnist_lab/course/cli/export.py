"""The commands ``mnist-lab export`` and ``mnist-lab photographs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_lab.course.cli.errors import plain_words

__all__ = ["COMMANDS"]


@plain_words()
def export(
    weights: Annotated[
        Path | None,
        typer.Argument(
            metavar="WEIGHTS",
            help="File of weights that reproduce --ladder --keep stored.  [default: the network "
            "that the course ships]",
        ),
    ] = None,
    rung: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Rung of lesson 6 that the weights belong to."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the files.  [default: build/export]"),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Measure everything N times.")
    ] = 3,
    ship: Annotated[
        bool,
        typer.Option(
            "--ship",
            help="Make the files of the service anew. WEIGHTS and --rung name a network that was "
            "trained with --validation, which chooses when no answer is given.",
        ),
    ] = False,
) -> None:
    """Turn a network into LiteRT files, and compare them with the network itself.

    The files have the same network in four forms: float32, float16, weights of 8 bits (dynamic),
    and 8 bits throughout (int8). A table shows kilobytes, errors on the test images, McNemar's test
    against the network in Keras, and seconds of processor time on one thread, beside three ways to
    call Keras.

    \b
    mnist-lab export                                export the network of the course
    mnist-lab export FILE.weights.h5 --rung wide    export another network
    mnist-lab export FILE.weights.h5 --rung wide --ship
    """
    from mnist_lab import data
    from mnist_lab.course import CourseError
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.experiments.export import as_table, compare, convert_all, network

    folder = output or find_course(Path.cwd()).folder / "build" / "export"
    if ship:
        if weights is None or rung is None:
            raise CourseError("--ship needs a network of its own: name its WEIGHTS and its --rung.")
        from mnist_lab.course.experiments.ship import ship as make

        record = make(weights, rung, folder)
        typer.echo(f"{record['file']}: {record['test']['errors']} errors on the test images.")
        return
    model = network(weights, rung)
    digits = data.load_mnist()
    typer.echo(digits.source)
    files = convert_all(model, digits, folder)
    typer.echo(as_table(compare(model, files, digits, rounds)))
    typer.echo(f"Only Keras right: test images that predict reads and this way misreads. {folder}")


@plain_words()
def photographs(
    number: Annotated[
        int, typer.Option("--digits", min=1, metavar="N", help="Photograph N test digits.")
    ] = 2000,
    others: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Photograph N of them on pages that nobody is asked for."
        ),
    ] = 250,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write to this CSV file.  [default: that of the package]"
        ),
    ] = None,
) -> None:
    """Photograph test digits on many kinds of page, and count those that the service reads.

    The pages are drawn by a program. Each kind has a fault of real photographs, such as a shadow.
    The same photographs are also read after they were shrunk to 28 by 28 pixels, as most tutorials
    do. The package's own table is for the model card, which the command then writes anew.

    \b
    mnist-lab photographs                                 takes about twenty minutes
    mnist-lab photographs --digits 50 --others 20 --output photographs.csv
    """
    from mnist_lab import data
    from mnist_lab.course.experiments.photographs import FILE, measure, write

    digits = data.load_mnist()
    typer.echo(digits.source)
    rows = []
    for row in measure(digits, number, others):
        typer.echo(
            f"{row['kind']}: of {row['digits']} digits, {row['read']} read right, {row['wrong']} "
            f"answered wrong, {row['unsure']} unsure, {row['refused']} refused as pictures; "
            f"shrunk, {row['naive']} right"
        )
        rows.append(row)
    write(rows, output or FILE)
    if output is None:
        from mnist_lab.course.experiments.ship import write_card

        write_card()


COMMANDS = (export, photographs)
