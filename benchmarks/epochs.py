"""How a published network's test figures move with the epochs, over many seeds. Prints a table.

    python benchmarks/epochs.py                               deep_dropout_ann, ten seeds
    python benchmarks/epochs.py --seeds 3 --epochs 5 cnn

A page that prints one loss after ten epochs may have stopped earlier, or have trained twice.
Lesson 5 reads the file of the first command: ``--output mnist_lab/results/epochs.csv``. The file
grows with every seed: stopped and called again, the command follows those that are missing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from mnist_lab import data, environment, recipes
from mnist_lab._files import write_text
from mnist_lab.course.experiments.training import data_digest, start_tensorflow

FIGURES = ["test_loss", "test_accuracy", "matrix_accuracy"]


def follow(name: str, seed: int, epochs: int, digits: data.Digits) -> list[dict[str, Any]]:
    """Train on scaled pixels; return a row an epoch, of what the author of a recipe may have seen.

    ``test_loss`` and ``test_accuracy`` are those of ``evaluate``, ``matrix_accuracy`` that of
    ``argmax`` of the outputs of ``predict``. Nothing is chosen by them.
    """
    start_tensorflow(1)
    import keras

    from mnist_lab.course.experiments.fast_training import batches, compile_fast

    recipe = replace(recipes.RECIPES[name], pixels="scaled")
    arrays = recipes.prepare(recipe, digits, seed=seed)
    keras.utils.set_random_seed(seed)
    model = recipe.build()
    compile_fast(model, recipe)
    # The same layers, compiled plainly: many steps at once round sigmoid outputs otherwise.
    plain = keras.Sequential([keras.Input(recipe.input_shape), *model.layers])
    plain.compile(recipe.optimizer, recipe.loss, metrics=["accuracy"])
    rows = []

    def look(epoch: int, _: object) -> None:
        read = plain.predict(arrays.test[0], verbose=0).argmax(axis=1)
        figures = *plain.evaluate(*arrays.test, verbose=0), float(np.mean(read == digits.y_test))
        rows.append({"recipe": name, "seed": seed, "epochs": epoch + 1})
        rows[-1] |= dict(zip(FIGURES, figures, strict=True))

    watch = keras.callbacks.LambdaCallback(on_epoch_end=look)
    train = batches(*arrays.train, recipe.batch_size)
    model.fit(train, epochs=epochs, verbose=0, callbacks=[watch])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow test figures from epoch to epoch.")
    parser.add_argument("recipe", nargs="?", default="deep_dropout_ann", choices=recipes.RECIPES)
    parser.add_argument("--seeds", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--epochs", type=int, default=20, help="of each (default: 20)")
    parser.add_argument("--output", type=Path, help="a CSV file; a row for each seed and epoch")
    options = parser.parse_args()
    digits = data.load_mnist()
    versions = environment.versions()
    where = {name: versions[name] for name in ("tensorflow", "keras", "numpy")}
    where |= {"data": data_digest(digits), "processor": environment.processor()}
    frame = pd.DataFrame()
    if options.output and options.output.exists():
        frame = pd.read_csv(options.output, dtype={"data": str}, float_precision="round_trip")
        epochs = set(range(1, options.epochs + 1))
        expected = {"recipe": {options.recipe}, "data": {where["data"]}, "epochs": epochs}
        if any(set(frame.get(name, ())) != values for name, values in expected.items()):
            parser.error(f"{options.output} has other digits, recipe or epochs: name another file")
    missing = sorted(set(range(options.seeds)) - set(frame.get("seed", ())))
    one = joblib.delayed(follow)
    tasks = (one(options.recipe, seed, options.epochs, digits) for seed in missing)
    parallel = joblib.Parallel(joblib.cpu_count(), batch_size=1, verbose=10, return_as="generator")
    for rows in parallel(tasks):
        frame = pd.concat([frame, pd.DataFrame(rows).assign(**where)])
        if options.output:
            frame = frame.sort_values(["seed", "epochs"])
            write_text(options.output, frame.to_csv(index=False, lineterminator="\n"))
    print(digits.source)
    print(frame.groupby("epochs")[FIGURES].agg(["mean", "min", "max"]).round(4).to_string())


if __name__ == "__main__":
    main()
