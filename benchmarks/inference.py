"""How long does a network take for one image, and for ten thousand, called in three ways?

python benchmarks/inference.py                  two networks, three rounds
python benchmarks/inference.py --rounds 1 cnn
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
from rounds import Found, cell, headline, options, side_by_side, start, table

from mnist_lab import data
from mnist_lab.recipes import RECIPES, prepare

WAYS = ("predict", "direct call", "compiled function")


def measure(name: str, _way: str) -> dict[str, float]:
    """Return milliseconds by call and number of images: medians of ten calls, after two others."""
    import tensorflow as tf

    recipe = replace(RECIPES[name], pixels="scaled")
    x = prepare(recipe, data.load_mnist()).test[0]
    model = recipe.build()
    compiled = tf.function(model, reduce_retracing=True)
    calls: dict[str, Callable[[Any], Any]] = {
        "predict": lambda images: model.predict(images, verbose=0),
        "direct call": lambda images: model(images, training=False),
        "compiled function": lambda images: compiled(tf.constant(images), training=False),
    }
    found = {}
    for way in WAYS:
        for images in (x[:1], x):
            times = []
            for _ in range(12):
                start = time.perf_counter()
                np.asarray(calls[way](images))
                times.append(time.perf_counter() - start)
            found[f"{len(images):,} {way}"] = 1e3 * median(times[2:])
    return found


def report(found: Found) -> str:
    """Return a row for each recipe and number of images."""
    rows: dict[tuple[str, str], list[str]] = {}
    for (name, _, figure), values in found.items():
        rows.setdefault((name, figure.split()[0]), []).append(cell(values))
    heads = ["recipe", "images", *(f"{way}, ms" for way in WAYS)]
    return table(heads, [[*head, *cells] for head, cells in rows.items()])


def main() -> None:
    chosen = options("Measure how long answers take.", 3, ["fnn_softmax", "cnn"])
    found = side_by_side(__file__, [(name, "") for name in chosen.recipe], chosen.rounds)
    print(f"{headline(found)}\n\n{report(found)}")


if __name__ == "__main__":
    start(measure, main)
