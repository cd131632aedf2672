"""Measures one thing and prints its figures as JSON; speed.py starts one process for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# Of the small networks more are timed: their epochs scatter more.
EPOCHS = {"deep_dropout_ann": 3, "cnn": 3}


def peak() -> dict[str, float]:
    """The fastest of many products of two matrices, 2,048 by 2,048, float32."""
    a = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return {"gflops": 2 * 2048**3 / best / 1e9}


def python(code: str = "") -> dict[str, float]:
    """Seconds of a fresh interpreter that runs one line."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return {"seconds": time.perf_counter() - start}


def load() -> dict[str, float]:
    from mnist_lab import data

    start, work = time.perf_counter(), time.process_time()
    data.load_mnist()
    return {
        "seconds": time.perf_counter() - start,
        "seconds of processor time": time.process_time() - work,
    }


def first_figure() -> dict[str, float]:
    """Seconds from the start of an interpreter to the first figure of lesson 1."""
    import nbformat

    lesson = nbformat.read(ROOT / "notebooks" / "01_eda.ipynb", 4)
    lines = []
    for cell in lesson.cells:
        if cell.cell_type == "code" and "%pip" not in cell.source:
            lines.append(cell.source)
            if any("image/png" in output.get("data", {}) for output in cell.outputs):
                break
    return python("\n".join(lines) + "\nimport io; plt.savefig(io.BytesIO())")


def arithmetic(model: Any, images: int) -> float:
    """Billions of multiplications and additions of an epoch, without those of the optimiser.

    Each weight takes part in a product forwards, in one for its gradient and, but in the first
    layer with weights, in one for the gradient of what came in.
    """
    products = []
    for layer in model.layers:
        if layer.get_weights():
            kernel = layer.get_weights()[0]
            places = np.prod(layer.output.shape[1:-1]) if kernel.ndim == 4 else 1
            products.append(kernel.size * places)
    return images * 2 * (3 * sum(products) - products[0]) / 1e9


def smallest(model: Any) -> Any:
    """Return the same network with one unit in each hidden layer: the same steps, no arithmetic."""
    import keras

    def shrunk(layer: Any) -> Any:
        config = layer.get_config()
        if layer is not model.layers[-1]:
            config |= {name: 1 for name in ("units", "filters") if name in config}
        return layer.from_config(config)

    return keras.models.clone_model(model, clone_function=shrunk)


def training(name: str, way: str) -> dict[str, float]:
    """Median seconds of an epoch within one training, from the end of one to the end of the next.

    So the first epoch, which also builds the graph and copies the images, is in none.
    """
    from mnist_lab import data, recipes
    from mnist_lab.course.experiments.training import start_tensorflow

    recipe = replace(recipes.RECIPES[name], pixels="scaled")
    x, y = recipes.prepare(recipe, data.load_mnist()).train
    epochs = EPOCHS.get(name, 5)
    if way.startswith("PyTorch"):
        import pytorch
        import torch

        if way == "PyTorch, 1 thread":
            torch.set_num_threads(1)
        ends, _ = pytorch.epochs(recipe, x, y, epochs)
        return {"seconds": median(np.diff(ends))}
    all_threads = "plain fit", "lessons", "ours, all threads"
    if way not in all_threads and name != "cnn":  # its last bits would change
        start_tensorflow(1)
    import keras

    from mnist_lab.course.experiments.fast_training import (
        STEPS_PER_EXECUTION,
        batches,
        compile_fast,
    )

    keras.utils.set_random_seed(0)
    model = recipe.build()
    if way == "one unit a layer":
        model = smallest(model)
    if way.startswith("ours") or way == "one unit a layer":
        compile_fast(model, recipe)
    else:
        steps = {} if way == "plain fit" else {"steps_per_execution": STEPS_PER_EXECUTION}
        optimizer = "sgd" if way == "SGD" else recipe.optimizer
        model.compile(optimizer, recipe.loss, metrics=["accuracy"], **steps)
    clocks = []

    def read_clocks(*_: object) -> None:
        clocks.append((time.perf_counter(), time.process_time()))

    watch = keras.callbacks.LambdaCallback(on_epoch_end=read_clocks)
    train = {"x": x, "y": y, "batch_size": recipe.batch_size}
    if way not in ("plain fit", "lessons", "ours, input tuned"):
        train = {"x": batches(**train)}
    model.fit(**train, epochs=epochs, verbose=0, callbacks=[watch])
    seconds, of_processors = np.median(np.diff(clocks, axis=0), axis=0)
    return {
        "seconds": seconds,
        "seconds of processors": of_processors,
        "gflop": arithmetic(model, len(x)),
        "megabytes": memory(),
    }


def products(name: str) -> dict[str, float]:
    """Processor seconds of an epoch's matrix products alone, in TensorFlow and in its batches."""
    from mnist_lab import data, recipes
    from mnist_lab.course.experiments.training import start_tensorflow

    start_tensorflow(1)
    import tensorflow as tf

    recipe = recipes.RECIPES[name]
    images = len(recipes.prepare(recipe, data.load_mnist()).train[0])
    sizes = [layer.shape for layer in recipe.build().get_weights() if layer.ndim == 2]
    batch = recipe.batch_size
    layers = [
        [tf.random.normal(shape) for shape in ((batch, ins), (ins, outs), (batch, outs))]
        for ins, outs in sizes
    ]

    @tf.function
    def step(layers: Any) -> list[Any]:
        found = []
        for number, (x, kernel, gradient) in enumerate(layers):
            found += [x @ kernel, tf.matmul(x, gradient, transpose_a=True)]
            if number:
                found.append(tf.matmul(gradient, kernel, transpose_b=True))
        return found

    times = []
    for _ in range(4):
        start = time.process_time()
        for _ in range(images // batch):
            step(layers)
        times.append(time.process_time() - start)
    return {"seconds of processors": median(times[1:])}


def memory() -> float:
    """Megabytes that this process held at most."""
    import psutil

    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def inference(name: str) -> dict[str, float]:
    """Milliseconds for one image and for ten thousand, through three doors."""
    import tensorflow as tf

    from mnist_lab import data, recipes

    recipe = replace(recipes.RECIPES[name], pixels="scaled")
    x, _ = recipes.prepare(recipe, data.load_mnist()).test
    model = recipe.build()
    compiled = tf.function(model, reduce_retracing=True)
    doors = {
        "predict": lambda images: model.predict(images, verbose=0),
        "direct call": lambda images: model(images, training=False),
        "compiled function": lambda images: compiled(tf.constant(images), training=False),
    }
    found = {}
    for door, call in doors.items():
        for images in (x[:1], x):
            times = []
            for _ in range(12):
                start = time.perf_counter()
                np.asarray(call(images))
                times.append(time.perf_counter() - start)
            found[f"{door}, {len(images):,} images, ms"] = 1e3 * median(times[2:])
    return found


def main(what: str, way: str) -> dict[str, float]:
    simple = {
        "peak": peak,
        "python": python,
        "import": lambda: python("import mnist_lab"),
        "load": load,
        "first figure": first_figure,
    }
    if what in simple:
        return simple[what]()
    if what == "inference":
        return inference(way)
    return products(what) if way == "products" else training(what, way)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(json.dumps(main(*sys.argv[1:3])))
