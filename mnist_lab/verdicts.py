"""Which published figures hold: in words, as one figure, and entry by entry for the matrix."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES
from mnist_lab.reproduction import compare

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["matrix_range", "verdict_plot", "verdicts"]


def _text(value: float, quantity: str) -> str:
    return f"{value:.4f}" if "loss" in quantity else f"{100 * value:.2f}"


def _claims(frame: pd.DataFrame) -> list[list[dict[Any, Any]]]:
    """Group the rows of the comparison by claim."""
    forms = compare(frame).to_dict("records")
    return [list(group) for _, group in groupby(forms, itemgetter("recipe", "quantity"))]


def _verdict(forms: list[dict[Any, Any]]) -> str:
    """Say whether a figure holds and, if not as printed, what it takes."""
    recipe, last = RECIPES[forms[0]["recipe"]], forms[-1]
    author = [form for form in forms if form["reading"] == forms[0]["reading"]]
    fit = [form["pixels"] for form in author if form["holds"]]
    if not fit:
        sides = {0: "every seed gives more", len(last["values"]): "every seed gives less"}
        reading = "by logits " if last["reading"] == "logits" else ""
        return f"does not hold: {reading}{sides.get(last['below'], 'no form fits')}"
    if len(author) == 1 or fit[0] == recipe.pixels == "raw":
        return "holds"
    if len(fit) == 2:
        return "holds on raw and on scaled pixels"
    page = "prints raw ones" if recipe.pixels == "raw" else "does not say"
    return f"needs {fit[0]} pixels; the page {page}"


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Sum up the comparison: a row for each published figure, all cells text.

    Args:
        frame: what :func:`mnist_lab.reproduction.reproduction` returned.

    Returns:
        ``recipe``, ``figure``, ``published``; then mean ± standard deviation over the seeds, and
        in brackets the range of one more run, on ``raw pixels`` and on ``scaled pixels``, read as
        the author did, and on scaled pixels ``by logits``; ``seeds below`` the author's figure in
        each of these; and the ``verdict``. Accuracies are per cent.
    """
    import pandas as pd

    rows = []
    for forms in _claims(frame):
        name, quantity = forms[0]["recipe"], forms[0]["quantity"]
        cells = dict.fromkeys(("raw pixels", "scaled pixels", "by logits"), "")
        below = {}
        for form in forms:
            column = "by logits" if form["reading"] == "logits" else f"{form['pixels']} pixels"
            mean, sd, low, high = (
                _text(form[name], quantity) for name in ("mean", "sd", "range_low", "range_high")
            )
            cells[column] = f"{mean} ± {sd} ({low} to {high})"
            below[column] = str(form["below"])
        published = _text(forms[0]["published"], quantity)
        row = {"recipe": name, "figure": quantity, "published": published}
        total = len(forms[0]["values"])
        cells["seeds below"] = f"{', '.join(below[c] for c in cells if c in below)} of {total}"
        rows.append(row | cells | {"verdict": _verdict(forms)})
    return pd.DataFrame(rows)


def verdict_plot(frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw every published accuracy among the seeds of its recipe, as errors on a log scale.

    Args:
        frame: what :func:`mnist_lab.reproduction.reproduction` returned.
    """
    import matplotlib.pyplot as plt

    claims = [forms for forms in _claims(frame) if "loss" not in forms[0]["quantity"]]
    styles = {
        "raw pixels": ("C1", "o", -0.2),
        "scaled pixels": ("C0", "s", 0.0),
        "scaled pixels, by logits": ("C2", "^", 0.2),
    }
    figure, ax = plt.subplots(figsize=(9, 0.62 * len(claims) + 1.3))
    for row, forms in enumerate(claims):
        ax.axhline(row, color="0.9", zorder=0)
        for form in forms:
            name = f"{form['pixels']} pixels" + ", by logits" * (form["reading"] == "logits")
            if name in styles:  # raw pixels by logits would only crowd the figure
                color, marker, shift = styles[name]
                errors = 100 * (1 - form["values"])
                ax.plot(errors, np.full(len(errors), row + shift), marker, color=color, alpha=0.5)
        errors = 100 * (1 - forms[0]["published"])
        ax.plot(errors, row, "D", color="black", markersize=9)
    for name, (color, marker, _) in styles.items():
        ax.plot([], [], marker, color=color, label=name)
    ax.plot([], [], "D", color="black", markersize=9, label="published")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=4)
    ax.set_xscale("log")
    ticks = (1, 2, 5, 10, 20, 40)
    ax.set_xticks(ticks, [f"{tick} %" for tick in ticks])
    ax.minorticks_off()
    labels = [f"{forms[0]['recipe']}\n{forms[0]['quantity']}" for forms in claims]
    ax.set_yticks(range(len(claims)), labels, fontsize=9)
    ax.set(xlabel="images misread (log scale)", title=title)
    ax.invert_yaxis()
    return figure


def matrix_range(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Compare the published matrix of 000 with those of the seeds, entry by entry.

    Args:
        frame: what :func:`mnist_lab.reproduction.reproduction` returned.

    Returns:
        The matrices of all seeds, int64 of shape (seeds, 10, 10), from ``argmax`` of the outputs;
        and, bool of shape (10, 10), whether the published entry lies from their lowest to their
        highest. Of ten seeds and one more run alike, 18 entries in a hundred lie outside.
    """
    rows = frame[(frame.recipe == "deep_dropout_ann") & (frame.reading == "outputs")]
    matrices = np.array([[int(n) for n in row.split()] for row in rows.confusion])
    matrices = matrices.reshape(-1, 10, 10)
    inside = (matrices.min(axis=0) <= PUBLISHED_MATRIX) & (matrices.max(axis=0) >= PUBLISHED_MATRIX)
    return matrices, inside
