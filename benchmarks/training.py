"""How long does an epoch take: with plain ``fit``, as in the lessons, as here, and in PyTorch?

    python benchmarks/training.py                    all recipes, three rounds
    python benchmarks/training.py --rounds 1 cnn

PyTorch is measured where it is installed (``pip install torch``).
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
from rounds import Found, cell, headline, options, side_by_side, start, table

from mnist_lab import data
from mnist_lab.recipes import RECIPES, prepare

# "ours" is how mnist-lab reproduce trains. With "input tuned", tf.data tunes how batches are
# prepared, as in every fit on arrays, and fit may wait for the thread that does so.
WAYS = ("plain fit", "lessons", "ours", "ours, input tuned")
PYTORCH = ("PyTorch", "PyTorch, 1 thread")
# How many times as long as ours plain fit shall take at least. PyTorch shall take as long as ours.
TARGETS = {
    "deep_dropout_ann": 1.8,
    "fnn_sigmoid": 3.5,
    "fnn_softmax": 3.5,
    "wide_dropout_ann": 1.3,
    "dnn_csv": 3.0,
    "cnn": 1.4,
}
EPOCHS = {"deep_dropout_ann": 3, "cnn": 3}  # of the others five: short epochs scatter more


def measure(name: str, way: str) -> dict[str, float]:
    """Return the median seconds of an epoch within one training.

    An epoch is timed from the end of the one before it. The first epoch, which also builds the
    graph and copies the images, is in none.
    """
    recipe = replace(RECIPES[name], pixels="scaled")
    x, y = prepare(recipe, data.load_mnist()).train
    epochs = EPOCHS.get(name, 5)
    if way in PYTORCH:
        import pytorch

        ends = pytorch.train(
            recipe, x, y, epochs, threads=1 if way == "PyTorch, 1 thread" else None
        )
    else:
        ends = _fit(recipe, way, x, y, epochs)
    return {"seconds": float(median(np.diff(ends)))}


def _fit(recipe: Any, way: str, x: Any, y: Any, epochs: int) -> list[float]:
    """Train in Keras; return the clock after each epoch."""
    from mnist_lab.course.experiments.training import start_tensorflow

    if way.startswith("ours") and recipe.name != "cnn":  # whose last bits depend on the threads
        start_tensorflow(1)
    import keras

    from mnist_lab.course.experiments import fast_training

    keras.utils.set_random_seed(0)
    model = recipe.build()
    if way.startswith("ours"):
        fast_training.compile_fast(model, recipe)
    else:
        steps = 1 if way == "plain fit" else fast_training.STEPS_PER_EXECUTION
        metrics = ["accuracy"]
        model.compile(recipe.optimizer, recipe.loss, metrics=metrics, steps_per_execution=steps)
    train: dict[str, Any] = {"x": x, "y": y, "batch_size": recipe.batch_size}
    if way == "ours":
        train = {"x": fast_training.batches(x, y, recipe.batch_size)}
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    model.fit(**train, epochs=epochs, verbose=0, callbacks=[watch])
    return ends


def report(found: Found, recipes: list[str]) -> str:
    """Return a row a recipe: the seconds, and how many times as long as ours others take.

    PyTorch has the number of threads that suits it better.
    """
    heads = ["recipe", *(f"{way}, s" for way in (*WAYS, "PyTorch"))]
    rows = []
    for name in recipes:
        seconds = {way: found[name, way, "seconds"] for way in WAYS}
        rivals = [found[name, way, "seconds"] for way in PYTORCH if (name, way, "seconds") in found]
        seconds |= {"PyTorch": min(rivals, key=median)} if rivals else {}
        row = [f"{median(values):.3g}" for values in seconds.values()]
        row += [] if rivals else ["not installed"]
        for way, target in (("plain fit", TARGETS.get(name)), ("PyTorch", 1.0)):
            pairs = zip(seconds.get(way, ()), seconds["ours"], strict=False)
            ratios = [other / ours for other, ours in pairs]
            row.append(_judged(ratios, target) if ratios else "")
        rows.append([name, *row])
    return table([*heads, "plain fit / ours", "PyTorch / ours"], rows)


def _judged(ratios: list[float], target: float | None) -> str:
    if target is None:
        return cell(ratios)
    verdict = "reached" if median(ratios) >= target else "missed"
    return f"{cell(ratios)}; target {target:g} {verdict}"


def main() -> None:
    chosen = options("Measure how long an epoch takes.", 3, list(RECIPES))
    ways = WAYS + (PYTORCH if importlib.util.find_spec("torch") else ())
    plan = [(name, way) for name in chosen.recipe for way in ways]
    found = side_by_side(__file__, plan, chosen.rounds)
    print(f"{headline(found)}\n\n{report(found, chosen.recipe)}")


if __name__ == "__main__":
    start(measure, main)
