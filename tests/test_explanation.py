"""Explanations of hand-made networks, of which it is known what they look at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mnist_lab import explanation
from mnist_lab.environment import quiet_start

with quiet_start():
    import keras
    from keras import layers

SIZE, CLASSES = 6, 3
PIXELS = SIZE * SIZE
RNG = np.random.default_rng(0)
IMAGES = RNG.random((4, SIZE, SIZE, 1)).astype("float32")
WANTED = np.array([0, 2, 1, 2])
WEIGHTS = RNG.normal(size=(PIXELS, CLASSES)).astype("float32")

Array = npt.NDArray[Any]


def linear(weights: Array = WEIGHTS) -> keras.Sequential:
    """A network whose logits are weighted sums of the pixels."""
    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), layers.Flatten(), layers.Dense(CLASSES)]
    )
    model.set_weights([weights, np.zeros(CLASSES)])
    return model


def one_pixel(row: int, column: int) -> keras.Sequential:
    """A network whose class 1 looks at one pixel, and whose other classes look at nothing."""
    weights = np.zeros((SIZE, SIZE, CLASSES), "float32")
    weights[row, column, 1] = 5.0
    return linear(weights.reshape(PIXELS, CLASSES))


def convolution() -> keras.Sequential:
    """Two feature maps, the ink and twice the ink, then weights for each place."""
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(2, 1, use_bias=False, name="maps"),
            layers.Flatten(),
            layers.Dense(CLASSES, use_bias=False),
        ]
    )
    kernel = np.array([1.0, 2.0]).reshape(1, 1, 1, 2)
    model.set_weights([kernel, RNG.normal(size=(2 * PIXELS, CLASSES))])
    return model


def weights_by_image(weights: Array = WEIGHTS) -> Array:
    """The weights of the wanted class, laid out as the image is, for each image."""
    return weights.T[WANTED].reshape(-1, SIZE, SIZE)


def places(maps: Array) -> list[tuple[int, int]]:
    """Row and column of the largest number of each map."""
    rows, columns = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), SIZE)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_gradients_of_a_linear_network_are_its_weights() -> None:
    found = explanation.gradients(linear(), IMAGES, WANTED)
    assert found.dtype == np.float32
    assert np.allclose(found, weights_by_image(), atol=1e-6)


def test_gradients_leave_layers_in_the_mode_of_prediction() -> None:
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), layers.Dropout(0.9), *linear().layers])
    assert np.allclose(explanation.gradients(model, IMAGES, WANTED), weights_by_image(), atol=1e-6)


def test_softmax_in_front_of_the_gradient_hides_what_a_sure_network_uses() -> None:
    """This is why all methods ask for logits."""
    sure = linear(100 * WEIGHTS)
    answers = sure.predict(IMAGES, verbose=0).argmax(axis=1)
    with_softmax = keras.Sequential([keras.Input((SIZE, SIZE, 1)), *sure.layers, layers.Softmax()])
    assert np.abs(explanation.gradients(sure, IMAGES, answers)).max() > 10
    assert np.abs(explanation.gradients(with_softmax, IMAGES, answers)).max() < 1e-3


def test_occlusion_of_one_pixel_is_weight_times_ink() -> None:
    found = explanation.occlusion(linear(), IMAGES, WANTED, patch=1)
    assert found.dtype == np.float32
    assert np.allclose(found, weights_by_image() * IMAGES[..., 0], atol=1e-5)


def test_occlusion_with_a_patch_is_the_mean_over_its_places() -> None:
    found = explanation.occlusion(linear(), IMAGES, WANTED, patch=3)
    fall = weights_by_image() * IMAGES[..., 0]
    for row, column in ((0, 0), (2, 3), (5, 1)):
        falls = [
            fall[:, top : top + 3, left : left + 3].sum(axis=(1, 2))
            for top in range(SIZE - 2)
            for left in range(SIZE - 2)
            if top <= row < top + 3 and left <= column < left + 3
        ]
        assert np.allclose(found[:, row, column], np.mean(falls, axis=0), atol=1e-4)


def test_occlusion_sees_nothing_where_the_patch_changes_nothing() -> None:
    paper = np.zeros_like(IMAGES)
    assert np.allclose(explanation.occlusion(linear(), paper, WANTED), 0)
    filled = explanation.occlusion(linear(), paper, WANTED, patch=1, fill=0.5)
    assert np.allclose(filled, -0.5 * weights_by_image(), atol=1e-5)


def test_occlusion_leaves_the_images_alone() -> None:
    before = IMAGES.copy()
    explanation.occlusion(linear(), IMAGES, WANTED, patch=2)
    assert np.array_equal(IMAGES, before)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 4), (5, 5)])
def test_a_network_that_looks_at_one_pixel_is_found_out(row: int, column: int) -> None:
    model, of_one = one_pixel(row, column), np.ones(4, int)
    for maps in (
        explanation.gradients(model, IMAGES, of_one),
        explanation.occlusion(model, IMAGES, of_one, patch=1),
    ):
        assert places(maps) == [(row, column)] * 4
        assert np.count_nonzero(np.abs(maps) > 1e-5) == 4
    assert not explanation.gradients(model, IMAGES, np.zeros(4, int)).any()


def test_grad_cam_by_hand() -> None:
    model = convolution()
    last = model.layers[-1].get_weights()[0].reshape(SIZE, SIZE, 2, CLASSES)
    weights = last.mean(axis=(0, 1))[:, WANTED]  # of both maps, for each image
    by_hand = [
        np.maximum(first * image + second * 2 * image, 0)
        for image, first, second in zip(IMAGES[..., 0], *weights, strict=True)
    ]
    found = explanation.grad_cam(model, IMAGES, WANTED, "maps")
    assert found.dtype == np.float32
    assert found.max() > 0
    assert np.allclose(found, by_hand, atol=1e-5)


def test_grad_cam_enlarges_small_maps_and_looks_where_the_weight_is() -> None:
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(1, 3, strides=3, use_bias=False, name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(CLASSES, use_bias=False),
        ]
    )
    model.set_weights([np.ones((3, 3, 1, 1)), np.ones((1, CLASSES))])
    corner = np.zeros((1, SIZE, SIZE, 1), "float32")
    corner[0, :3, 3:] = 1
    found = explanation.grad_cam(model, corner, np.array([0]), "maps")
    assert found.shape == (1, SIZE, SIZE)
    assert (found[0, :3, 3:].min() > found[0, 3:, :3].max()) and found[0, 5, 0] == 0


def test_grad_cam_follows_maps_of_frozen_layers() -> None:
    model = convolution()
    expected = explanation.grad_cam(model, IMAGES, WANTED, "maps")
    model.trainable = False
    assert np.array_equal(explanation.grad_cam(model, IMAGES, WANTED, "maps"), expected)


def test_deletion_takes_the_largest_numbers_first() -> None:
    model = one_pixel(2, 3)
    of_one = np.ones(4, int)
    ink = np.ones_like(IMAGES)
    best = explanation.gradients(model, ink, of_one)
    sure, blind = np.exp(5) / (np.exp(5) + 2), 1 / 3
    found = explanation.deletion_curve(model, ink, of_one, best, [0, 1, PIXELS])
    assert found.dtype == np.float32
    assert np.allclose(found, [[sure, blind, blind]] * 4, atol=1e-5)
    worst = explanation.deletion_curve(model, ink, of_one, -best, [0, PIXELS - 1, PIXELS])
    assert np.allclose(worst, [[sure, sure, blind]] * 4, atol=1e-5)
    filled = explanation.deletion_curve(model, ink, of_one, best, [PIXELS], fill=1.0)
    assert np.allclose(filled, sure, atol=1e-5)


def test_deletion_leaves_the_images_alone() -> None:
    before = IMAGES.copy()
    explanation.deletion_curve(linear(), IMAGES, WANTED, IMAGES[..., 0], [3, PIXELS])
    assert np.array_equal(IMAGES, before)


METHODS: dict[str, Callable[..., Any]] = {
    "gradients": explanation.gradients,
    "occlusion": explanation.occlusion,
    "grad_cam": partial(explanation.grad_cam, layer="maps"),
    "deletion_curve": partial(explanation.deletion_curve, maps=IMAGES[..., 0], counts=[1]),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("images", "classes", "message"),
    [
        (IMAGES, WANTED + 1, r"no class 3: pass classes from 0 to 2"),
        (IMAGES, WANTED - 1, r"no class -1: pass classes from 0 to 2"),
        (IMAGES, WANTED[:3], r"classes has shape \(3,\) and dtype int64 for 4 images"),
        (IMAGES, WANTED / 1.0, r"dtype float64 for 4 images: pass one integer for each image"),
        (IMAGES[..., 0], WANTED, r"images has shape \(4, 6, 6\): pass at least one image as"),
        (IMAGES[:0], WANTED[:0], r"images has shape \(0, 6, 6, 1\): pass at least one image"),
        ((IMAGES * 255).astype("uint8"), WANTED, r"images has dtype uint8: pass floats, scaled"),
    ],
)
def test_bad_input_is_refused(name: str, images: Array, classes: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        METHODS[name](convolution(), images, classes)


@pytest.mark.parametrize("patch", [0, -1, SIZE + 1])
def test_a_patch_that_does_not_fit_is_refused(patch: int) -> None:
    message = rf"A patch of {patch} pixels does not fit into images of 6 x 6: pass one from 1 to 6"
    with pytest.raises(ValueError, match=message):
        explanation.occlusion(linear(), IMAGES, WANTED, patch=patch)


def test_a_layer_without_maps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'flatten\w*' is no layer .*: choose from maps"):
        model = convolution()
        explanation.grad_cam(model, IMAGES, WANTED, model.layers[1].name)
    with pytest.raises(ValueError, match="'conv' is no layer with feature maps: choose from none"):
        explanation.grad_cam(linear(), IMAGES, WANTED, "conv")


def test_maps_and_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"maps has shape \(4, 6\) for images of shape \(4, 6, 6"):
        explanation.deletion_curve(linear(), IMAGES, WANTED, np.zeros((4, 6)), [1])
    with pytest.raises(ValueError, match="37 pixels cannot be deleted: pass counts from 0 to 36"):
        explanation.deletion_curve(linear(), IMAGES, WANTED, IMAGES[..., 0], [1, PIXELS + 1])


def test_importing_it_does_not_import_tensorflow() -> None:
    code = "import sys, mnist_lab.explanation; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
