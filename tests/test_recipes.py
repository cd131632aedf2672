"""Every fact of the seven published recipes, pinned to what the authors printed."""

import dataclasses

import numpy as np
import pytest

from mnist_lab import data, models
from mnist_lab.recipes import (
    MATRIX_ACCURACY,
    PUBLISHED_MATRIX,
    RECIPES,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAINING_ACCURACY,
    VALIDATION_ACCURACY,
    Claim,
    prepare,
)

# name: repository, batch size, whether the page scales pixels, labels, validation, hold-out
TRAINING = {
    "deep_dropout_ann": ("mnist_digit_detection", 32, True, "integer", "test", 0.0),
    "fnn_sigmoid": ("mnist-digit-classification", 32, False, "integer", "none", 0.0),
    "wide_dropout_ann": ("202401100300136_digitdetection", 128, None, "one-hot", "none", 0.0),
    "dnn_csv": ("Digit_Recognition_Keras", 32, None, "integer", "holdout", 0.1),
    "dnn_csv_batch_64": ("Digit_Recognition_Keras", 64, None, "integer", "holdout", 0.1),
    "fnn_softmax": ("Digit-Recognizer", 32, False, "integer", "none", 0.0),
    "cnn": ("Digit-Recognizer", 32, False, "integer", "none", 0.0),
}

# What the authors printed, accuracies in per cent, and the matrix of 000 as what it adds up to.
DNN_CSV = ["training accuracy 98 %", "validation accuracy 96.4 %"]
CLAIMS = {
    "deep_dropout_ann": [
        *("test accuracy 97.37 %", "accuracy of the matrix 93.26 %", "test loss 0.1513"),
    ],
    "fnn_sigmoid": ["test accuracy 97.1 %"],
    "wide_dropout_ann": ["test accuracy 98.4 %"],
    "dnn_csv": DNN_CSV,
    "dnn_csv_batch_64": DNN_CSV,
    "fnn_softmax": [],
    "cnn": ["test accuracy 98.66 %", "test loss 0.057234"],
}
NO_BATCH_SIZE = {"deep_dropout_ann", "fnn_sigmoid", "fnn_softmax", "cnn"}  # none on their pages

# kind and number of every layer, as the sources print them; the last activation is its own column
LAYERS = {
    "deep_dropout_ann": (
        [
            *("flatten", "dense 784", "dropout 0.3", "dense 392", "dropout 0.3"),
            *("dense 196", "dropout 0.3", "dense 98", "dropout 0.3"),
            *("dense 49", "dropout 0.3", "dense 24", "dropout 0.3", "dense 10"),
        ],
        "sigmoid",
    ),
    "fnn_sigmoid": (["flatten", "dense 50", "dense 50", "dense 10"], "sigmoid"),
    "wide_dropout_ann": (
        ["flatten", "dense 512", "dropout 0.2", "dense 512", "dropout 0.2", "dense 10"],
        "softmax",
    ),
    "dnn_csv": (["dense 128", "dense 128", "dense 128", "dense 10"], "softmax"),
    "fnn_softmax": (["flatten", "dense 50", "dense 50", "dense 10"], "softmax"),
    "cnn": (["conv2d 32", "maxpooling2d (2, 2)", "flatten", "dense 128", "dense 10"], "softmax"),
}


def test_there_are_seven_recipes():
    assert list(RECIPES) == list(TRAINING)
    assert all(name == recipe.name for name, recipe in RECIPES.items())


@pytest.mark.parametrize("name", TRAINING)
def test_training_is_as_published(name):
    recipe = RECIPES[name]
    facts = (
        *(recipe.repository, recipe.batch_size, recipe.page_scales, recipe.labels),
        *(recipe.validation, recipe.holdout),
    )
    assert facts == TRAINING[name]
    assert (recipe.epochs, recipe.optimizer) == (10, "adam")
    assert [str(claim) for claim in recipe.claims] == CLAIMS[name]


@pytest.mark.parametrize("name", TRAINING)
def test_pixels_are_raw_where_the_page_prints_them_so(name):
    assert (RECIPES[name].pixels == "raw") == (RECIPES[name].page_scales is False)


@pytest.mark.parametrize(
    ("claim", "text", "half_unit"),
    [
        (Claim(TEST_ACCURACY, 0.9960, 4), "test accuracy 99.60 %", 0.00005),
        (Claim(TEST_ACCURACY, 0.996, 3), "test accuracy 99.6 %", 0.0005),
        (Claim(TRAINING_ACCURACY, 0.98, 2), "training accuracy 98 %", 0.005),
        (Claim(VALIDATION_ACCURACY, 1.0, 3), "validation accuracy 100.0 %", 0.0005),
        (Claim(TEST_LOSS, 0.0570, 4), "test loss 0.0570", 0.00005),
    ],
)
def test_claim_keeps_the_printed_digits(claim, text, half_unit):
    assert str(claim) == text
    assert claim.half_unit == pytest.approx(half_unit)


def test_claim_of_a_metric_is_found_or_missed_in_words():
    recipe = RECIPES["deep_dropout_ann"]
    assert recipe.claim(TEST_LOSS).value == 0.1513
    matrix = recipe.claim(MATRIX_ACCURACY)
    assert matrix.value == PUBLISHED_MATRIX.trace() / PUBLISHED_MATRIX.sum()
    with pytest.raises(ValueError, match="matrix, test loss, but no training accuracy: ask"):
        recipe.claim(TRAINING_ACCURACY)
    with pytest.raises(ValueError, match="fnn_softmax reports nothing, but no test loss: ask"):
        RECIPES["fnn_softmax"].claim(TEST_LOSS)


@pytest.mark.parametrize("name", TRAINING)
def test_loss_fits_the_labels(name):
    one_hot = name == "wide_dropout_ann"
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    assert RECIPES[name].loss == loss


def describe(layer):
    kind = type(layer).__name__.lower()
    for attribute in ("units", "rate", "filters", "pool_size"):
        if hasattr(layer, attribute):
            return f"{kind} {getattr(layer, attribute)}"
    return kind


@pytest.mark.parametrize("name", TRAINING)
def test_layers_are_as_published(name):
    recipe = RECIPES[name]
    layers, output = LAYERS[recipe.build.__name__]
    model = recipe.build()
    assert [describe(layer) for layer in model.layers] == layers
    weighted = [layer for layer in model.layers if layer.weights]
    activations = [layer.activation.__name__ for layer in weighted]
    assert activations == ["relu"] * (len(weighted) - 1) + [output]
    assert recipe.output == output
    assert recipe.layers.endswith(f"10 {output}")  # the words for readers agree
    assert model.input_shape == (None, *recipe.input_shape)


def test_kernel_of_the_convolution():
    convolution = models.cnn().layers[0]
    facts = (convolution.kernel_size, convolution.strides, convolution.padding)
    assert facts == ((3, 3), (1, 1), "valid")


def test_published_matrix_contradicts_the_published_accuracy():
    assert PUBLISHED_MATRIX.shape == (10, 10)
    assert PUBLISHED_MATRIX.sum() == 10_000
    assert np.trace(PUBLISHED_MATRIX) == 9_326
    assert PUBLISHED_MATRIX[6, 5] == 424
    # The rows are the class sizes of MNIST's test set, so the matrix is one of that set.
    rows = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert PUBLISHED_MATRIX.sum(axis=1).tolist() == rows
    columns = [986, 1135, 1020, 1054, 996, 1314, 532, 1021, 918, 1024]
    assert PUBLISHED_MATRIX.sum(axis=0).tolist() == columns
    with pytest.raises(ValueError, match="read-only"):
        PUBLISHED_MATRIX[0, 0] = 0


@pytest.fixture(scope="module")
def sample():
    return data.load_sample()


@pytest.mark.parametrize("name", TRAINING)
def test_prepared_arrays_fit_the_network(name, sample):
    recipe = RECIPES[name]
    arrays = prepare(recipe, sample)
    x, y = arrays.train
    assert x.shape[1:] == recipe.input_shape
    assert x.dtype == np.float32
    assert x.max() == (255 if recipe.pixels == "raw" else 1)
    assert y.shape == ((len(x), 10) if recipe.labels == "one-hot" else (len(x),))
    assert len(arrays.test[0]) == len(sample.x_test)


def test_validation_is_what_the_author_used(sample):
    assert prepare(RECIPES["fnn_softmax"], sample).validation is None
    watched = prepare(RECIPES["deep_dropout_ann"], sample)
    assert watched.validation is watched.test
    held = prepare(RECIPES["dnn_csv"], sample, seed=1)
    assert len(held.validation[0]) == round(0.1 * len(sample.x_train))
    assert len(held.train[0]) + len(held.validation[0]) == len(sample.x_train)


def test_repaired_form_scales_the_pixels(sample):
    repaired = dataclasses.replace(RECIPES["fnn_sigmoid"], pixels="scaled")
    assert prepare(repaired, sample).train[0].max() == 1


@pytest.mark.parametrize("name", TRAINING)
def test_every_guess_is_said(name):
    """What the course filled in, and nothing else, is among the assumptions."""
    guesses = {"batch size"} if name in NO_BATCH_SIZE else set()
    guesses |= {"pixels / 255"} if TRAINING[name][2] is None else set()
    assert {fact.partition(":")[0] for fact in RECIPES[name].assumed} == guesses
