"""How long does a training take until its network reads 99.0, 99.3 or 99.5 % of the test digits?

    python benchmarks/time_to_accuracy.py               five rounds, another seed in each
    python benchmarks/time_to_accuracy.py --rounds 1

PyTorch is measured where it is installed (``pip install torch``).
"""

from __future__ import annotations

import importlib.util
import math
import time
from statistics import median
from typing import Any

import numpy as np
from rounds import Found, cell, headline, options, round_number, side_by_side, start, table

from mnist_lab import data, ladder, models

TARGETS = (0.99, 0.993, 0.995)
EPOCHS = (1, 2, 4)  # of the rung "four_epochs", whose learning rate rises and falls once
PUBLISHED_EPOCHS = 10  # of the CNN of Digit-Recognizer (004), as its author trained it
PLAIN = "CNN of 004, plain fit"
OURS = {f"lesson 6, epochs: {epochs}": epochs for epochs in EPOCHS}
PYTORCH = {f"the same in PyTorch, epochs: {epochs}": epochs for epochs in EPOCHS}
WAY = "training"
SHARE = 0.5  # of the speed of a matrix product, which a training shall reach
SIZE = 2048  # rows and columns of the matrices that are multiplied


def measure(name: str, _: str) -> dict[str, float]:
    """Train one network, from a seed of its own in each round.

    The CNN is judged on the test images after each epoch, outside the time that is measured.

    Returns:
        ``seconds`` and ``processor``, of all threads together; ``share``, how many operations a
        processor second of training does, as a share of those of a matrix product (Keras only);
        and ``accuracy``, or for the CNN ``accuracy 1`` to ``accuracy 10``.
    """
    if name in PYTORCH:
        import pytorch

        return pytorch.train_distorted(data.load_mnist(), round_number(), PYTORCH[name])
    if name == PLAIN:
        return _plain_fit()
    from mnist_lab.course.experiments.ladder import fit, split

    (x, y), (x_test, y_test) = split(data.load_mnist(), "test")
    rung = ladder.RUNGS["four_epochs"]
    clocks = _clocks()
    model, _history = fit(rung, x, y, round_number(), OURS[name])
    seconds, processor = _since(clocks)
    logits = model.predict(x_test, batch_size=500, verbose=0)
    operations = OURS[name] * len(x) * operations_of_a_step(model)
    return {
        "seconds": seconds,
        "processor": processor,
        "share": operations / processor / speed_of_a_product(),
        "accuracy": float(np.mean(logits.argmax(axis=1) == y_test)),
    }


def _plain_fit() -> dict[str, float]:
    import keras

    from mnist_lab.course.experiments.ladder import split

    (x, y), (x_test, y_test) = split(data.load_mnist(), "test")
    keras.utils.set_random_seed(round_number())
    model = models.cnn()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    found = {"seconds": 0.0, "processor": 0.0}
    for epoch in range(1, PUBLISHED_EPOCHS + 1):
        clocks = _clocks()
        model.fit(x, y, epochs=1, verbose=0)
        for key, spent in zip(("seconds", "processor"), _since(clocks), strict=True):
            found[key] += spent
            found[f"{key} {epoch}"] = found[key]
        answers = model.predict(x_test, batch_size=500, verbose=0).argmax(axis=1)
        found[f"accuracy {epoch}"] = float(np.mean(answers == y_test))
    operations = PUBLISHED_EPOCHS * len(x) * operations_of_a_step(model)
    return found | {"share": operations / found["processor"] / speed_of_a_product()}


def operations_of_a_step(model: Any) -> float:
    """Count the multiplications and additions that one image needs in a step.

    Those of convolutions and dense layers: forwards, and backwards for the weights and for the
    inputs, which takes twice as many.
    """
    from keras import layers

    products = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            places = math.prod(layer.output.shape[1:-1])
            products += places * math.prod(layer.kernel.shape)
    return 3 * 2 * products


def speed_of_a_product() -> float:
    """Return the operations of a product of two large matrices in a processor second."""
    import tensorflow as tf

    matrix = tf.random.stateless_uniform((SIZE, SIZE), (0, 0))
    spent = []
    for _ in range(6):
        processor = time.process_time()
        (matrix @ matrix).numpy()
        spent.append(time.process_time() - processor)
    return 2 * SIZE**3 / median(spent[1:])  # the first one also starts the threads


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(clocks: tuple[float, float]) -> tuple[float, float]:
    seconds, processor = _clocks()
    return seconds - clocks[0], processor - clocks[1]


def report(found: Found) -> str:
    """Return two tables: a row a training, and a row a target with the quickest training of each.

    A training reaches a target where the median of its accuracies does. The published CNN reaches
    it in a round after the first epoch whose accuracy does, if one does in most rounds.
    """
    names = [name for name in (PLAIN, *OURS, *PYTORCH) if (name, WAY, "seconds") in found]
    rows = []
    for name in names:
        figures = [found[name, WAY, key] for key in ("seconds", "processor")]
        last = "accuracy" if name != PLAIN else f"accuracy {PUBLISHED_EPOCHS}"
        accuracy = [100 * value for value in found[name, WAY, last]]
        share = found.get((name, WAY, "share"))
        rows.append([name, *map(cell, figures), _percent(accuracy), _judged(share)])
    heads = ["training", "seconds", "processor seconds", "test accuracy, %", "share of the peak"]
    trainings = table(heads, rows)
    kinds = {"CNN of 004, plain fit": [PLAIN], "lesson 6": [*OURS], "PyTorch": [*PYTORCH]}
    rows = []
    for target in TARGETS:
        row = [f"{target:.1%}"]
        for own in kinds.values():
            there = [_to_reach(found, name, target) for name in own if name in names]
            reached = [seconds for seconds in there if seconds]
            row.append(min(reached, key=lambda pair: pair[1])[0] if reached else "not reached")
        rows.append(row)
    heads = ["test accuracy", *(f"{kind}, s" for kind in kinds)]
    return f"{trainings}\n\nSeconds, and processor seconds:\n\n{table(heads, rows)}"


def _judged(share: list[float] | None) -> str:
    if share is None:
        return ""
    return f"{cell(share)}; target {SHARE:g} {'reached' if median(share) >= SHARE else 'missed'}"


def _percent(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _to_reach(found: Found, name: str, target: float) -> tuple[str, float] | None:
    """Return in words the median seconds to a target, and the processor seconds; None: never."""
    if name != PLAIN:
        if median(found[name, WAY, "accuracy"]) < target:
            return None
        spent = [median(found[name, WAY, key]) for key in ("seconds", "processor")]
    else:
        spent = []
        for key in ("seconds", "processor"):
            rounds = range(len(found[name, WAY, key]))
            spent.append(median(_first(found, key, target, number) for number in rounds))
    if math.isinf(spent[0]):
        return None
    return f"{spent[0]:.3g}, {spent[1]:.3g}", spent[1]


def _first(found: Found, key: str, target: float, number: int) -> float:
    for epoch in range(1, PUBLISHED_EPOCHS + 1):
        if found[PLAIN, WAY, f"accuracy {epoch}"][number] >= target:
            return found[PLAIN, WAY, f"{key} {epoch}"][number]
    return math.inf


def main() -> None:
    chosen = options("Measure how long a training takes to reach an accuracy.", 5)
    names = [PLAIN, *OURS, *(PYTORCH if importlib.util.find_spec("torch") else ())]
    found = side_by_side(__file__, [(name, WAY) for name in names], chosen.rounds)
    print(f"{headline(found)}\n\n{report(found)}")


if __name__ == "__main__":
    start(measure, main)
