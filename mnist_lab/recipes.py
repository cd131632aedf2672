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

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mnist_lab import CLASSES, IMAGE_SHAPE, models

if TYPE_CHECKING:
    import keras

    from mnist_lab.data import Digits

__all__ = [
    "MATRIX_ACCURACY",
    "PUBLISHED_MATRIX",
    "RECIPES",
    "TEST_ACCURACY",
    "TEST_LOSS",
    "TRAINING_ACCURACY",
    "VALIDATION_ACCURACY",
    "Arrays",
    "Claim",
    "Metric",
    "Pixels",
    "Recipe",
    "prepare",
]

Array = npt.NDArray[Any]
Pixels = Literal["raw", "scaled"]  # 0 to 255, or divided by 255

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
class Metric:
    """What a figure measures: its name, and its column in ``results/reproduction.csv``.

    An accuracy is a fraction, printed per cent. A loss has no highest value.
    """

    name: str
    column: str
    is_loss: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that the metric can take."""
        return 0.0, math.inf if self.is_loss else 1.0

    def text(self, value: float, decimals: int) -> str:
        """Write a value: an accuracy per cent, without the sign.

        Args:
            value: an accuracy as a fraction, or a loss.
            decimals: how many the value has; an accuracy shows two less, for it is per cent.
        """
        if self.is_loss:
            return f"{value:.{decimals}f}"
        return f"{100 * value:.{max(decimals - 2, 0)}f}"


TEST_ACCURACY = Metric("test accuracy", "test_accuracy")
MATRIX_ACCURACY = Metric("accuracy of the matrix", "test_accuracy")  # what a matrix adds up to
TEST_LOSS = Metric("test loss", "test_loss", is_loss=True)
TRAINING_ACCURACY = Metric("training accuracy", "train_accuracy")
VALIDATION_ACCURACY = Metric("validation accuracy", "validation_accuracy")


@dataclass(frozen=True)
class Claim:
    """A figure as its author printed it: "99.60 %" is 0.996 with four decimals, not three."""

    metric: Metric
    value: float
    decimals: int

    @property
    def half_unit(self) -> float:
        """Half a unit of the last printed digit: so far may the author's own result lie away."""
        return 10.0**-self.decimals / 2

    @property
    def text(self) -> str:
        """The printed digits: an accuracy per cent, without the sign."""
        return self.metric.text(self.value, self.decimals)

    def __str__(self) -> str:
        return f"{self.metric.name} {self.text}{'' if self.metric.is_loss else ' %'}"


@dataclass(frozen=True)
class Recipe:
    """One published network, its training and its author's figures.

    ``build()`` returns the fresh, uncompiled network (and imports Keras); ``output`` is the
    activation of its last layer. ``page_scales`` says whether the author's page divides the pixels
    by 255, None where it does not say; ``pixels`` is the form to train on, here and now.
    ``validation`` is ``"none"``, ``"test"`` (the author watched the test set) or ``"holdout"`` (the
    fraction ``holdout`` of the training set). ``layers`` and ``assumed`` are words for readers:
    the network, and what the author did not print and the course had to fill in.
    """

    name: str
    repository: str
    build: Callable[[], keras.Sequential]
    layers: str
    output: Literal["sigmoid", "softmax"]
    batch_size: int
    page_scales: bool | None
    pixels: Pixels
    claims: tuple[Claim, ...] = ()
    labels: Literal["integer", "one-hot"] = "integer"
    validation: Literal["none", "test", "holdout"] = "none"
    holdout: float = 0.0
    epochs: int = 10
    optimizer: str = "adam"
    input_shape: tuple[int, ...] = IMAGE_SHAPE
    assumed: tuple[str, ...] = ()

    @property
    def loss(self) -> str:
        """The Keras name of the loss that fits the form of the labels."""
        one_hot = self.labels == "one-hot"
        return "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"

    def claim(self, metric: Metric) -> Claim:
        """Return what the author reported of a metric.

        Raises:
            ValueError: the author reported nothing of it.
        """
        for claim in self.claims:
            if claim.metric == metric:
                return claim
        reported = ", ".join(claim.metric.name for claim in self.claims) or "nothing"
        raise ValueError(
            f"The author of {self.name} reports {reported}, but no {metric.name}: ask for a metric "
            "that was reported."
        )


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
    build=models.dnn_csv,
    layers="128-128-128 ReLU, 10 softmax",
    output="softmax",
    batch_size=32,
    page_scales=None,
    pixels="scaled",
    validation="holdout",
    holdout=0.1,
    input_shape=(math.prod(IMAGE_SHAPE),),
    claims=(Claim(TRAINING_ACCURACY, 0.98, 2), Claim(VALIDATION_ACCURACY, 0.964, 3)),
    assumed=(_SCALING_UNSAID,),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="deep_dropout_ann",
            repository="mnist_digit_detection",
            build=models.deep_dropout_ann,
            layers="784-392-196-98-49-24 ReLU, dropout 0.3 after each, 10 sigmoid",
            output="sigmoid",
            batch_size=32,
            page_scales=True,
            pixels="scaled",
            validation="test",
            claims=(
                Claim(TEST_ACCURACY, 0.9737, 4),
                # Counts of 10,000 images are exact, which four decimals are.
                Claim(MATRIX_ACCURACY, float(PUBLISHED_MATRIX.trace() / PUBLISHED_MATRIX.sum()), 4),
                Claim(TEST_LOSS, 0.1513, 4),
            ),
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="fnn_sigmoid",
            repository="mnist-digit-classification",
            build=models.fnn_sigmoid,
            layers="50-50 ReLU, 10 sigmoid",
            output="sigmoid",
            batch_size=32,
            page_scales=False,
            pixels="raw",
            claims=(Claim(TEST_ACCURACY, 0.971, 3),),
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="wide_dropout_ann",
            repository="202401100300136_digitdetection",
            build=models.wide_dropout_ann,
            layers="512-512 ReLU, dropout 0.2 after each, 10 softmax",
            output="softmax",
            batch_size=128,
            page_scales=None,
            pixels="scaled",
            labels="one-hot",
            claims=(Claim(TEST_ACCURACY, 0.984, 3),),
            assumed=(_SCALING_UNSAID,),
        ),
        _DNN_CSV,
        replace(_DNN_CSV, name="dnn_csv_batch_64", batch_size=64),
        Recipe(
            name="fnn_softmax",
            repository="Digit-Recognizer",
            build=models.fnn_softmax,
            layers="50-50 ReLU, 10 softmax",
            output="softmax",
            batch_size=32,
            page_scales=False,
            pixels="raw",
            assumed=(_DEFAULT_BATCH,),
        ),
        Recipe(
            name="cnn",
            repository="Digit-Recognizer",
            build=models.cnn,
            layers="convolution 32 3x3 ReLU, max-pooling 2x2, dense 128 ReLU, 10 softmax",
            output="softmax",
            batch_size=32,
            page_scales=False,
            pixels="raw",
            input_shape=(*IMAGE_SHAPE, 1),
            # The text says 98.66 %; the 0.986600 of the table has pandas' six decimals.
            claims=(Claim(TEST_ACCURACY, 0.9866, 4), Claim(TEST_LOSS, 0.057234, 6)),
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
        return x, (np.eye(CLASSES, dtype="float32")[y] if recipe.labels == "one-hot" else y)

    test = form(digits.x_test, digits.y_test)
    x_train, y_train = digits.x_train, digits.y_train
    if recipe.validation == "holdout":
        from sklearn.model_selection import train_test_split

        x_train, x_held, y_train, y_held = train_test_split(
            x_train, y_train, test_size=recipe.holdout, random_state=seed
        )
        return Arrays(form(x_train, y_train), form(x_held, y_held), test)
    return Arrays(form(x_train, y_train), test if recipe.validation == "test" else None, test)
