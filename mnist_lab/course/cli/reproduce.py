"""The command ``mnist-lab reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_lab.course.cli.errors import plain_words

if TYPE_CHECKING:
    from mnist_lab.ladder import Split

__all__ = ["COMMANDS"]


@plain_words("The same command continues where it stopped.")
def reproduce(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE",
            help="Names of recipes, or of rungs with --ladder.  [default: all]",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train from the seeds 0 to N - 1.")
    ] = 10,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Train for N epochs instead of the recipe's own number."
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Measure the test set after each epoch, on scaled pixels, and print a table.",
        ),
    ] = False,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="Train on five sixths of the training images, on scaled pixels, and judge on the "
            "other sixth and on the test images.",
        ),
    ] = False,
    ladder: Annotated[
        bool,
        typer.Option(
            "--ladder", help="Train the rungs of lesson 6, and judge them on the test images."
        ),
    ] = False,
    validation: Annotated[
        bool,
        typer.Option(
            "--validation",
            help="With --ladder, judge on the last sixth of the training images instead.",
        ),
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="With --ladder, store the weights of each network that is trained in this folder.",
        ),
    ] = None,
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble",
            help="With --keep, judge the networks of each rung together, too: the mean of their "
            "probabilities decides.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this CSV file.  [default: reproduction.csv in the folder build of the "
            "course, epochs.csv with --follow, seeds.csv with --held-out, and ladder.csv with "
            "--ladder]",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Train in N processes.  [default: one for each processor]"
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="TensorFlow uses N threads in each process."),
    ] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Train on the workers of the Dask scheduler with this address, such as "
            "tcp://host:8786. A process trains one network at a time, so start the workers with "
            "the command dask worker ADDRESS --nworkers N --nthreads 1.",
        ),
    ] = None,
) -> None:
    """Train the published recipes from many seeds.

    Each recipe is trained on raw and on scaled pixels, or only on scaled pixels where its author
    shows that they are scaled. The outputs of sigmoids are read in three ways: by evaluate, by
    argmax of the outputs, and by argmax of the logits.

    Every training adds its rows to the file when it ends. When the command was stopped, the same
    command trains what the file does not have yet. One file may hold trainings over different
    numbers of epochs, because its column "epochs" tells them apart.

    \b
    mnist-lab reproduce                            train all recipes from ten seeds
    mnist-lab reproduce fnn_sigmoid cnn --seeds 3  train two recipes from three seeds
    mnist-lab reproduce deep_dropout_ann --follow --epochs 20
    mnist-lab reproduce fnn_softmax --held-out --seeds 50
    mnist-lab reproduce --ladder                   train all rungs of lesson 6
    mnist-lab reproduce --ladder schedule --validation
    mnist-lab reproduce --ladder renewed --seeds 5 --keep networks --ensemble
    mnist-lab reproduce --cluster tcp://host:8786
    """
    import joblib

    from mnist_lab import data
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.experiments import sweep
    from mnist_lab.course.experiments.ensemble import group, measure_ensembles
    from mnist_lab.course.experiments.follow import AFTER_EACH_EPOCH, summary
    from mnist_lab.course.experiments.held_out import ON_BOTH_SETS
    from mnist_lab.course.experiments.ladder import on_ladder
    from mnist_lab.course.experiments.ladder import plan as plan_ladder
    from mnist_lab.course.experiments.training import AT_THE_END

    if follow + held_out + ladder > 1:
        raise typer.BadParameter(
            "--follow, --held-out and --ladder measure different things: choose one."
        )
    if not ladder and (validation or keep):
        raise typer.BadParameter("--validation and --keep need --ladder.")
    if ensemble and not keep:
        raise typer.BadParameter("--ensemble needs --keep, which stores the networks.")
    judge: Split = "validation" if validation else "test"
    plan = plan_ladder if ladder else sweep.plan
    trainings = plan([*dict.fromkeys(recipe or [])], seeds, epochs)
    ensembles = group(trainings) if ensemble else []  # refused now, and not after an hour
    if ladder:
        name, what = "ladder.csv", on_ladder(judge, keep)
    elif follow or held_out:
        name, what = ("epochs.csv", AFTER_EACH_EPOCH) if follow else ("seeds.csv", ON_BOTH_SETS)
        trainings = [training for training in trainings if training.pixels == "scaled"]
    else:
        name, what = "reproduction.csv", AT_THE_END
    output = output or find_course(Path.cwd()).folder / "build" / name
    digits = data.load_mnist()
    typer.echo(digits.source)
    done = sweep.reproduce(
        trainings,
        digits,
        output,
        jobs=jobs or joblib.cpu_count(),
        threads=threads,
        cluster=cluster,
        what=what,
    )
    typer.echo(f"{done} trained, {len(trainings) - done} were there: {output}")
    if ensembles and keep:
        added = measure_ensembles(ensembles, digits, output, judge, keep)
        typer.echo(f"{added} ensembles judged: {output}")
    if follow:
        typer.echo(summary(what.table.read(output)[0]))


COMMANDS = (reproduce,)
