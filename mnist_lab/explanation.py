"""What did a network look at: gradients, occlusion, Grad-CAM, and a test by deletion.

Every method gives one map for each image: a number for each pixel, which is large where the method
says that the pixel speaks for a class. A map is a claim about the network, and it can be wrong:
:func:`deletion_curve` tests it. All methods ask for the *logit* of a class, the number before the
last activation, so pass a network that ends in logits (:func:`mnist_lab.models.logits_model` makes
one). Importing the module does not import TensorFlow; a function does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

__all__ = ["deletion_curve", "grad_cam", "gradients", "occlusion"]

Maps = npt.NDArray[np.float32]

_BATCH = 500  # images that the network reads at once


def gradients(model: keras.Model, images: Any, classes: Any) -> Maps:
    """Return how fast the logit of a class rises with the ink of each pixel.

    The map is the gradient of one logit with respect to the image. Its unit is logits for a pixel
    that goes from no ink to full ink, if the logit went on as it begins. The sign stays: a negative
    number means that more ink there speaks against the class.

    Source: K. Simonyan, A. Vedaldi, A. Zisserman, Deep inside convolutional networks: visualising
    image classification models and saliency maps (2014), who draw its absolute value.

    Args:
        model: a network that takes images and ends in logits of shape (n, classes).
        images: floats of shape (n, rows, columns, 1), full ink is 1.
        classes: the class whose logit is explained, one integer for each image, shape (n,).

    Returns:
        float32 of shape (n, rows, columns).

    Raises:
        ValueError: the images or the classes have a wrong shape, or a class is none of the network.

    Taught in: 08_interpretation
    """
    import tensorflow as tf

    pixels, chosen = _checked(model, images, classes)
    ink = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(ink)
        logits = tf.gather(model(ink, training=False), chosen, batch_dims=1)
    slopes: Maps = tape.gradient(logits, ink).numpy()[..., 0]
    return slopes


def occlusion(
    model: keras.Model,
    images: Any,
    classes: Any,
    patch: int = 4,
    fill: float = 0.0,
) -> Maps:
    """Return how far the logit of a class falls when a square patch covers each pixel.

    The patch is tried at every place. A pixel gets the average over all places of the patch that
    cover the pixel. So the unit is logits. The choice of ``fill`` matters: a patch of 0 on empty
    paper changes nothing, because there is nothing to cover.

    Source: M. D. Zeiler, R. Fergus, Visualizing and understanding convolutional networks (2014).

    Args:
        model: a network that takes images and ends in logits of shape (n, classes).
        images: floats of shape (n, rows, columns, 1), full ink is 1.
        classes: the class whose logit is explained, one integer for each image, shape (n,).
        patch: edge of the square in pixels.
        fill: ink of the patch, from 0 (paper) to 1 (full ink).

    Returns:
        float32 of shape (n, rows, columns).

    Raises:
        ValueError: as :func:`gradients`, or the patch does not fit into the images.

    Taught in: 08_interpretation
    """
    pixels, chosen = _checked(model, images, classes)
    n, rows, columns, _ = pixels.shape
    if not 1 <= patch <= min(rows, columns):
        raise ValueError(
            f"A patch of {patch} pixels does not fit into images of {rows} x {columns}: pass one "
            f"from 1 to {min(rows, columns)}."
        )
    every = np.arange(n)
    before = np.asarray(model(pixels, training=False))[every, chosen]
    total, times = (np.zeros((n, rows, columns), "float32") for _ in range(2))
    for top in range(rows - patch + 1):
        for left in range(columns - patch + 1):
            covered = np.s_[:, top : top + patch, left : left + patch]
            copy = pixels.copy()
            copy[covered] = fill
            after = np.asarray(model(copy, training=False))[every, chosen]
            total[covered] += (before - after)[:, None, None]
            times[covered] += 1
    fall: Maps = total / times
    return fall


def grad_cam(model: keras.Model, images: Any, classes: Any, layer: str) -> Maps:
    """Return Grad-CAM: the feature maps of a layer, added with the weight that a class gives them.

    The weight of a feature map is the mean gradient of the logit with respect to it. The sum keeps
    only what is positive, and is enlarged to the size of the image by bilinear interpolation. The
    enlargement takes for granted that the feature maps cover the image evenly, which is so for
    layers with ``padding="same"``; without padding, the places are a little too far outside.

    Source: R. R. Selvaraju and others, Grad-CAM: visual explanations from deep networks via
    gradient-based localization (2017).

    Args:
        model: a network that takes images and ends in logits of shape (n, classes).
        images: floats of shape (n, rows, columns, 1), full ink is 1.
        classes: the class whose logit is explained, one integer for each image, shape (n,).
        layer: name of a layer whose output is feature maps (n, height, width, channels), usually
            the last convolution after its activation.

    Returns:
        float32 of shape (n, rows, columns), 0 and above, with no useful unit.

    Raises:
        ValueError: as :func:`gradients`; no layer has this name, or its output is not maps.

    Taught in: 08_interpretation
    """
    import keras
    import tensorflow as tf

    pixels, chosen = _checked(model, images, classes)
    maps = [each.name for each in model.layers if len(each.output.shape) == 4]
    if layer not in maps:
        raise ValueError(
            f"{layer!r} is no layer with feature maps: choose from {', '.join(maps) or 'none'}."
        )
    both = keras.Model(model.inputs, [model.get_layer(layer).output, model.outputs[0]])
    ink = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(ink)  # so that the tape follows the feature maps, too
        features, logits = both(ink, training=False)
        logits = tf.gather(logits, chosen, batch_dims=1)
    slopes = tape.gradient(logits, features)
    weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    added = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1, keepdims=True))
    enlarged: Maps = tf.image.resize(added, pixels.shape[1:3]).numpy()[..., 0]
    return enlarged


def deletion_curve(
    model: keras.Model,
    images: Any,
    classes: Any,
    maps: npt.ArrayLike,
    counts: Sequence[int],
    fill: float = 0.0,
) -> Maps:
    """Return the probability of a class after the pixels with the largest numbers are deleted.

    If a map is right about what the network uses, the probability falls quickly. Compare with a map
    of random numbers: only the difference says something. Of equal pixels, those further up and
    further left go first.

    Source: V. Petsiuk, A. Das, K. Saenko, RISE: randomized input sampling for explanation of
    black-box models (2018).

    Args:
        model: a network that takes images and ends in logits of shape (n, classes).
        images: floats of shape (n, rows, columns, 1), full ink is 1.
        classes: the class whose probability is followed, one integer for each image, shape (n,).
        maps: one number for each pixel, shape (n, rows, columns).
        counts: how many pixels are deleted, each from 0 to rows * columns.
        fill: ink that a deleted pixel gets, from 0 (paper) to 1 (full ink).

    Returns:
        float32 of shape (n, len(counts)), from 0 to 1.

    Raises:
        ValueError: as :func:`gradients`; the maps do not fit the images, or a count is impossible.

    Taught in: 08_interpretation
    """
    from scipy.special import softmax

    pixels, chosen = _checked(model, images, classes)
    n, size = len(pixels), pixels[0].size
    numbers = np.asarray(maps)
    if numbers.shape != pixels.shape[:3]:
        raise ValueError(
            f"maps has shape {numbers.shape} for images of shape {pixels.shape}: pass one number "
            "for each pixel."
        )
    if impossible := [count for count in counts if not 0 <= count <= size]:
        raise ValueError(f"{impossible[0]} pixels cannot be deleted: pass counts from 0 to {size}.")
    order = np.argsort(-numbers.reshape(n, size), axis=1, kind="stable")  # the largest first
    curve = np.empty((n, len(counts)), "float32")
    for column, count in enumerate(counts):
        rest = pixels.reshape(n, size).copy()
        np.put_along_axis(rest, order[:, :count], np.float32(fill), axis=1)
        logits = model.predict(rest.reshape(pixels.shape), batch_size=_BATCH, verbose=0)
        curve[:, column] = softmax(logits, axis=1)[np.arange(n), chosen]
    return curve


def _checked(
    model: keras.Model, images: Any, classes: Any
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return images as float32 and classes as int64, or say what is wrong with them."""
    pixels, chosen = np.asarray(images), np.asarray(classes)
    if pixels.ndim != 4 or pixels.shape[-1] != 1 or not pixels.size:
        raise ValueError(
            f"images has shape {pixels.shape}: pass at least one image as (n, rows, columns, 1)."
        )
    if not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(
            f"images has dtype {pixels.dtype}: pass floats, scaled as the network learned them."
        )
    if chosen.shape != (len(pixels),) or not np.issubdtype(chosen.dtype, np.integer):
        raise ValueError(
            f"classes has shape {chosen.shape} and dtype {chosen.dtype} for {len(pixels)} images: "
            "pass one integer for each image."
        )
    number = model.output_shape[-1]
    if strange := [each for each in chosen.tolist() if not 0 <= each < number]:
        raise ValueError(
            f"The network has no class {strange[0]}: pass classes from 0 to {number - 1}."
        )
    return pixels.astype(np.float32), chosen.astype(np.int64)
