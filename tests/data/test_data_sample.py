"""The sample that needs no network."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from data_room import NAMES

from mnist_lab import data
from mnist_lab.data import Digits

SAMPLE_SHA256 = "108f7227ce67fcc87299aa217878f8b2ac92bed13c377599bf26e57eb44cefde"


@pytest.fixture(scope="module")
def digits() -> Digits:
    return data.load_sample()


def test_sample(digits: Digits) -> None:
    assert digits.x_train.shape == (1497, 28, 28) and digits.x_test.shape == (300, 28, 28)
    assert digits.y_train.shape == (1497,) and digits.y_test.shape == (300,)
    assert all(getattr(digits, name).dtype == np.uint8 for name in NAMES)
    assert not digits.is_mnist and "not MNIST" in digits.source
    # Stratified: each digit has its share of the 300.
    assert np.bincount(digits.y_test).tolist() == [30, 30, 30, 31, 30, 30, 30, 30, 29, 30]


def test_sample_is_the_same_everywhere(digits: Digits) -> None:
    """Its pixels and its split were found equal under Pillow 11.3 and 13.0."""
    content = b"".join(getattr(digits, name).tobytes() for name in NAMES)
    assert hashlib.sha256(content).hexdigest() == SAMPLE_SHA256


def test_what_a_learner_writes_into_the_sample_is_not_loaded_again(digits: Digits) -> None:
    """The images are made once in a process, and each call returns arrays of its own."""
    mine = data.load_sample()
    for name in NAMES:
        getattr(mine, name)[:] = 7
    again = data.load_sample()
    for name in NAMES:
        assert np.array_equal(getattr(again, name), getattr(digits, name))
