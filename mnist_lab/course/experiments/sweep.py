"""Trains every published recipe over many seeds, as printed and repaired, side by side."""

from __future__ import annotations

import csv
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

import joblib
from tqdm import tqdm

from mnist_lab import reproduction
from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.experiments import training
from mnist_lab.course.experiments.parallel import workers
from mnist_lab.course.experiments.training import COLUMNS, Training
from mnist_lab.data import Digits
from mnist_lab.recipes import RECIPES

__all__ = ["append", "plan", "read", "reproduce"]

_MAY_LACK = ("validation_accuracy", "validation_loss", "ties")
_NUMBERS = (
    *("seed", "epochs", "train_accuracy", "train_loss", "test_accuracy", "test_loss"),
    *("seconds", "threads", *_MAY_LACK),
)


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


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to the file in one write, so that whoever is killed leaves whole lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    if not path.exists() or not path.stat().st_size:
        writer.writeheader()
    writer.writerows(rows)
    with path.open("ab", buffering=0) as file:
        file.write(text.getvalue().encode())
        os.fsync(file.fileno())


def read(path: Path) -> tuple[list[dict[str, str]], str]:
    """Read the rows of a file; a last line that was cut is left out and named.

    Returns:
        The rows, all values as text, and a sentence about a broken last line or "".

    Raises:
        CourseError: the file has other columns, or a line before the last one is broken.
    """
    if not path.exists() or not path.stat().st_size:
        return [], ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    header = ",".join(COLUMNS) + "\n"
    if lines[0] != header and header.startswith(lines[0]):  # cut while it was begun
        return [], f"Line 1 of {path} is broken: it is written again."
    if lines[0] != header:
        raise CourseError(f"{path} is not a file of reproduce: name another one with --output.")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        values = next(csv.reader([line]))
        if line.endswith("\n") and len(values) == len(COLUMNS) and _are_numbers(values):
            rows.append(dict(zip(COLUMNS, values, strict=True)))
        elif number == len(lines):
            return rows, f"Line {number} of {path} is broken: its training is repeated."
        else:
            raise CourseError(f"Line {number} of {path} is broken: mend it or delete it.")
    return rows, ""


def _are_numbers(values: Sequence[str]) -> bool:
    """Say whether every number of a row is one; nan is: that training diverged."""
    row = dict(zip(COLUMNS, values, strict=True))
    try:
        for name in _NUMBERS:
            float(row[name] or (0 if name in _MAY_LACK else ""))
    except ValueError:
        return False
    return True


def _expected_seconds(rows: Iterable[Mapping[Any, Any]]) -> dict[tuple[str, str], float]:
    """Return the median seconds of an epoch by recipe and pixels."""
    seconds = defaultdict(list)
    for row in rows:
        seconds[row["recipe"], row["pixels"]].append(float(row["seconds"]) / float(row["epochs"]))
    return {name: median(values) for name, values in seconds.items()}


def _kept(output: Path, digest: str) -> list[dict[str, str]]:
    """Return the rows of an earlier call; a broken last line is said and taken out of the file."""
    rows, complaint = read(output)
    if any(row["data"] != digest for row in rows):
        raise CourseError(
            f"{output} holds trainings on other digits than these: name another file with --output."
        )
    if complaint:
        print(complaint, file=sys.stderr)
        whole = output.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        write_text(output, "".join(whole[:-1]))
    return rows


def reproduce(
    trainings: Sequence[Training],
    digits: Digits,
    output: Path,
    *,
    jobs: int,
    threads: int,
    cluster: str | None = None,
) -> int:
    """Run those trainings that the file does not have yet, and add a row to it as each ends.

    Args:
        trainings: what :func:`plan` returned.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        output: the CSV file, with the columns of ``COLUMNS``.
        jobs: processes at a time; a cluster has its own number of them.
        threads: of TensorFlow in each process.
        cluster: address of a Dask scheduler, or None for this machine.

    Returns:
        How many trainings were run.

    Raises:
        CourseError: the file is of something else or broken, or the cluster cannot be used.
    """
    rows = _kept(output, training.data_digest(digits))
    kept = {tuple(row[name] for name in COLUMNS[:5]) for row in rows}
    todo = [training for training in trainings if not training.row_keys() <= kept]
    shipped = reproduction.reproduction().to_dict("records")
    seconds = _expected_seconds([*shipped, *rows])
    if not todo:
        return 0
    cost = {t: t.epochs * seconds.get((t.recipe, t.pixels), 1.0) for t in todo}
    todo.sort(key=lambda training: -cost[training])  # the longest first: none is left to the end
    bar = tqdm(
        total=sum(cost.values()),
        bar_format="{percentage:3.0f} %|{bar}| {desc}, {elapsed}, {remaining} left",
        mininterval=0.5 if sys.stderr.isatty() else 60,
    )
    bar.set_description_str(f"0 of {len(todo)} trained", refresh=False)
    with bar, workers(jobs, cluster, [digits]):
        tasks = (joblib.delayed(training.measure)(t, digits, threads=threads) for t in todo)
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        for number, new in enumerate(parallel(tasks), 1):
            keys = [tuple(str(row[name]) for name in COLUMNS[:5]) for row in new]
            lacking = [row for row, key in zip(new, keys, strict=True) if key not in kept]
            append(output, lacking)
            bar.set_description_str(f"{number} of {len(todo)} trained", refresh=False)
            first = new[0]
            bar.update(first["epochs"] * seconds.get((first["recipe"], first["pixels"]), 1.0))
    return len(todo)
