"""The figures: what they draw, that their fingerprints notice a change, and readable errors."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

from mnist_lab import plots

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
HISTORY = {"loss": [0.5, 0.3], "accuracy": [0.8, 0.9], "val_loss": [0.4, 0.35]}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_use_style_is_not_applied_at_import():
    with mpl.rc_context():
        before = mpl.rcParams["axes.titlelocation"]
        plots.use_style()
        assert (before, mpl.rcParams["axes.titlelocation"]) == ("center", "left")


def test_digit_grid_draws_every_image_once_and_blanks_the_rest():
    figure = plots.digit_grid(IMAGES, titles=range(12), columns=5, title="Digits")
    assert len(figure.axes) == 15
    drawn = [ax for ax in figure.axes if ax.images]
    for ax, image in zip(drawn, IMAGES, strict=True):
        assert np.array_equal(ax.images[0].get_array(), image)
    assert [ax.get_title() for ax in drawn] == [str(i) for i in range(12)]


def test_integers_and_floats_are_drawn_with_the_same_ink():
    whole = plots.digit_grid(IMAGES).axes[0].images[0].get_clim()
    scaled = plots.digit_grid(IMAGES / 255).axes[0].images[0].get_clim()
    assert (whole, scaled) == ((0, 255), (0, 1))


@pytest.mark.parametrize("images", [np.zeros((28, 28)), np.zeros((0, 28, 28))])
def test_digit_grid_says_what_it_needs(images):
    with pytest.raises(ValueError, match=r"pass at least one image as \(n, height, width\)"):
        plots.digit_grid(images)
    with pytest.raises(ValueError, match="1 titles for 12 images"):
        plots.digit_grid(IMAGES, titles=["one"])


def test_learning_curves_draw_what_is_there():
    loss, accuracy = plots.learning_curves(HISTORY).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["training"]
    assert loss.lines[0].get_xydata().tolist() == [[1, 0.5], [2, 0.3]]


def test_confusion_heatmap_writes_the_diagonal_and_colours_the_errors():
    matrix = np.diag([900, 800])
    matrix[1, 0] = 7
    ax = plots.confusion_heatmap(matrix).axes[0]
    assert [text.get_text() for text in ax.texts] == ["900", "0", "7", "800"]
    assert np.asarray(ax.collections[0].get_array()).max() == 7


def test_interval_plot_leaves_out_what_was_not_published():
    figure = plots.interval_plot(
        ["a", "b"], [0.97, 0.98], [(0.96, 0.98), (0.97, 0.99)], published=[0.975, None]
    )
    diamonds = figure.axes[0].lines[-1].get_xydata()
    assert np.isnan(diamonds[:, 0]).tolist() == [False, True]


def bars(x, y):
    return plt.subplots()[1].bar(x, y)[0].figure


def points(x, y):
    return plt.subplots()[1].scatter(x, y).figure


def changed(array):
    array = array.copy()
    array.flat[400] ^= 1
    return array


@pytest.mark.parametrize(
    ("figure", "other"),
    [
        (lambda: plots.digit_grid(IMAGES), lambda: plots.digit_grid(changed(IMAGES))),
        (lambda: plots.digit_grid(IMAGES), lambda: plots.digit_grid(IMAGES, titles=range(12))),
        (
            lambda: plots.learning_curves(HISTORY),
            lambda: plots.learning_curves({**HISTORY, "loss": [0.5, 0.31]}),
        ),
        (
            lambda: plots.confusion_heatmap(np.eye(3, dtype=int)),
            lambda: plots.confusion_heatmap(np.eye(3, dtype=int)[::-1]),
        ),
        (lambda: bars([0], [1]), lambda: bars([0], [2])),
        (lambda: points([0], [1]), lambda: points([0], [2])),
    ],
)
def test_fingerprint_notices_a_change_and_nothing_else(figure, other):
    assert plots.fingerprint(figure()) == plots.fingerprint(figure())
    assert plots.fingerprint(figure()) != plots.fingerprint(other())


def test_fingerprint_survives_the_last_bits():
    noise = 1 + 1e-12 * np.random.default_rng(0).standard_normal((3, 28, 28))
    means = IMAGES[:3].astype(float)
    assert plots.fingerprint(plots.digit_grid(means)) == plots.fingerprint(
        plots.digit_grid(means * noise)
    )
