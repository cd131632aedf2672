"""The published architectures and the course's own, one builder each.

Every builder returns a fresh, uncompiled ``keras.Sequential`` whose weights come from Keras' random
state: call ``keras.utils.set_random_seed`` first. The layers of published networks are those
printed in the source projects, sigmoid outputs included; the course's own end in logits. Importing
this module does not import Keras; a builder does.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_lab import CLASSES, IMAGE_SHAPE

if TYPE_CHECKING:
    import keras

__all__ = [
    "BEST",
    "BEST_RECORD",
    "batchnorm_cnn",
    "best",
    "cnn",
    "convnet",
    "deep_dropout_ann",
    "detector",
    "dnn_csv",
    "fnn_sigmoid",
    "fnn_softmax",
    "logistic_regression",
    "logits_model",
    "vgg",
    "wide_convnet",
    "wide_dropout_ann",
]

# The weights of best(), and what was measured of the network.
BEST = Path(__file__).with_name("results") / "renewed-test-12-0.weights.h5"
BEST_RECORD = BEST.with_name("renewed-test-12-0.json")

# Batch normalisation remembers means over its last ten batches or so. Keras' own memory of a
# hundred batches is too long for a training of one epoch, whose weights change quickly.
_MEMORY = 0.9


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


def batchnorm_cnn() -> keras.Sequential:
    """The network of :func:`cnn` with batch normalisation before both ReLUs, ending in logits.

    Input (batch, 28, 28, 1), output (batch, 10) logits, 694,442 parameters.
    Taught in: 06_augmentation
    """
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(shape=(*IMAGE_SHAPE, 1)),
            layers.Conv2D(32, 3, use_bias=False),
            layers.BatchNormalization(momentum=_MEMORY),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, use_bias=False),
            layers.BatchNormalization(momentum=_MEMORY),
            layers.ReLU(),
            layers.Dense(CLASSES),
        ],
        name="batchnorm_cnn",
    )


def _block(kernels: int, size: int, stride: int = 1) -> list[keras.Layer]:
    """A convolution with batch normalisation and ReLU, which does not pad its input."""
    from keras import layers

    return [
        layers.Conv2D(kernels, size, stride, use_bias=False),
        layers.BatchNormalization(momentum=_MEMORY),
        layers.ReLU(),
    ]


def _convolutions(name: str, *filters: int, outputs: int = CLASSES) -> keras.Sequential:
    """Convolutions with batch normalisation and ReLU, the first one 5x5 with stride 2, then logits.

    The last convolution looks at maps that max-pooling 2x2 has halved. No layer pads its input.
    """
    from keras import Input, Sequential, layers

    first, *middle, last = filters
    return Sequential(
        [
            Input(shape=(*IMAGE_SHAPE, 1)),
            *_block(first, 5, stride=2),
            *(layer for kernels in middle for layer in _block(kernels, 3)),
            layers.MaxPooling2D(),
            *_block(last, 3),
            layers.Flatten(),
            layers.Dense(outputs),
        ],
        name=name,
    )


def convnet() -> keras.Sequential:
    """Four convolutions with 24, 48, 64 and 96 kernels, and no dense layer but the last.

    Input (batch, 28, 28, 1), output (batch, 10) logits, 98,690 parameters.
    Taught in: 06_augmentation
    """
    return _convolutions("convnet", 24, 48, 64, 96)


def wide_convnet() -> keras.Sequential:
    """Five convolutions with 32, 64, 96, 128 and 128 kernels, and no dense layer but the last.

    Input (batch, 28, 28, 1), output (batch, 10) logits, 335,658 parameters.
    """
    return _convolutions("wide_convnet", 32, 64, 96, 128, 128)


def vgg() -> keras.Sequential:
    """Five 3x3 convolutions with 32, 32, 96, 128 and 192 kernels, and max-pooling after each pair.

    The first two see the image in its full resolution, as in the VGG networks. Source of the idea:
    K. Simonyan, A. Zisserman, Very deep convolutional networks for large-scale image recognition
    (2014).

    Input (batch, 28, 28, 1), output (batch, 10) logits, 378,538 parameters.
    """
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(shape=(*IMAGE_SHAPE, 1)),
            *_block(32, 3),
            *_block(32, 3),
            layers.MaxPooling2D(),
            *_block(96, 3),
            *_block(128, 3),
            layers.MaxPooling2D(),
            *_block(192, 3),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ],
        name="vgg",
    )


def detector() -> keras.Sequential:
    """Three convolutions with 24, 32 and 64 kernels, for the question whether there is a digit.

    Input (batch, 28, 28, 1), output (batch, 1), a logit that is high for a digit; 27,001
    parameters. The service asks such a network before it answers.
    """
    return _convolutions("detector", 24, 32, 64, outputs=1)


def best() -> keras.Sequential:
    """Return the trained network that the course ships.

    The network of :func:`wide_convnet`, trained on MNIST's 60,000 training images by
    ``mnist-lab reproduce --ladder renewed --seeds 1 --keep mnist_lab/results``. The validation
    images chose the rung, and the seed was chosen before the test.
    :data:`BEST_RECORD` has what was measured.

    Input (batch, 28, 28, 1) in 0..1, output (batch, 10) logits.
    """
    model = wide_convnet()
    model.load_weights(BEST)
    return model


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
