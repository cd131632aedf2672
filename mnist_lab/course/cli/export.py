"""The command ``mnist-lab export``."""

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
) -> None:
    """Turn a network into LiteRT files, and compare them with the network itself.

    The files have the same network in four forms: float32, float16, weights of 8 bits (dynamic),
    and 8 bits throughout (int8). A table shows kilobytes, errors on the test images, McNemar's test
    against the network in Keras, and seconds of processor time on one thread, beside three ways to
    call Keras.

    \b
    mnist-lab export                                export the network of the course
    mnist-lab export FILE.weights.h5 --rung wide    export another network
    """
    from mnist_lab import data
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.experiments.export import as_table, compare, convert_all, network

    folder = output or find_course(Path.cwd()).folder / "build" / "export"
    model = network(weights, rung)
    digits = data.load_mnist()
    typer.echo(digits.source)
    files = convert_all(model, digits, folder)
    typer.echo(as_table(compare(model, files, digits, rounds)))
    typer.echo(f"Only Keras right: test images that predict reads and this way misreads. {folder}")


COMMANDS = (export,)
