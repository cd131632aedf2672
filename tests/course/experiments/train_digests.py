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
    """Return a digest of training on raw pixels, and one of going on with scaled pixels.

    To compile takes longer than to train, so the model is compiled once for both trainings, and
    once more, plainly and as ``measure`` does, to be judged.
    """
    import keras

    keras.utils.set_random_seed(0)
    model = recipe.build()
    compile_model(model, recipe)
    forms = [recipes.prepare(replace(recipe, pixels=p), digits) for p in get_args(Pixels)]
    trained = []
    for arrays in forms:
        x, y = (array[:IMAGES] for array in arrays.train)
        train: dict[str, Any] = {"x": x, "y": y, "batch_size": recipe.batch_size}
        if compile_model is WAYS["ours"]:
            from mnist_lab.course.experiments.fast_training import batches

            train = {"x": batches(**train)}
        how = {"validation_data": arrays.test, "validation_batch_size": recipe.batch_size}
        history = model.fit(**train, **how, epochs=EPOCHS, verbose=0).history
        trained.append((history, model.get_weights()))
    compile_plainly(model, recipe)
    return [
        digest(model, weights, history, arrays.test)
        for (history, weights), arrays in zip(trained, forms, strict=True)
    ]


def digest(model: Any, weights: list[Any], history: Any, test: tuple[Any, Any]) -> str:
    """Return a digest of a history, of weights, and of what the model gives with these weights."""
    model.set_weights(weights)
    found = hashlib.sha256(repr([history, model.evaluate(*test, verbose=0)]).encode())
    for array in [*weights, model.predict(test[0], verbose=0)]:
        found.update(array.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    threads, *names = sys.argv[1:]
    start_tensorflow(int(threads))
    digits = data.load_sample()
    found = {}
    for name in names:
        way, _, recipe = name.partition(":")
        found[name] = train(recipes.RECIPES[recipe], digits, WAYS[way])
    print(json.dumps(found))
