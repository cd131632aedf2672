"""Training images that are distorted at random: zoomed, turned, slanted, moved and bent.

A network that sees every image a little different in each epoch cannot learn the images by heart.
A distortion is a claim about the world: a digit so distorted keeps its label. Small distortions do,
a half turn or a mirror does not. Importing the module does not import TensorFlow; a function does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "USUAL",
    "Distortion",
    "distort",
    "distorted_batches",
    "look_up",
    "random_places",
    "shifted_views",
]

GRID = 5  # points of the coarse grid that bends a digit, down and across


@dataclass(frozen=True)
class Distortion:
    """How far an image is distorted at most.

    Attributes:
        affine: how far each entry of the 2x2 matrix may lie from the identity, evenly
            distributed. With 0.12, a digit becomes up to about 12 % larger or smaller in each
            direction, and turns or slants by up to about 7 degrees.
        shift: pixels by which a digit may move down or up, and right or left, evenly distributed.
        bend: standard deviation, in pixels, of the moves that bend the strokes. A grid of 5x5
            points moves at random, and the pixels between the points move smoothly.
    """

    affine: float = 0.12
    shift: float = 2.0
    bend: float = 0.7


USUAL = Distortion()


def random_places(images: Any, seed: Any, distortion: Distortion = USUAL) -> tf.Tensor:
    """Draw where each pixel of the distorted images takes its ink from.

    Args:
        images: float array or tensor of shape (n, rows, columns, 1); only its shape is used.
        seed: two integers. The same seed gives the same places.
        distortion: how far pixels may move.

    Returns:
        float32 tensor (n, rows, columns, 2): a row and a column, in pixels, for each pixel.

    Taught in: 06_augmentation
    """
    import tensorflow as tf

    n, (rows, columns) = tf.shape(images)[0], images.shape[1:3]
    # Three independent seeds, so that a digit's shift says nothing about its slant.
    of_matrix, of_shift, of_bend = tf.unstack(tf.random.split(seed, 3))
    centre = np.array([rows - 1, columns - 1], "float32") / 2
    from_centre = np.moveaxis(np.indices((rows, columns), "float32"), 0, -1) - centre
    most = distortion.affine
    matrix = tf.eye(2) + tf.random.stateless_uniform((n, 2, 2), of_matrix, -most, most)
    most = distortion.shift
    shift = tf.random.stateless_uniform((n, 1, 1, 2), of_shift, -most, most)
    points = tf.random.stateless_normal((n, GRID, GRID, 2), of_bend, stddev=distortion.bend)
    bend = tf.image.resize(points, (rows, columns), "bicubic")
    return tf.einsum("nij,rcj->nrci", matrix, from_centre) + centre + shift + bend


def look_up(images: Any, places: Any) -> tf.Tensor:
    """Read the ink of images at places between their pixels, by bilinear interpolation.

    The four pixels around a place count the more, the nearer they are. Beyond the border lies empty
    paper: no ink comes in from the other side.

    Args:
        images: float32 array or tensor of shape (n, rows, columns, 1); 0 is empty paper.
        places: float32 (n, rows, columns, 2), a row and a column for each pixel.

    Returns:
        float32 tensor of the shape of the images.

    Taught in: 06_augmentation
    """
    import tensorflow as tf

    n, (rows, columns) = tf.shape(images)[0], images.shape[1:3]
    # Two pixels of paper where a place on the border also asks for the pixel after it.
    paper = tf.pad(images[..., 0], [(0, 0), (1, 2), (1, 2)])
    ends = np.array([rows, columns], "float32") + 1
    places = tf.clip_by_value(places + 1, 0.0, ends)
    whole = tf.floor(places)
    down, right = tf.unstack(places - whole, axis=-1)  # from the pixel above and to the left
    row, column = tf.unstack(tf.cast(whole, tf.int32), axis=-1)
    width, height = columns + 3, rows + 3
    first = tf.reshape(tf.range(n) * (height * width), (-1, 1, 1))  # pixel of each image
    ink, at = tf.reshape(paper, [-1]), first + row * width + column
    above = tf.gather(ink, at) * (1 - right) + tf.gather(ink, at + 1) * right
    below = tf.gather(ink, at + width) * (1 - right) + tf.gather(ink, at + width + 1) * right
    return (above * (1 - down) + below * down)[..., None]


def distort(images: Any, seed: Any, distortion: Distortion = USUAL) -> tf.Tensor:
    """Distort each image in another way.

    Source of the idea: P. Y. Simard, D. Steinkraus, J. C. Platt, Best practices for convolutional
    neural networks applied to visual document analysis (2003).

    Args:
        images: float32 array or tensor of shape (n, rows, columns, 1); 0 is empty paper.
        seed: two integers. The same seed gives the same distortions.
        distortion: how far, at most.

    Returns:
        float32 tensor of the shape of the images, with values between 0 and their largest one.

    Raises:
        ValueError: the images have another number of axes.
    """
    _check_shape(images)
    return look_up(images, random_places(images, seed, distortion))


def distorted_batches(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    batch_size: int,
    seed: int,
    distortion: Distortion | None = USUAL,
) -> tf.data.Dataset:
    """Return shuffled batches for ``fit``, distorted anew in each epoch.

    The same seed gives the same batches, on any number of threads.

    Args:
        x: float32 of shape (n, rows, columns, 1), training images only; 0 is empty paper.
        y: labels, as many.
        batch_size: images in a batch; the last one may have fewer.
        seed: start of the random numbers.
        distortion: how far, at most; None leaves the images as they are.
    """
    import tensorflow as tf

    shuffled = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=seed)
    batches = shuffled.batch(batch_size)
    if distortion is not None:
        # Seeds that travel with the batches: random numbers drawn inside map would depend on which
        # of two threads comes first.
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)
        batches = tf.data.Dataset.zip(batches, seeds).map(
            lambda batch, two: (distort(batch[0], two, distortion), batch[1]),
            num_parallel_calls=2,
        )
    return batches.prefetch(2)


def shifted_views(images: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Return the images as they are, and moved by up to one pixel in each direction.

    Args:
        images: array of shape (n, rows, columns, 1); 0 is empty paper.

    Returns:
        Nine arrays of the shape of the images: the first one as it is, then the eight others.

    Raises:
        ValueError: the images have another number of axes.
    """
    _check_shape(images)
    rows, columns = images.shape[1:3]
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    as_it_is = (1, 1)
    moves = sorted(product(range(3), repeat=2), key=lambda move: move != as_it_is)
    return [padded[:, down : down + rows, right : right + columns] for down, right in moves]


def _check_shape(images: Any) -> None:
    if len(images.shape) != 4:
        raise ValueError(
            f"These images have the shape {tuple(images.shape)}, and (n, rows, columns, 1) is "
            "needed: pass images[..., None]."
        )
