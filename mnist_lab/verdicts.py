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

__all__ = ["matrix_entries", "verdict_plot", "verdicts"]


def _text(value: float, quantity: str) -> str:
    return f"{value:.4f}" if "loss" in quantity else f"{100 * value:.2f}"


def _published(published: float, decimals: int, quantity: str) -> str:
    """Write a claim with the digits that its author gave."""
    if "loss" in quantity:
        return f"{published:.{decimals}f}"
    return f"{100 * published:.{decimals - 2}f}"


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
    form = next(form for form in author if form["holds"])
    luck = "" if form["reached"] else " and luck"  # no seed gives it
    if len(author) == 1 or fit[0] == recipe.pixels == "raw":
        if form["range_by"] == "seeds":
            return "possible: seeds scatter widely"
        return f"holds{luck and ', with luck'}"
    if len(fit) == 2:
        return "holds on raw and on scaled pixels"
    if recipe.pixels == "raw":
        return f"needs scaled pixels{luck}; the page prints raw ones"
    return f"fits {fit[0]} pixels only{luck and ', with luck'}; the page does not say"


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Sum up the comparison: a row for each published figure, all cells text.

    Args:
        frame: what :func:`mnist_lab.reproduction.reproduction` returned.

    Returns:
        ``recipe``, ``figure``, ``published``; then mean ± standard deviation over the seeds, and
        in brackets the range of one more run (with the word "seeds" where it is theirs), on ``raw
        pixels`` and on ``scaled pixels``, read as the author did, and on scaled pixels ``by
        logits``; ``seeds below`` the author's figure in each of these; and the ``verdict``, which
        says "possible" where only the range of the seeds can tell, and "luck" where no seed reaches
        the figure. Accuracies are per cent.
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
            by = "seeds " * (form["range_by"] == "seeds")
            cells[column] = f"{mean} ± {sd} ({by}{low} to {high})"
            below[column] = str(form["below"])
        published = _published(**{k: forms[0][k] for k in ("published", "decimals", "quantity")})
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


def matrix_entries(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
    """Compare the published matrix of 000 with those of the seeds, entry by entry.

    Args:
        frame: what :func:`mnist_lab.reproduction.reproduction` returned.

    Returns:
        A row for each of the 100 entries: ``true`` and ``predicted`` digit, the ``published``
        count; ``mean``, ``sd``, ``lowest`` and ``highest`` over the seeds, from ``argmax`` of the
        outputs; and whether the published one lies ``inside``, from lowest to highest. And the
        yardstick: how many entries of each seed's matrix lie inside those of the other seeds.
    """
    import pandas as pd

    rows = frame[(frame.recipe == "deep_dropout_ann") & (frame.reading == "outputs")]
    matrices = np.array([[int(n) for n in row.split()] for row in rows.confusion])
    true, predicted = np.indices((10, 10)).reshape(2, 100)
    published = PUBLISHED_MATRIX.ravel()
    entries = pd.DataFrame(
        {
            "true": true,
            "predicted": predicted,
            "published": published,
            "mean": matrices.mean(axis=0).round(1),
            "sd": matrices.std(axis=0, ddof=1).round(1),
            "lowest": matrices.min(axis=0),
            "highest": matrices.max(axis=0),
            "inside": _inside(published, matrices),
        }
    )
    others = (np.delete(matrices, i, axis=0) for i in range(len(matrices)))
    return entries, [int(_inside(m, rest).sum()) for m, rest in zip(matrices, others, strict=True)]


def _inside(counts: npt.NDArray[Any], matrices: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Say which counts lie from the lowest to the highest of several matrices, entry by entry."""
    return np.asarray((matrices.min(axis=0) <= counts) & (counts <= matrices.max(axis=0)))
