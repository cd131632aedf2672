"""The published recipes as data: how each network was trained and what its author reported.

Seven recipes from five projects: Digit-Recognizer publishes two networks, and
Digit_Recognition_Keras one network with two batch sizes ("32 or 64"). A loop over :data:`RECIPES`
builds, trains and judges them all::

    for recipe in RECIPES.values():
        arrays = prepare(recipe, digits)
        model = recipe.build()
        model.compile(optimizer=recipe.optimizer, loss=recipe.loss, metrics=["accuracy"])
        model.fit(*arrays.train, batch_size=recipe.batch_size, epochs=recipe.epochs)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mnist_lab import models

if TYPE_CHECKING:
    import keras

    from mnist_lab.data import Digits

__all__ = ["PUBLISHED_MATRIX", "RECIPES", "Arrays", "Recipe", "prepare"]

Array = npt.NDArray[Any]

# The confusion matrix printed in mnist_digit_detection (000): rows true digit, columns predicted.
PUBLISHED_MATRIX = np.array(
    [
        [968, 1, 1, 0, 1, 0, 4, 1, 2, 2],
        [0, 1123, 3, 3, 0, 2, 2, 1, 1, 0],
        [4, 0, 999, 16, 2, 0, 2, 6, 3, 0],
        [0, 0, 0, 997, 0, 4, 0, 4, 2, 3],
        [2, 1, 2, 0, 964, 0, 5, 0, 0, 8],
        [3, 0, 0, 12, 1, 869, 3, 0, 2, 2],
        [2, 3, 0, 1, 10, 424, 516, 0, 2, 0],
        [0, 2, 12, 1, 0, 0, 0, 1003, 2, 8],
        [6, 1, 3, 20, 8, 12, 0, 4, 903, 17],
        [1, 4, 0, 4, 10, 3, 0, 2, 1, 984],
    ]
)
PUBLISHED_MATRIX.flags.writeable = False


@dataclass(frozen=True)
class Recipe:
    """One published network, its training and its author's figures.

    ``pixels`` is ``"raw"`` (0 to 255) or ``"scaled"`` (divided by 255); ``validation`` is
    ``"none"``, ``"test"`` (the author watched the test set) or ``"holdout"`` (the fraction
    ``holdout`` of the training set); ``claims`` maps a quantity to the author's figure, fractions
    not per cent; ``assumed`` lists what the author did not print and the course had to fill in.
    """

    name: str
    repository: str
    architecture: str
    layers: str
    batch_size: int
    claims: dict[str, float]
    pixels: Literal["raw", "scaled"] = "scaled"
    labels: Literal["integer", "one-hot"] = "integer"
    validation: Literal["none", "test", "holdout"] = "none"
    holdout: float = 0.0
    epochs: int = 10
    optimizer: str = "adam"
    input_shape: tuple[int, ...] = (28, 28)
    assumed: tuple[str, ...] = ()

    @property
    def loss(self) -> str:
        """The Keras name of the loss that fits the form of the labels."""
        one_hot = self.labels == "one-hot"
        return "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"

    def build(self) -> keras.Sequential:
        """Return the fresh, uncompiled network (imports Keras)."""
        network: keras.Sequential = getattr(models, self.architecture)()
        return network


class Arrays(NamedTuple):
    """Pixels and labels in the form that one recipe trains on; each pair is ``(x, y)``."""

    train: tuple[Array, Array]
    validation: tuple[Array, Array] | None
    test: tuple[Array, Array]


_DEFAULT_BATCH = "batch size: not printed, so Keras' default of 32"
_SCALING_UNSAID = "pixels / 255: the page does not say whether it scales them"

_DNN_CSV = Recipe(
    name="dnn_csv",
    repository="Digit_Recognition_Keras",
    architecture="dnn_csv",
    layers="128-128-128 ReLU, 10 softmax",
    batch_size=32,
    validation="holdout",
    holdout=0.1,
    input_shape=(784,),
    claims={"training accuracy": 0.98, "validation accuracy": 0.964},
    assumed=(_SCALING_UNSAID,),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="deep_dropout_ann",
            repository="mnist_digit_detection",
            architecture="deep_dropout_ann",
            layers="784-392-196-98-49-24 ReLU, dropout 0.3 after each, 10 sigmoid",
            batch_size=32,
            validation="test",
            claims={"test accuracy": 0.9737, "test loss": 0.1513},
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="fnn_sigmoid",
            repository="mnist-digit-classification",
            architecture="fnn_sigmoid",
            layers="50-50 ReLU, 10 sigmoid",
            batch_size=32,
            pixels="raw",
            claims={"test accuracy": 0.971},
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="wide_dropout_ann",
            repository="202401100300136_digitdetection",
            architecture="wide_dropout_ann",
            layers="512-512 ReLU, dropout 0.2 after each, 10 softmax",
            batch_size=128,
            labels="one-hot",
            claims={"test accuracy": 0.984},
            assumed=(_SCALING_UNSAID,),
        ),
        _DNN_CSV,
        replace(_DNN_CSV, name="dnn_csv_batch_64", batch_size=64),
        Recipe(
            name="fnn_softmax",
            repository="Digit-Recognizer",
            architecture="fnn_softmax",
            layers="50-50 ReLU, 10 softmax",
            batch_size=32,
            pixels="raw",
            claims={},
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="cnn",
            repository="Digit-Recognizer",
            architecture="cnn",
            layers="convolution 32 3x3 ReLU, max-pooling 2x2, dense 128 ReLU, 10 softmax",
            batch_size=32,
            pixels="raw",
            input_shape=(28, 28, 1),
            claims={"test accuracy": 0.9866, "test loss": 0.057234},
            assumed=(_DEFAULT_BATCH,),
        ),
    )
}


def prepare(recipe: Recipe, digits: Digits, seed: int = 0) -> Arrays:
    """Bring the digits into the form that a recipe trains on.

    Args:
        recipe: one of :data:`RECIPES`, or ``dataclasses.replace(recipe, pixels="scaled")``.
        digits: what :func:`mnist_lab.data.load_mnist` returned.
        seed: decides which images a recipe with a hold-out keeps for validation.

    Returns:
        x float32 of shape (n, ``*recipe.input_shape``), in 0..255 or 0..1 as ``recipe.pixels``
        says; y uint8 of shape (n,), or float32 (n, 10) where the labels are one-hot. ``validation``
        is None, or the hold-out, or the test set itself where the author watched it.
    """
    scale = np.float32(255 if recipe.pixels == "scaled" else 1)

    def form(x: Array, y: Array) -> tuple[Array, Array]:
        x = x.reshape(len(x), *recipe.input_shape).astype("float32") / scale
        return x, (np.eye(10, dtype="float32")[y] if recipe.labels == "one-hot" else y)

    test = form(digits.x_test, digits.y_test)
    x_train, y_train = digits.x_train, digits.y_train
    if recipe.validation == "holdout":
        from sklearn.model_selection import train_test_split

        x_train, x_held, y_train, y_held = train_test_split(
            x_train, y_train, test_size=recipe.holdout, random_state=seed
        )
        return Arrays(form(x_train, y_train), form(x_held, y_held), test)
    return Arrays(form(x_train, y_train), test if recipe.validation == "test" else None, test)
