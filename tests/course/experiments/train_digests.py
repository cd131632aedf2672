"""Trains every recipe plainly or as the course does; prints a digest of all that comes out.

Run by test_fast_training.py in processes of their own: TensorFlow's threads are set only once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, get_args

from mnist_lab import data, recipes
from mnist_lab.course.experiments.training import start_tensorflow

Pixels = Literal["raw", "scaled"]
IMAGES, EPOCHS = 970, 2  # the last batch is not full
STEPS = 7  # do not divide an epoch: what is left over must be trained as well


def compile_plainly(model: Any, recipe: recipes.Recipe, **options: int) -> None:
    model.compile(recipe.optimizer, recipe.loss, metrics=["accuracy"], **options)


def compile_ours(model: Any, recipe: recipes.Recipe) -> None:
    from mnist_lab.course.experiments.fast_training import compile_fast

    compile_fast(model, recipe, STEPS)


WAYS: dict[str, Callable[[Any, recipes.Recipe], None]] = {
    "plain": compile_plainly,
    "lessons": lambda model, recipe: compile_plainly(model, recipe, steps_per_execution=STEPS),
    "ours": compile_ours,
}


def train(
    recipe: recipes.Recipe,
    digits: data.Digits,
    compile_model: Callable[[Any, recipes.Recipe], None],
) -> list[str]:
    """Return a digest after training on raw pixels, and one after going on with scaled ones."""
    import keras

    keras.utils.set_random_seed(0)
    model = recipe.build()
    compile_model(model, recipe)  # once: to compile takes longer than to train
    judge = recipe.build()
    compile_plainly(judge, recipe)  # as measure does
    return [
        _digest(model, judge, replace(recipe, pixels=pixels), digits, compile_model)
        for pixels in get_args(Pixels)
    ]


def _digest(
    model: Any,
    judge: Any,
    recipe: recipes.Recipe,
    digits: data.Digits,
    compile_model: Callable[[Any, recipes.Recipe], None],
) -> str:
    arrays = recipes.prepare(recipe, digits)
    x, y = (array[:IMAGES] for array in arrays.train)
    train: dict[str, Any] = {"x": x, "y": y, "batch_size": recipe.batch_size}
    if compile_model is WAYS["ours"]:
        from mnist_lab.course.experiments.fast_training import batches

        train = {"x": batches(**train)}
    how = {"validation_data": arrays.test, "validation_batch_size": recipe.batch_size}
    history = model.fit(**train, **how, epochs=EPOCHS, verbose=0).history
    judge.set_weights(model.get_weights())
    digest = hashlib.sha256(repr([history, judge.evaluate(*arrays.test, verbose=0)]).encode())
    for array in [*model.get_weights(), judge.predict(arrays.test[0], verbose=0)]:
        digest.update(array.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    threads, *names = sys.argv[1:]
    start_tensorflow(int(threads))
    digits = data.load_sample()
    found = {}
    for name in names:
        way, _, recipe = name.partition(":")
        found[name] = train(recipes.RECIPES[recipe], digits, WAYS[way])
    print(json.dumps(found))
