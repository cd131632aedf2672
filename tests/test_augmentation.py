"""Distorted digits: how far pixels move, what stays at the border, and which seeds give what."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import map_coordinates

from mnist_lab import data
from mnist_lab.augmentation import (
    Distortion,
    distort,
    distorted_batches,
    look_up,
    random_places,
    shifted_views,
)

NOTHING = Distortion(affine=0, shift=0, bend=0)
SAMPLE = data.load_sample()
X = SAMPLE.x_train[..., None] / np.float32(255)
INDICES = np.moveaxis(np.indices((28, 28), "float32"), 0, -1)


def moves(distortion: Distortion, count: int = 200) -> npt.NDArray[Any]:
    """Return by how many rows and columns each pixel of some images moves."""
    return random_places(np.zeros((count, 28, 28, 1)), (1, 2), distortion).numpy() - INDICES


def centres(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return row and column of the centre of the ink, float (n, 2)."""
    ink = images[..., 0]
    total = ink.sum(axis=(1, 2))
    lines = np.arange(28)
    rows, columns = ink.sum(axis=2) @ lines / total, ink.sum(axis=1) @ lines / total
    return np.stack([rows, columns], axis=1)


def test_no_distortion_changes_nothing() -> None:
    assert np.array_equal(distort(X[:50], (0, 1), NOTHING), X[:50])


def test_shift_moves_the_whole_image_by_at_most_so_many_pixels() -> None:
    found = moves(Distortion(affine=0, shift=2, bend=0))
    assert np.ptp(found, axis=(1, 2)).max() < 1e-5
    assert 1.9 < np.abs(found).max() <= 2
    assert np.abs(found.mean(axis=0)).max() < 0.2


def test_affine_leaves_the_centre_and_bounds_turn_and_zoom() -> None:
    found = moves(Distortion(affine=0.12, shift=0, bend=0))
    assert np.abs(found[:, 13:15, 13:15].mean(axis=(1, 2))).max() < 1e-5
    corner = 13.5  # pixels from the centre, down and across: both entries of a row act
    assert 0.9 * 2 * 0.12 * corner < np.abs(found).max() <= 2 * 0.12 * corner + 1e-5
    right = (found + INDICES)[:, 13, 27] - (found + INDICES)[:, 13, 0]  # where a row of pixels lies
    turns = np.degrees(np.arctan2(right[:, 0], right[:, 1]))
    assert 6 < np.abs(turns).max() < 8
    assert np.abs(turns.mean()) < 1


def test_bend_moves_neighbours_together() -> None:
    found = moves(Distortion(affine=0, shift=0, bend=0.7))
    assert 0.5 < found.std() < 0.8
    assert np.abs(np.diff(found, axis=1)).mean() < 0.2 < found.std()


def test_the_centre_of_the_ink_stays_on_average() -> None:
    moved = np.concatenate([distort(X, (seed, 0)).numpy() for seed in range(5)])
    shift = (centres(moved) - np.tile(centres(X), (5, 1))).mean(axis=0)
    assert np.abs(shift).max() < 0.1


def test_looked_up_as_scipy_does() -> None:
    """Also beyond the border, where a pixel of another side must never come in."""
    places = random_places(X[:20], (1, 2), Distortion(affine=0.3, shift=20, bend=2)).numpy()
    images = X[:20] + np.float32(0.5)  # ink up to the border
    expected = [
        map_coordinates(image[..., 0], np.moveaxis(place, -1, 0), order=1, mode="grid-constant")
        for image, place in zip(images, places, strict=True)
    ]
    assert np.abs(look_up(images, places).numpy()[..., 0] - expected).max() < 1e-4
    far = look_up(images, places + 100).numpy()
    assert (far == 0).all()


def test_ink_between_two_pixels_is_shared() -> None:
    image = np.zeros((1, 28, 28, 1), "float32")
    image[0, 10, 10] = 1
    read = look_up(image, INDICES[None] + np.array([0.25, 0.0], "float32")).numpy()[0, :, :, 0]
    assert (read[9, 10], read[10, 10]) == (0.25, 0.75)
    assert read.sum() == 1


def test_values_stay_within_those_of_the_images() -> None:
    moved = distort(X, (3, 4), Distortion(0.3, 5, 2)).numpy()
    assert moved.shape == X.shape
    assert moved.dtype == np.float32
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_a_seed_decides_all() -> None:
    first, again, other = (distort(X[:20], seed).numpy() for seed in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len({image.tobytes() for image in distort(X[[0] * 20], (1, 2)).numpy()}) == 20


def all_of(batches: Any) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    return [(x.numpy(), y.numpy()) for x, y in batches]


def test_batches_are_shuffled_distorted_and_repeatable() -> None:
    y = np.arange(len(X))
    first, again = (all_of(distorted_batches(X, y, 100, seed=5)) for _ in range(2))
    assert all(
        np.array_equal(a, b)
        for one, two in zip(first, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    assert sorted(np.concatenate([labels for _, labels in first])) == list(range(len(X)))
    for images, labels in first:  # each image keeps its label
        assert not np.array_equal(images, X[labels])
        likeness = [
            np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(images, X[labels], strict=True)
        ]
        assert np.median(likeness) > 0.5


def test_each_epoch_is_distorted_and_shuffled_anew() -> None:
    batches = distorted_batches(X[:100], np.arange(100), 100, seed=5)
    (one,), (two,) = all_of(batches), all_of(batches)
    assert not np.array_equal(one[1], two[1])
    order = np.argsort(one[1]), np.argsort(two[1])
    assert not np.array_equal(one[0][order[0]], two[0][order[1]])


def test_batches_without_distortion_are_the_images() -> None:
    for images, labels in all_of(distorted_batches(X, np.arange(len(X)), 64, 0, None)):
        assert np.array_equal(images, X[labels])


def test_nine_views_move_by_a_pixel_and_lose_what_leaves() -> None:
    image = np.arange(1, 10, dtype=float).reshape(1, 3, 3, 1)
    first, *others = shifted_views(image)
    assert np.array_equal(first, image)
    assert len({view.tobytes() for view in [first, *others]}) == 9
    assert others[0][0, :, :, 0].tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert others[-1][0, :, :, 0].tolist() == [[5, 6, 0], [8, 9, 0], [0, 0, 0]]


@pytest.mark.parametrize("function", [distort, lambda images, _: shifted_views(images)])
def test_images_without_a_channel_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match=r"\(n, rows, columns, 1\).*images\[\.\.\., None\]"):
        function(X[..., 0], (0, 1))
