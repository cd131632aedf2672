"""The figures of the course: digit grids, learning curves, heat maps, intervals, ladders.

Every function returns the Matplotlib figure that it drew and never shows it. Colours are those that
colour-blind readers can tell apart; digits are dark ink on white paper.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryLocator
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch
from matplotlib.table import Table
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedFormatter, FixedLocator

from mnist_lab import CLASSES

if TYPE_CHECKING:
    import pandas as pd

    from mnist_lab.reproduction import Comparison

__all__ = [
    "FINGERPRINT",
    "TENSORBOARD_PAGE",
    "confusion_heatmap",
    "digit_grid",
    "fingerprint",
    "interval_plot",
    "ladder_plot",
    "learning_curves",
    "map_grid",
    "thumbnail_map",
    "use_style",
    "verdict_plot",
]


# The kind of output, beside image/png, in which a notebook stores the fingerprint of a figure. No
# notebook viewer shows this kind, and nbval compares it.
FINGERPRINT = "application/vnd.mnist-lab.fingerprint"

# A picture of TensorBoard's page with two trainings of lesson 7, for readers who cannot open it.
TENSORBOARD_PAGE = Path(__file__).with_name("results") / "tensorboard.png"


def use_style() -> None:
    """Give all figures of this kernel the look of the course, from here on.

    In a notebook, every figure that is shown also stores its :func:`fingerprint`, out of the
    reader's sight, so that a test of the notebook notices another figure.
    """
    import seaborn as sns

    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=sns.color_palette("colorblind").as_hex()),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "figure.constrained_layout.use": True,
            "figure.dpi": 90,
            "font.size": 11,
            "image.cmap": "cividis",
            "legend.frameon": False,
        }
    )
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(Figure, _stored_beside)


def _stored_beside(figure: Figure, **_: object) -> dict[str, str]:
    """Return what a notebook stores of a figure beside its picture."""
    return {FINGERPRINT: fingerprint(figure)}


def _pictures(images: npt.ArrayLike) -> tuple[npt.NDArray[Any], float]:
    """Return images as one array, and the value of full ink in it."""
    pictures = np.asarray(images)
    if pictures.ndim != 3 or not len(pictures):
        raise ValueError(
            f"images has shape {pictures.shape}: pass at least one image as (n, height, width)."
        )
    return pictures, 255 if np.issubdtype(pictures.dtype, np.integer) else 1.0


def digit_grid(
    images: npt.ArrayLike,
    titles: Sequence[object] | None = None,
    *,
    columns: int = 10,
    title: str = "",
    row_labels: Sequence[object] | None = None,
    size: float = 0.9,
) -> Figure:
    """Draw digits side by side, dark ink on white.

    Args:
        images: shape (n, height, width); full ink is 255 in integers, 1 in floats.
        titles: one short title an image, or None.
        row_labels: one label a row, written to its left, or None.
        size: edge of one image in inches.

    Raises:
        ValueError: there is nothing to draw, or titles and images do not match.
    """
    pictures, full_ink = _pictures(images)
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(
            f"{len(titles)} titles for {len(pictures)} images: pass one title for each image."
        )
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height = size * (1.35 if titles is not None else 1.0)
    figure, axes = plt.subplots(
        rows, columns, squeeze=False, figsize=(columns * size, rows * height + 0.45 * bool(title))
    )
    for i, ax in enumerate(axes.flat):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        if i < len(pictures):
            ax.imshow(pictures[i], cmap="gray_r", vmin=0, vmax=full_ink)
            if titles is not None:
                ax.set_title(str(titles[i]), loc="center", fontsize=9, fontweight="normal")
    for label, ax in zip(row_labels or (), axes[:, 0], strict=False):
        ax.set_ylabel(str(label), rotation=0, ha="right", va="center")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure


def thumbnail_map(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    places: npt.ArrayLike,
    *,
    size: float,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Draw small digits at their places on a plane, each class in a colour of its own.

    The digits are drawn in their order. A digit that would cover an earlier one is left out, so
    that every digit on the map can be read.

    Args:
        images: shape (n, height, width); full ink is 255 in integers, 1 in floats.
        labels: the digits 0 to 9, integers of shape (n,).
        places: shape (n, 2), the middle of each image: how far to the right, how far up.
        size: edge of one image, in the units of ``places``.

    Raises:
        ValueError: there is nothing to draw, labels or places do not match the images, or a label
            is no digit.
    """
    pictures, full_ink = _pictures(images)
    classes, middles = np.asarray(labels), np.asarray(places, dtype=float)
    if (classes.shape, middles.shape) != ((len(pictures),), (len(pictures), 2)):
        raise ValueError(
            f"labels has shape {classes.shape} and places {middles.shape} for {len(pictures)} "
            "images: pass one label and two coordinates an image."
        )
    if not np.isin(classes, range(CLASSES)).all():
        raise ValueError(f"A label is no digit: pass labels from 0 to {CLASSES - 1}.")
    inks = _class_inks()
    figure, ax = plt.subplots(figsize=(9, 7))
    drawn: list[int] = []
    for i, (across, up) in enumerate(middles):
        far = np.abs(middles[drawn] - middles[i]).max(axis=1)
        if (far > 0.85 * size).all():  # the borders of the images are blank and may overlap
            drawn.append(i)
            edges = (across - size / 2, across + size / 2, up - size / 2, up + size / 2)
            ax.imshow(pictures[i], cmap=inks[classes[i]], vmin=0, vmax=full_ink, extent=edges)
    (left, low), (right, high) = middles[drawn].min(axis=0), middles[drawn].max(axis=0)
    ax.set(xlim=(left - size / 2, right + size / 2), ylim=(low - size / 2, high + size / 2))
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure


def _class_inks() -> list[LinearSegmentedColormap]:
    """Return a colour map for each class, from transparent paper to ink."""
    import seaborn as sns

    colours = sns.color_palette("colorblind").as_hex()
    colours[8] = "black"  # in place of a yellow that is too pale on white
    return [LinearSegmentedColormap.from_list("", [to_rgba(c, 0), to_rgba(c)]) for c in colours]


def learning_curves(history: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """Draw loss and accuracy against the epoch, training beside validation.

    Args:
        history: ``history.history`` of Keras' ``fit``: lists of one number an epoch under ``loss``,
            ``accuracy`` and, where there was validation data, ``val_loss`` and ``val_accuracy``.

    Taught in: 02_fnn
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for ax, name in zip(axes, ("loss", "accuracy"), strict=True):
        for key, label, marker in ((name, "training", "o"), (f"val_{name}", "validation", "s")):
            if key in history:
                epochs = range(1, len(history[key]) + 1)
                ax.plot(epochs, history[key], marker=marker, markersize=4, label=label)
        ax.set(title=name.capitalize(), xlabel="epoch", ylabel=name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
    figure.suptitle(title, fontweight="bold")
    return figure


def map_grid(
    images: npt.ArrayLike,
    maps: Mapping[str, npt.ArrayLike],
    *,
    row_labels: Sequence[object] | None = None,
    title: str = "",
    size: float = 1.0,
) -> Figure:
    """Draw explanations beside the digits that they explain, a row for each digit.

    Each map has its own scale, from minus its largest size to plus its largest size, because maps
    of several methods have several units. Where no map has a negative number, the scales begin
    at 0. Thin lines show where the ink is.

    Args:
        images: shape (n, height, width); full ink is 255 in integers, 1 in floats.
        maps: under the name of each method one number for each pixel, shape (n, height, width).
        row_labels: one label a row, written to its left, or None.
        size: edge of one image in inches.

    Raises:
        ValueError: there is nothing to draw, or the maps do not fit the images.
    """
    pictures, full_ink = _pictures(images)
    if not maps:
        raise ValueError("There are no maps to draw: pass those of one method at least.")
    columns = {name: np.asarray(numbers, dtype=float) for name, numbers in maps.items()}
    for name, numbers in columns.items():
        if numbers.shape != pictures.shape:
            raise ValueError(
                f"The maps of {name} have shape {numbers.shape} for images of {pictures.shape}: "
                "pass one number for each pixel."
            )
    is_signed = any((numbers < 0).any() for numbers in columns.values())
    low, colours = (-1, "PuOr_r") if is_signed else (0, "Oranges")
    n, across = len(pictures), len(columns) + 1
    width, height = across * size + 2.0, n * size + 0.3 + 0.45 * bool(title)
    figure, axes = plt.subplots(n, across, squeeze=False, figsize=(width, height))
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color="0.8", linewidth=0.7)
    for i, row in enumerate(axes):
        row[0].imshow(pictures[i], cmap="gray_r", vmin=0, vmax=full_ink)
        for ax, numbers in zip(row[1:], columns.values(), strict=True):
            most = np.abs(numbers[i]).max() or 1.0  # a map may be 0 everywhere
            drawn = ax.imshow(numbers[i] / most, cmap=colours, vmin=low, vmax=1)
            if pictures[i].min() < full_ink / 2 < pictures[i].max():
                ax.contour(pictures[i], [full_ink / 2], colors="0.35", linewidths=0.7)
    for ax, name in zip(axes[0], ["image", *columns], strict=True):
        ax.set_title(name, loc="center", fontsize=10, fontweight="normal")
    for label, ax in zip(row_labels or (), axes[:, 0], strict=False):
        ax.set_ylabel(str(label), rotation=0, ha="right", va="center")
    bar = figure.colorbar(drawn, ax=axes, shrink=min(1.0, 2.2 / n), pad=0.02)
    ends = {-1: "against", 0: "0", 1: "for"} if is_signed else {0: "0", 1: "largest"}
    bar.set_ticks(list(ends), labels=list(ends.values()))
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure


def confusion_heatmap(matrix: npt.ArrayLike, *, title: str = "Confusion matrix") -> Figure:
    """Draw a confusion matrix so that the errors are seen.

    The right answers on the diagonal would drown everything else: they are written, and left out
    of the colours.

    Args:
        matrix: integer counts of shape (k, k), rows true, columns predicted.

    Taught in: 02_fnn
    """
    import seaborn as sns

    counts = np.asarray(matrix)
    errors = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    figure, ax = plt.subplots(figsize=(7, 5.6))
    words = {"annot": counts, "fmt": "d", "annot_kws": {"size": 9}, "cbar_kws": {"label": "errors"}}
    sns.heatmap(errors, cmap="cividis_r", ax=ax, **words)
    ax.set(title=title, xlabel="predicted digit", ylabel="true digit")
    ax.tick_params(length=0, labelrotation=0)
    return figure


def interval_plot(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    *,
    published: Sequence[float | None] | None = None,
    xlabel: str = "test accuracy",
    title: str = "",
) -> Figure:
    """Draw one measured value with its interval a row and, as a diamond, what its author reported.

    Args:
        names: a label a row, top to bottom.
        values: the measured values, and ``intervals`` their ``(low, high)``.
        published: the author's figure a row, None where there is none.
    """
    figure, ax = plt.subplots(figsize=(8, 0.45 * len(names) + 1.4))
    rows = np.arange(len(names))
    middle, ends = np.asarray(values), np.asarray(intervals)
    spread = np.abs(ends.T - middle)
    ax.errorbar(middle, rows, xerr=spread, fmt="o", capsize=3, label="rebuilt, with interval")
    if published is not None:
        reported = np.array(published, dtype=float)  # None becomes nan, which is not drawn
        ax.plot(reported, rows, "D", color="C1", markersize=7, label="published")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.set(yticks=rows, yticklabels=list(names), xlabel=xlabel, title=title)
    ax.locator_params(axis="x", nbins=5)
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    return figure


def verdict_plot(comparisons: Iterable[Comparison], *, title: str = "") -> Figure:
    """Draw every published accuracy among the seeds of its recipe, as errors on a log scale.

    Args:
        comparisons: what :func:`mnist_lab.reproduction.compare` returned; losses are left out.
        title: of the figure.
    """
    claims = [each for each in comparisons if not each.claim.metric.is_loss]
    styles = {
        "raw pixels": ("C1", "o", -0.2),
        "scaled pixels": ("C0", "s", 0.0),
        "scaled pixels, by logits": ("C2", "^", 0.2),
    }
    figure, ax = plt.subplots(figsize=(9, 0.62 * len(claims) + 1.3))
    for row, comparison in enumerate(claims):
        ax.axhline(row, color="0.9", zorder=0)
        for form in comparison.forms:
            name = f"{form.pixels} pixels" + ", by logits" * (form.reading == "logits")
            if name in styles:  # raw pixels by logits would only crowd the figure
                color, marker, shift = styles[name]
                errors = 100 * (1 - form.values)
                ax.plot(errors, np.full(len(errors), row + shift), marker, color=color, alpha=0.5)
        ax.plot(100 * (1 - comparison.claim.value), row, "D", color="black", markersize=9)
    for name, (color, marker, _) in styles.items():
        ax.plot([], [], marker, color=color, label=name)
    ax.plot([], [], "D", color="black", markersize=9, label="published")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=4)
    ax.set_xscale("log")
    ticks = (1, 2, 5, 10, 20, 40)
    ax.set_xticks(ticks, [f"{tick} %" for tick in ticks])
    ax.minorticks_off()
    labels = [f"{each.recipe.name}\n{each.claim.metric.name}" for each in claims]
    ax.set_yticks(range(len(claims)), labels, fontsize=9)
    ax.set(xlabel="images misread (log scale)", title=title)
    ax.invert_yaxis()
    return figure


def ladder_plot(
    climb: pd.DataFrame,
    *,
    published: pd.DataFrame,
    levels: Mapping[str, float],
    seeds: pd.DataFrame | None = None,
    title: str = "",
) -> Figure:
    """Draw how many digits each rung of a ladder misreads, and how long its training takes.

    Both axes are logarithmic. Each point of the ladder has the number of its row. The number stands
    above a point that hides another one.

    Args:
        climb: a row a rung, with ``errors`` of 10,000 images and ``seconds`` of training.
        published: the same two columns for published projects.
        levels: errors of 10,000 under a name, each drawn as a line across.
        seeds: the same two columns for single trainings, drawn as small points.
        title: of the figure.
    """
    figure, ax = plt.subplots(figsize=(9, 5))
    if seeds is not None:
        ax.plot(seeds["seconds"], seeds["errors"], "o", color="C0", alpha=0.25, markersize=4)
    ax.plot(climb["seconds"], climb["errors"], "o-", color="C0", markersize=15, label="the ladder")
    ax.plot(
        published["seconds"],
        published["errors"],
        "D",
        color="C1",
        markersize=8,
        label="published projects",
    )
    ax.set(xscale="log", yscale="log", title=title)
    ax.set(xlabel="processor seconds of training (log scale)")
    ax.set(ylabel="misread of 10,000 digits (log scale)")
    for name, errors in levels.items():
        ax.axhline(errors, color="0.6", linestyle="--", linewidth=1, zorder=0)
        ax.text(1, errors, f" {name}", transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ticks = [tick for tick in (10, 20, 50, 100, 200, 500, 1000, 2000) if _is_shown(ax, tick)]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.legend()
    _number_points(ax, climb[["seconds", "errors"]].to_numpy(float), size=15)
    return figure


def _number_points(ax: Axes, points: npt.NDArray[np.float64], size: float) -> None:
    """Write 1, 2, ... into large points, and above a point that hides an earlier one."""
    inches = ax.figure.dpi_scale_trans.inverted()
    places = 72 * inches.transform(ax.transData.transform(points))
    for number, (point, place) in enumerate(zip(points, places, strict=True), 1):
        distances = np.hypot(*(places[: number - 1] - place).T)
        hides = bool((distances < size).any())
        ax.annotate(
            str(number),
            point,
            xytext=(0, size if hides else 0),
            textcoords="offset points",
            color="C0" if hides else "white",
            ha="center",
            va="center",
            fontweight="bold",
        )


def _is_shown(ax: Axes, value: float) -> bool:
    low, high = ax.get_ylim()
    return bool(low <= value <= high)


def _numbers(values: npt.ArrayLike | None) -> str:
    """Write numbers to six digits: a sum's last bits differ from one processor to another."""
    if values is None:
        return ""
    array = np.array(values, float)
    array[getattr(values, "mask", False)] = np.nan  # what is masked is not seen
    return " ".join(f"{x + 0.0:.6g}" for x in array.ravel().tolist())


def _ticks(axis: Axis) -> Iterator[str]:
    """Words on an axis. Ticks that Matplotlib chooses itself follow from the data, and move."""
    yield axis.get_label_text()
    yield axis.get_scale()
    for ticker in (axis.major, axis.minor):
        if isinstance(ticker.locator, FixedLocator | StrCategoryLocator):
            positions = [float(place) for place in ticker.locator()]
            yield _numbers(positions)
            if ticker.formatter is not None:
                yield from map(str, ticker.formatter.format_ticks(positions))
        elif isinstance(ticker.formatter, FixedFormatter):
            yield from map(str, ticker.formatter.seq)


def _drawn(artist: Artist) -> Iterator[str]:
    """Words and data of an artist and of all in it, in drawing order, positions in data units."""
    if not artist.get_visible():
        return
    match artist:
        case FigureBase():
            for child in artist.get_children():
                yield from _drawn(child)
        case Axes():
            frame: list[Artist] = [artist.patch, *artist.spines.values()]
            if not artist.axison:
                frame += [artist.xaxis, artist.yaxis]
            for child in artist.get_children():
                if child not in frame:
                    yield from _drawn(child)
            for text in artist.texts:  # titles lie where the layout puts them, these by the data
                yield _numbers(text.xy if isinstance(text, Annotation) else text.get_position())
        case Axis():
            yield from _ticks(artist)
        case Legend():
            for text in (artist.get_title(), *artist.get_texts()):
                yield text.get_text()
        case Table():
            for (row, column), cell in sorted(artist.get_celld().items()):
                yield f"{row} {column} {cell.get_text().get_text()}"
        case Text():
            yield artist.get_text()
        case Line2D():
            yield _numbers(artist.get_xydata())
        case AxesImage():
            yield _numbers(artist.get_array())
            yield _numbers(artist.get_extent())
        case Collection():
            yield _numbers(artist.get_offsets())
            yield _numbers(artist.get_array())
            if isinstance(artist, QuadMesh):
                yield _numbers(artist.get_coordinates())
            else:
                for path in artist.get_paths():
                    yield _numbers(path.vertices)
        case FancyArrowPatch():  # drawn anew for each size of the figure
            pass
        case Patch():
            yield _numbers(artist.get_path().transformed(artist.get_patch_transform()).vertices)


def fingerprint(figure: Figure) -> str:
    """Return a short digest of what a figure shows.

    Tests of the notebooks cannot compare pictures. They compare these eight hexadecimal digits, so
    that a figure of the wrong digits is noticed. The digest covers images, lines, points, bars,
    areas, error bars, heat maps and all words, also the words of legends and ticks. It does not
    cover colours, fonts or sizes, and not the ticks that Matplotlib chooses itself.
    """
    content = "\n".join(_drawn(figure))
    return hashlib.sha256(content.encode()).hexdigest()[:8]
