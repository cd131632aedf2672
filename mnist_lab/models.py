"""The published architectures, one builder each, and two small companions of them.

Every builder returns a fresh, uncompiled ``keras.Sequential`` whose weights come from Keras' random
state: call ``keras.utils.set_random_seed`` first. The layers are those printed in the source
projects, sigmoid outputs included. Importing this module does not import Keras; a builder does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mnist_lab import CLASSES, IMAGE_SHAPE

if TYPE_CHECKING:
    import keras

__all__ = [
    "cnn",
    "deep_dropout_ann",
    "dnn_csv",
    "fnn_sigmoid",
    "fnn_softmax",
    "logistic_regression",
    "logits_model",
    "wide_dropout_ann",
]


def _dense_net(
    name: str,
    widths: tuple[int, ...],
    output: str,
    dropout: float | None = None,
    input_shape: tuple[int, ...] = IMAGE_SHAPE,
) -> keras.Sequential:
    """Dense ReLU layers of the given widths, dropout after each if asked for, ten outputs."""
    from keras import Input, Sequential, layers

    model = Sequential([Input(shape=input_shape)], name=name)
    if len(input_shape) > 1:
        model.add(layers.Flatten())
    for width in widths:
        model.add(layers.Dense(width, activation="relu"))
        if dropout is not None:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(CLASSES, activation=output))
    return model


def logistic_regression() -> keras.Sequential:
    """Multinomial logistic regression: one dense layer with ten softmax outputs.

    Input (batch, 28, 28), output (batch, 10) probabilities, 7,850 parameters. Not one of the
    published networks: the baseline that they have to beat. Taught in: 02_fnn
    """
    return _dense_net("logistic_regression", (), "softmax")


def fnn_sigmoid() -> keras.Sequential:
    """50-50 ReLU network with ten sigmoid outputs. Source: mnist-digit-classification (001).

    Input (batch, 28, 28), output (batch, 10) numbers in [0, 1] that need not add up to 1; 42,310
    parameters. Taught in: 02_fnn
    """
    return _dense_net("fnn_sigmoid", (50, 50), "sigmoid")


def fnn_softmax() -> keras.Sequential:
    """50-50 ReLU network with ten softmax outputs. Source: Digit-Recognizer (004).

    Input (batch, 28, 28), output (batch, 10) probabilities, 42,310 parameters. Taught in: 02_fnn
    """
    return _dense_net("fnn_softmax", (50, 50), "softmax")


def dnn_csv() -> keras.Sequential:
    """128-128-128 ReLU network on rows of 784 pixels. Source: Digit_Recognition_Keras (003).

    Input (batch, 784), output (batch, 10) probabilities, 134,794 parameters. Taught in: 02_fnn
    """
    return _dense_net("dnn_csv", (128, 128, 128), "softmax", input_shape=(math.prod(IMAGE_SHAPE),))


def wide_dropout_ann() -> keras.Sequential:
    """512-512 ReLU network, dropout 0.2 after each. Source: 202401100300136_digitdetection (002).

    Input (batch, 28, 28), output (batch, 10) probabilities, 669,706 parameters.
    Taught in: 03_deep_dropout_ann
    """
    return _dense_net("wide_dropout_ann", (512, 512), "softmax", dropout=0.2)


def deep_dropout_ann() -> keras.Sequential:
    """784-392-196-98-49-24 ReLU network, dropout 0.3 after each, ten sigmoid outputs.

    Source: mnist_digit_detection (000). Input (batch, 28, 28), output (batch, 10) numbers in
    [0, 1] that need not add up to 1; 1,025,795 parameters. Taught in: 03_deep_dropout_ann
    """
    return _dense_net("deep_dropout_ann", (784, 392, 196, 98, 49, 24), "sigmoid", dropout=0.3)


def cnn() -> keras.Sequential:
    """Convolution 32 3x3, max-pooling 2x2, dense 128, ten softmax outputs.

    Source: Digit-Recognizer (004). Input (batch, 28, 28, 1), output (batch, 10) probabilities,
    693,962 parameters. Taught in: 04_cnn
    """
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(shape=(*IMAGE_SHAPE, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="cnn",
    )


def logits_model(model: keras.Sequential) -> keras.Sequential:
    """Return the same network without the activation of its last layer.

    Sigmoid and softmax both preserve the order of the logits, but in float32 several outputs can
    round to the same number; ranking the logits themselves avoids such ties.

    Args:
        model: a built network whose last layer is a ``Dense`` layer.

    Returns:
        A network with output (batch, classes) of logits, float32. It shares all layers but the
        last with ``model``; the last one's weights are copied as they are now.

    Raises:
        ValueError: the last layer is not a ``Dense`` layer.

    Taught in: 03_deep_dropout_ann
    """
    from keras import Input, Sequential, layers

    last = model.layers[-1]
    if not isinstance(last, layers.Dense):
        raise ValueError(
            f"The last layer is a {type(last).__name__}: pass a network that ends in a Dense layer."
        )
    logits = layers.Dense(last.units, name="logits")
    result = Sequential([Input(shape=model.input_shape[1:]), *model.layers[:-1], logits])
    logits.set_weights(last.get_weights())
    return result
