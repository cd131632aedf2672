"""Trains every published recipe over many seeds, as printed and repaired, side by side."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import joblib
from tqdm import tqdm

from mnist_lab import reproduction
from mnist_lab._files import LockedError, locked
from mnist_lab.course import CourseError
from mnist_lab.course.experiments.parallel import workers
from mnist_lab.course.experiments.table import Row
from mnist_lab.course.experiments.training import AT_THE_END, Measurement, Training, data_digest
from mnist_lab.data import Digits
from mnist_lab.recipes import RECIPES

__all__ = ["plan", "reproduce"]


def plan(names: Sequence[str], seeds: int, epochs: int | None) -> list[Training]:
    """List the trainings: each recipe on the pixels its author printed, and on scaled ones.

    Where the page does not say whether pixels are scaled, both are trained.

    Raises:
        CourseError: there is no recipe of that name.
    """
    for name in names:
        if name not in RECIPES:
            raise CourseError(f"There is no recipe {name!r}: choose from {', '.join(RECIPES)}.")
    return [
        Training(name, pixels, seed, epochs or RECIPES[name].epochs)
        for seed in range(seeds)
        for name in names or RECIPES
        for pixels in reproduction.pixels_of(RECIPES[name])
    ]


def _seconds_of_an_epoch(rows: Iterable[Row]) -> dict[tuple[str, str], float]:
    """Return the median seconds of an epoch by recipe and pixels."""
    seconds = defaultdict(list)
    for row in rows:
        if "seconds" in row:
            each = float(row["seconds"]) / float(row["epochs"])
            seconds[row["recipe"], row.get("pixels", "scaled")].append(each)
    return {name: median(values) for name, values in seconds.items()}


def reproduce(
    trainings: Sequence[Training],
    digits: Digits,
    output: Path,
    *,
    jobs: int,
    threads: int,
    cluster: str | None = None,
    what: Measurement = AT_THE_END,
) -> int:
    """Run those trainings that the file does not have yet, and add their rows to it as each ends.

    Trainings of other recipes, seeds or numbers of epochs may be in the file as well: the key of a
    row tells them apart.

    Args:
        trainings: what :func:`plan` returned.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        output: the CSV file.
        jobs: processes at a time; a cluster has its own number of them.
        threads: of TensorFlow in each process.
        cluster: address of a Dask scheduler, or None for this machine.
        what: is measured of each training.

    Returns:
        How many trainings were run.

    Raises:
        CourseError: the file is of something else or broken, another command adds to it, a process
            was killed, or the cluster cannot be used.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(output))
        except LockedError as error:
            raise CourseError(str(error)) from None
        try:
            return _reproduce(trainings, digits, output, jobs, threads, cluster, what)
        except BrokenProcessPool as error:
            raise CourseError(
                "A process was killed while it trained, most often because memory ran out. The "
                f"finished trainings are in {output}: call the command again with fewer --jobs."
            ) from error


def _reproduce(
    trainings: Sequence[Training],
    digits: Digits,
    output: Path,
    jobs: int,
    threads: int,
    cluster: str | None,
    what: Measurement,
) -> int:
    rows = what.table.recover(output)
    if any(row["data"] != data_digest(digits) for row in rows):
        raise CourseError(
            f"{output} holds trainings on other digits: name another file with --output."
        )
    kept = {what.table.key_of(row) for row in rows}
    todo = [t for t in trainings if not (what.keys(t) <= kept and what.is_kept(t))]
    if not todo:
        return 0
    shipped = reproduction.reproduction(what.shipped).to_dict("records")
    seconds = _seconds_of_an_epoch([*shipped, *rows])
    cost = {t: t.epochs * seconds.get((t.recipe, t.pixels), 1.0) for t in todo}
    todo.sort(key=lambda training: -cost[training])  # the longest first: none is left to the end
    bar = tqdm(
        total=sum(cost.values()),
        bar_format="{percentage:3.0f} %|{bar}| {desc}, {elapsed}, {remaining} left",
        mininterval=0.5 if sys.stderr.isatty() else 60,
    )
    bar.set_description_str(f"0 of {len(todo)} trained", refresh=False)
    with bar, workers(jobs, cluster, [digits]):
        tasks = (joblib.delayed(_run)(what.measure, t, digits, threads) for t in todo)
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        for number, (training, new) in enumerate(parallel(tasks), 1):
            what.table.append(output, [row for row in new if what.table.key_of(row) not in kept])
            bar.set_description_str(f"{number} of {len(todo)} trained", refresh=False)
            bar.update(min(cost[training], bar.total - bar.n))  # sums of floats
    return len(todo)


def _run(
    measure: Callable[..., list[dict[str, Any]]], training: Training, digits: Digits, threads: int
) -> tuple[Training, list[dict[str, Any]]]:
    """Return the training beside its rows, because trainings end in any order."""
    return training, measure(training, digits, threads=threads)
