"""The builders: sizes, fresh weights, and the network without its last activation."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mnist_lab import data, models
from mnist_lab.augmentation import distort

PARAMETERS = {
    "logistic_regression": 784 * 10 + 10,
    "fnn_sigmoid": 42_310,
    "fnn_softmax": 42_310,
    "dnn_csv": 134_794,
    "wide_dropout_ann": 669_706,
    "deep_dropout_ann": 1_025_795,
    "cnn": 693_962,
    "batchnorm_cnn": 694_442,
    "convnet": 98_690,
    "wide_convnet": 335_658,
    "vgg": 378_538,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters_is_the_documented_one(name: str) -> None:
    build = getattr(models, name)
    assert build().count_params() == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,} parameters" in " ".join(build.__doc__.split())


def test_each_call_builds_a_fresh_network() -> None:
    import keras

    keras.utils.set_random_seed(0)
    first, second = models.fnn_softmax(), models.fnn_softmax()
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    keras.utils.set_random_seed(0)
    again = models.fnn_softmax()
    assert np.array_equal(first.get_weights()[0], again.get_weights()[0])


@pytest.mark.parametrize("name", ["fnn_sigmoid", "deep_dropout_ann", "cnn"])
def test_logits_lead_to_the_same_outputs(name: str) -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = getattr(models, name)()
    images = np.random.default_rng(0).random((4, *model.input_shape[1:]), dtype="float32")
    logits = models.logits_model(model)(images)
    activation = model.layers[-1].activation
    assert np.allclose(activation(logits), model(images), atol=1e-6)


def test_logits_tell_apart_what_a_saturated_sigmoid_cannot() -> None:
    from keras import Input, Sequential, layers

    model = Sequential([Input(shape=(1,)), layers.Dense(2, activation="sigmoid")])
    model.set_weights([np.array([[20.0, 30.0]]), np.zeros(2)])
    image = np.ones((1, 1))
    assert np.array(model(image)).tolist() == [[1.0, 1.0]]
    assert np.array(models.logits_model(model)(image)).tolist() == [[20.0, 30.0]]


def test_logits_model_needs_a_dense_end() -> None:
    from keras import Input, Sequential, layers

    with pytest.raises(ValueError, match=r"Flatten: pass a network that ends in a Dense layer"):
        models.logits_model(Sequential([Input(shape=(2, 2)), layers.Flatten()]))


# Of the file of weights. Whoever trains the network again also writes the new digest here.
BEST_DIGEST = "d29bd9b42ce2"


def test_best_network_is_the_one_that_was_measured() -> None:
    """Its weights are those that the record beside them is about."""
    assert hashlib.sha256(models.BEST.read_bytes()).hexdigest()[:12] == BEST_DIGEST
    assert models.BEST.stat().st_size < 2_000_000
    rows = json.loads(models.BEST_RECORD.read_text(encoding="utf-8"))
    assert [row["reading"] for row in rows] == ["one view", "nine views"]
    for row in rows:
        assert row["split"] == "test"
        assert row["parameters"] == PARAMETERS["wide_convnet"]
        assert len(row["misread"].split()) == row["errors"] < 40


@pytest.mark.slow
def test_best_network_reads_what_its_record_says_and_distorted_digits_too() -> None:
    digits = data.load_mnist()
    if not digits.is_mnist:
        pytest.skip("MNIST is not at hand")
    images = digits.x_test[..., None] / np.float32(255)
    network = models.best()

    def misread(images: npt.NDArray[Any]) -> set[int]:
        read = network.predict(images, batch_size=500, verbose=0).argmax(axis=1)
        return set(np.flatnonzero(read != digits.y_test).tolist())

    record = models.BEST_RECORD.read_text(encoding="utf-8")
    known = set(map(int, json.loads(record)[0]["misread"].split()))
    assert len(misread(images) ^ known) <= 2  # images between two digits, on another processor
    assert len(misread(np.asarray(distort(images, (0, 0))))) <= 100  # the label survives
