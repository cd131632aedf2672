"""Which part of a training's time do its distorted images take?

python benchmarks/augmentation.py                 two networks of lesson 6, three rounds
python benchmarks/augmentation.py --rounds 1
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from rounds import Found, cell, headline, options, side_by_side, start, table

from mnist_lab import data, ladder

RUNGS = ("augmentation", "wide")
WAYS = ("images", "training")
TARGET = 0.25  # the share of the time that distorted images shall take at most


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(rung: str, way: str) -> dict[str, float]:
    """Return the processor seconds of one epoch, of all threads together.

    Distorted images alone, or a whole training on them: two epochs less one, which leaves out the
    time that the graph takes to be built.
    """
    from mnist_lab.course.experiments.ladder import fit, split
    from mnist_lab.course.experiments.training import start_tensorflow

    start_tensorflow(1)
    from mnist_lab.augmentation import distorted_batches

    chosen = ladder.RUNGS[rung]
    (x, y), _ = split(data.load_mnist(), "test")
    if way == "training":
        one, two = (_processor_seconds(partial(fit, chosen, x, y, 0, epochs)) for epochs in (1, 2))
        return {"seconds": two - one}
    batches = distorted_batches(x, y, chosen.batch_size, 0, chosen.distortion)
    _processor_seconds(lambda: list(batches.take(1)))  # builds the graph
    return {"seconds": _processor_seconds(lambda: batches.reduce(0, lambda n, _: n + 1).numpy())}


def report(found: Found) -> str:
    """Return a row a rung: the seconds, and the share of the images in each round."""
    rows = []
    for rung in RUNGS:
        images, training = (found[rung, way, "seconds"] for way in WAYS)
        shares = [part / whole for part, whole in zip(images, training, strict=True)]
        verdict = "reached" if median(shares) <= TARGET else "missed"
        seconds = [cell(images), cell(training)]
        rows.append([rung, *seconds, f"{cell(shares)}; target {TARGET:g} {verdict}"])
    return table(["rung", "distorted images, s", "training, s", "share"], rows)


def main() -> None:
    chosen = options("Measure how long distorted images take.", 3)
    plan = [(rung, way) for rung in RUNGS for way in WAYS]
    found = side_by_side(__file__, plan, chosen.rounds)
    print(f"{headline(found)} Processor seconds of one epoch.\n\n{report(found)}")


if __name__ == "__main__":
    start(measure, main)
