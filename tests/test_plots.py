"""The figures: what they draw, that their fingerprints notice a change, and readable errors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

mpl.use("agg")

import matplotlib.pyplot as plt

from mnist_lab import plots, reproduction
from mnist_lab.recipes import RECIPES

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
HISTORY = {"loss": [0.5, 0.3], "accuracy": [0.8, 0.9], "val_loss": [0.4, 0.35]}


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_use_style_is_not_applied_at_import() -> None:
    """In a process of its own: other tests may have applied it in this one."""
    where = "print(matplotlib.rcParams['axes.titlelocation'])"
    code = f"import matplotlib; from mnist_lab import plots; {where}; plots.use_style(); {where}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["center", "left"]


def test_digit_grid_draws_every_image_once_and_blanks_the_rest() -> None:
    figure = plots.digit_grid(IMAGES, titles=range(12), columns=5, title="Digits")
    assert len(figure.axes) == 15
    drawn = [ax for ax in figure.axes if ax.images]
    for ax, image in zip(drawn, IMAGES, strict=True):
        assert np.array_equal(np.asarray(ax.images[0].get_array()), image)
    assert [ax.get_title() for ax in drawn] == [str(i) for i in range(12)]


def test_integers_and_floats_are_drawn_with_the_same_ink() -> None:
    whole = plots.digit_grid(IMAGES).axes[0].images[0].get_clim()
    scaled = plots.digit_grid(IMAGES / 255).axes[0].images[0].get_clim()
    assert (whole, scaled) == ((0, 255), (0, 1))


def test_map_grid_draws_each_map_on_its_own_scale() -> None:
    maps = {"small": np.full((2, 28, 28), -0.01), "zero": np.zeros((2, 28, 28))}
    maps["small"][0, 3, 4] = 0.02
    figure = plots.map_grid(IMAGES[:2], maps, row_labels=["a 7", "a 2"])
    drawn = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn[:3]] == ["image", "small", "zero"]
    assert [ax.get_ylabel() for ax in drawn[::3]] == ["a 7", "a 2"]
    small = np.asarray(drawn[1].images[0].get_array())
    assert (small[3, 4], small[0, 0]) == (1, -0.5)
    assert np.asarray(drawn[4].images[0].get_array()).tolist() == [[-1] * 28] * 28
    assert not np.asarray(drawn[2].images[0].get_array()).any()
    assert drawn[1].images[0].get_clim() == (-1, 1)


def test_map_grid_shows_where_the_ink_is() -> None:
    half = np.zeros((1, 28, 28), "float32")
    half[0, :, :14] = 1
    for image, outlines in ((half, 1), (half * 0, 0)):
        figure = plots.map_grid(image, {"a": image})
        assert len(figure.axes[1].collections) == outlines


def test_map_grid_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"maps of a have shape \(3, 28, 28\) for images of \(12,"):
        plots.map_grid(IMAGES, {"a": IMAGES[:3]})
    with pytest.raises(ValueError, match="no maps to draw: pass those of one method at least"):
        plots.map_grid(IMAGES, {})


def test_map_grid_of_sizes_has_a_scale_from_zero() -> None:
    figure = plots.map_grid(IMAGES[:1], {"a": IMAGES[:1]})
    assert figure.axes[1].images[0].get_clim() == (0, 1)
    words = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert words == ["0", "largest"]


@pytest.mark.parametrize("images", [np.zeros((28, 28)), np.zeros((0, 28, 28))])
def test_digit_grid_says_what_it_needs(images: Any) -> None:
    with pytest.raises(ValueError, match=r"pass at least one image as \(n, height, width\)"):
        plots.digit_grid(images)
    with pytest.raises(ValueError, match="1 titles for 12 images"):
        plots.digit_grid(IMAGES, titles=["one"])


CORNERS = [[0, 0], [0.5, 0], [10, 0], [0, 10], [10, 9.5], [10, 10]]


def small_map(places: Any = CORNERS, labels: Any = (3, 4, 3, 8, 0, 1)) -> Figure:
    return plots.thumbnail_map(IMAGES[: len(places)], labels, places, size=1, title="Map")


def test_thumbnail_map_leaves_out_what_would_cover_an_earlier_image() -> None:
    ax = small_map().axes[0]
    drawn = {tuple(image.get_extent()): np.asarray(image.get_array()) for image in ax.images}
    middles = {(0.0, 0.0): 0, (10.0, 0.0): 2, (0.0, 10.0): 3, (10.0, 9.5): 4}
    assert drawn.keys() == {(x - 0.5, x + 0.5, y - 0.5, y + 0.5) for x, y in middles}
    for (x, y), number in middles.items():
        assert np.array_equal(drawn[x - 0.5, x + 0.5, y - 0.5, y + 0.5], IMAGES[number])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 10.5), (-0.5, 10.5))


def test_thumbnail_map_gives_each_class_one_colour_and_paper_none() -> None:
    images = small_map([[2 * i, 0] for i in range(12)], [*range(10), 3, 8]).axes[0].images
    full_ink = [image.get_cmap()(255) for image in images]
    assert len(set(full_ink)) == 10
    assert (full_ink[10], full_ink[11]) == (full_ink[3], full_ink[8])
    assert {image.get_cmap()(0)[3] for image in images} == {0}
    assert {image.get_clim() for image in images} == {(0, 255)}


def test_thumbnail_map_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"pass at least one image as \(n, height, width\)"):
        plots.thumbnail_map(np.zeros((0, 28, 28)), [], np.zeros((0, 2)), size=1)
    with pytest.raises(ValueError, match="one label and two coordinates an image"):
        small_map(labels=[1])
    with pytest.raises(ValueError, match="one label and two coordinates an image"):
        small_map(places=[[0, 0, 0]], labels=[1])
    with pytest.raises(ValueError, match="pass labels from 0 to 9"):
        small_map(labels=[0, 1, 2, 3, 4, 10])


def test_learning_curves_draw_what_is_there() -> None:
    loss, accuracy = plots.learning_curves(HISTORY).axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["training"]
    assert np.asarray(loss.lines[0].get_xydata()).tolist() == [[1, 0.5], [2, 0.3]]


def test_confusion_heatmap_writes_the_diagonal_and_colours_the_errors() -> None:
    matrix = np.diag([900, 800])
    matrix[1, 0] = 7
    ax = plots.confusion_heatmap(matrix).axes[0]
    assert [text.get_text() for text in ax.texts] == ["900", "0", "7", "800"]
    assert np.asarray(ax.collections[0].get_array()).max() == 7


def test_interval_plot_leaves_out_what_was_not_published() -> None:
    figure = plots.interval_plot(
        ["a", "b"], [0.97, 0.98], [(0.96, 0.98), (0.97, 0.99)], published=[0.975, None]
    )
    diamonds = np.asarray(figure.axes[0].lines[-1].get_xydata())
    assert np.isnan(diamonds[:, 0]).tolist() == [False, True]


def ladder_frame(*points: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["seconds", "errors"])


RUNGS = ladder_frame((10, 250), (30, 90), (900, 30))


def test_ladder_plot_numbers_the_rungs_and_draws_all_points() -> None:
    published, seeds = ladder_frame((200, 134)), ladder_frame((10, 240), (10, 260))
    levels = {"people": 20.0, "nearest neighbours": 506.0}
    figure = plots.ladder_plot(RUNGS, published=published, levels=levels, seeds=seeds)
    (ax,) = figure.axes
    drawn = [tuple(map(tuple, np.asarray(line.get_xydata()))) for line in ax.lines]
    for frame in (RUNGS, published, seeds):
        assert tuple(frame.itertuples(index=False, name=None)) in drawn
    texts = [text.get_text().strip() for text in ax.texts]
    assert texts == ["people", "nearest neighbours", "1", "2", "3"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    low, high = ax.get_ylim()
    assert low < 20 < 506 < high  # every level lies within the figure


def test_ladder_plot_numbers_a_point_that_hides_another_above_it() -> None:
    hidden = pd.concat([RUNGS, ladder_frame((905, 31))])
    figure = plots.ladder_plot(hidden, published=ladder_frame((200, 134)), levels={})
    numbers = {text.get_text(): text for text in figure.axes[0].texts}
    assert [numbers[n].get_position() for n in "1234"] == [(0, 0)] * 3 + [(0, 15)]
    assert len({numbers[n].get_color() for n in "123"} - {numbers["4"].get_color()}) == 1


def test_verdict_plot_draws_every_published_accuracy_among_its_seeds() -> None:
    comparisons = reproduction.compare(reproduction.reproduction())
    ax = plots.verdict_plot(comparisons, title="Claims").axes[0]
    accuracies = [c for c in comparisons if not c.claim.metric.is_loss]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [f"{c.recipe.name}\n{c.claim.metric.name}" for c in accuracies]
    drawn = [
        (line.get_marker(), *point)
        for line in ax.lines
        for point in np.asarray(line.get_xydata()).round(6)
    ]
    for row, comparison in enumerate(accuracies):
        assert ("D", round(100 * (1 - comparison.claim.value), 6), row) in drawn
        scaled = next(form for form in comparison.forms if form.pixels == "scaled")
        for value in scaled.values:
            assert ("s", round(100 * (1 - value), 6), row) in drawn
    losses = [c for c in comparisons if c.claim.metric.is_loss]
    assert len(accuracies) + len(losses) == sum(len(r.claims) for r in RECIPES.values())


def drawn(draw: Any) -> Figure:
    """A figure of one axes, on which a function has drawn."""
    figure, ax = plt.subplots()
    draw(ax)
    return figure


def changed(array: Any) -> Any:
    array = array.copy()
    array.flat[400] ^= 1
    return array


def named(ax: Any, *names: Any) -> None:
    for name in names:
        ax.plot([0, 1], [0, 1], label=name)
    ax.legend()


# Each kind of thing that a figure shows, and the same figure with one thing changed.
CHANGES = {
    "an image": (lambda: plots.digit_grid(IMAGES), lambda: plots.digit_grid(changed(IMAGES))),
    "a map": (
        lambda: plots.map_grid(IMAGES, {"a": IMAGES / 255}),
        lambda: plots.map_grid(IMAGES, {"a": changed(IMAGES) / 255}),
    ),
    "titles": (lambda: plots.digit_grid(IMAGES), lambda: plots.digit_grid(IMAGES, range(12))),
    "labels of rows": (
        lambda: plots.digit_grid(IMAGES, columns=6, row_labels=["right", "wrong"]),
        lambda: plots.digit_grid(IMAGES, columns=6, row_labels=["wrong", "right"]),
    ),
    "the title of a figure": (
        lambda: plots.learning_curves(HISTORY, title="raw"),
        lambda: plots.learning_curves(HISTORY, title="scaled"),
    ),
    "a line": (
        lambda: plots.learning_curves(HISTORY),
        lambda: plots.learning_curves({**HISTORY, "loss": [0.5, 0.31]}),
    ),
    "a heat map": (
        lambda: plots.confusion_heatmap(np.eye(3, dtype=int)),
        lambda: plots.confusion_heatmap(np.eye(3, dtype=int)[::-1]),
    ),
    "swapped names of rows": (
        lambda: plots.interval_plot(["a", "b"], [0.9, 0.8], [(0.8, 1), (0.7, 0.9)]),
        lambda: plots.interval_plot(["b", "a"], [0.9, 0.8], [(0.8, 1), (0.7, 0.9)]),
    ),
    "an interval": (
        lambda: plots.interval_plot(["a"], [0.9], [(0.8, 1)]),
        lambda: plots.interval_plot(["a"], [0.9], [(0.7, 1)]),
    ),
    "a bar": (
        lambda: drawn(lambda ax: ax.bar([0], [1])),
        lambda: drawn(lambda ax: ax.bar([0], [2])),
    ),
    "swapped names of bars": (
        lambda: drawn(lambda ax: ax.bar(["cat", "dog"], [1, 2])),
        lambda: drawn(lambda ax: ax.bar(["dog", "cat"], [1, 2])),
    ),
    "labels at ticks": (
        lambda: drawn(lambda ax: ax.set_xticks([0, 1], ["three", "seven"])),
        lambda: drawn(lambda ax: ax.set_xticks([0, 1], ["seven", "three"])),
    ),
    "a point": (
        lambda: drawn(lambda ax: ax.scatter([0], [1])),
        lambda: drawn(lambda ax: ax.scatter([0], [2])),
    ),
    "an area": (
        lambda: drawn(lambda ax: ax.fill_between([0, 1], [0, 0], [1, 1])),
        lambda: drawn(lambda ax: ax.fill_between([0, 1], [0, 0], [1, 2])),
    ),
    "an error bar without caps": (
        lambda: drawn(lambda ax: ax.errorbar([0], [1], yerr=[0.1])),
        lambda: drawn(lambda ax: ax.errorbar([0], [1], yerr=[0.2])),
    ),
    "vertical lines": (
        lambda: drawn(lambda ax: ax.vlines([0], 0, 1)),
        lambda: drawn(lambda ax: ax.vlines([0], 0, 2)),
    ),
    "swapped names in a legend": (
        lambda: drawn(lambda ax: named(ax, "raw", "scaled")),
        lambda: drawn(lambda ax: named(ax, "scaled", "raw")),
    ),
    "a word moved": (
        lambda: drawn(lambda ax: ax.text(0, 0, "seven")),
        lambda: drawn(lambda ax: ax.text(0, 1, "seven")),
    ),
    "the scale of an axis": (
        lambda: drawn(lambda ax: ax.plot([1, 2], [1, 2])),
        lambda: drawn(lambda ax: ax.loglog([1, 2], [1, 2])),
    ),
    "what a mask hides": (
        lambda: drawn(lambda ax: ax.imshow(np.ma.masked_equal([[1, 2], [3, 4]], 4))),
        lambda: drawn(lambda ax: ax.imshow(np.ma.masked_equal([[1, 2], [3, 4]], 3))),
    ),
    "an axes within another": (
        lambda: drawn(lambda ax: ax.inset_axes((0, 0, 0.5, 0.5)).plot([0, 1])),
        lambda: drawn(lambda ax: ax.inset_axes((0, 0, 0.5, 0.5)).plot([0, 2])),
    ),
    "a second axis": (
        lambda: drawn(lambda ax: ax.twinx().plot([0, 1])),
        lambda: drawn(lambda ax: ax.twinx().plot([0, 2])),
    ),
    "a cell of a table": (
        lambda: drawn(lambda ax: ax.table([["1", "2"]])),
        lambda: drawn(lambda ax: ax.table([["2", "1"]])),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprint_notices_a_change(change: Any) -> None:
    figure, other = CHANGES[change]
    assert plots.fingerprint(figure()) == plots.fingerprint(figure())
    assert plots.fingerprint(figure()) != plots.fingerprint(other())


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprint_does_not_move_with_the_drawing(change: Any) -> None:
    """Drawing, and drawing at another size, places axes, ticks and words anew."""
    with mpl.rc_context():
        plots.use_style()
        figure = CHANGES[change][0]()
        before = plots.fingerprint(figure)
        figure.canvas.draw()
        assert plots.fingerprint(figure) == before
        figure.set_size_inches(3, 2)
        figure.canvas.draw()
        assert plots.fingerprint(figure) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"color": "C0"}, {"color": "C3"}),
        ({"linewidth": 1}, {"linewidth": 3}),
    ],
)
def test_fingerprint_does_not_see_the_style(one: Any, other: Any) -> None:
    def digest(style: Any) -> str:
        return plots.fingerprint(drawn(lambda ax: ax.fill_between([0, 1], [0, 1], **style)))

    assert digest(one) == digest(other)


def test_fingerprint_does_not_see_what_is_hidden() -> None:
    shown, hidden = (drawn(lambda ax: ax.plot([0, 1])) for _ in range(2))
    hidden.axes[0].plot([0, 2])[0].set_visible(False)
    assert plots.fingerprint(shown) == plots.fingerprint(hidden)
    one, other = (drawn(lambda ax, word=word: ax.set_xlabel(word)) for word in ("a", "b"))
    assert plots.fingerprint(one) != plots.fingerprint(other)
    for figure in (one, other):
        figure.axes[0].set_axis_off()
    assert plots.fingerprint(one) == plots.fingerprint(other)


def test_fingerprint_survives_the_last_bits() -> None:
    noise = 1 + 1e-12 * np.random.default_rng(0).standard_normal((3, 28, 28))
    means = IMAGES[:3].astype(float)
    assert plots.fingerprint(plots.digit_grid(means)) == plots.fingerprint(
        plots.digit_grid(means * noise)
    )
