"""What the published recipes give over many seeds, measured, beside what their authors reported.

The measurements are in ``results/reproduction.csv``, which ``mnist-lab reproduce`` wrote: every
recipe, trained from ten seeds on real MNIST.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES

if TYPE_CHECKING:
    import pandas as pd

    from mnist_lab.recipes import Recipe

__all__ = [
    "FILE",
    "MATRIX",
    "SeedIntervals",
    "compare",
    "pixels_of",
    "readings_of",
    "reproduction",
    "seed_intervals",
]

FILE = Path(__file__).with_name("results") / "reproduction.csv"
MATRIX = "accuracy of the matrix"  # the matrix of 000 counts as the accuracy that it adds up to


def pixels_of(recipe: Recipe) -> tuple[Literal["raw", "scaled"], ...]:
    """Return the forms of pixels to try: both, unless the author's page shows that it scales."""
    shown = recipe.pixels == "scaled" and not any("pixels" in fact for fact in recipe.assumed)
    return ("scaled",) if shown else ("raw", "scaled")


def readings_of(recipe: Recipe, quantity: str) -> tuple[str, ...]:
    """Return the ways to read a figure, that of its author first; they differ for sigmoids only."""
    if not recipe.layers.endswith("sigmoid"):
        return ("outputs",)
    if quantity == "test accuracy":
        return ("evaluate", "logits")
    return ("outputs", "logits") if quantity == MATRIX else ("evaluate",)


def reproduction(path: Path = FILE) -> pd.DataFrame:
    """Return the measured trainings, one row a reading; columns as in the CSV file."""
    import pandas as pd

    return pd.read_csv(path)


class SeedIntervals(NamedTuple):
    """Mean and standard deviation over seeds, and two intervals that are easily confused.

    ``low`` to ``high`` is where the *mean* of all seeds lies; ``next_low`` to ``next_high`` is
    where *one more run* will fall. An author's figure is one run.
    """

    mean: float
    sd: float
    low: float
    high: float
    next_low: float
    next_high: float


def seed_intervals(values: npt.ArrayLike, confidence: float = 0.95) -> SeedIntervals:
    """Return Student's t intervals of a result that was measured over several seeds.

    They suppose that the seeds scatter about normally.

    Source: G. J. Hahn, Factors for calculating two-sided prediction intervals for samples from a
    normal distribution, Journal of the American Statistical Association 64 (1969).

    Args:
        values: one result a seed, floats of shape (n,), at least two.
        confidence: level between 0 and 1.

    Raises:
        ValueError: there are fewer than two values.
    """
    from scipy import stats

    results = np.asarray(values, dtype=float)
    n = results.size
    if n < 2:
        raise ValueError(f"{n} value shows no spread: measure at least two seeds.")
    mean, sd = results.mean(), results.std(ddof=1)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * sd
    around, further = half / np.sqrt(n), half * np.sqrt(1 + 1 / n)
    ends = mean - around, mean + around, mean - further, mean + further
    return SeedIntervals(*map(float, (mean, sd, *ends)))


def _claims() -> list[tuple[Recipe, str, float]]:
    claims = [
        (r, quantity, value) for r in RECIPES.values() for quantity, value in r.claims.items()
    ]
    share = float(np.trace(PUBLISHED_MATRIX) / PUBLISHED_MATRIX.sum())
    return [*claims[:1], (RECIPES["deep_dropout_ann"], MATRIX, share), *claims[1:]]


def _range(
    values: npt.NDArray[np.float64], found: SeedIntervals, most: float
) -> tuple[float, float, str]:
    """Return where one more run will fall, and what says so: Student's distribution or the seeds.

    The seeds' own range holds one more run (n - 1) times in n + 1, whatever its distribution. Where
    a seed lies outside Student's, Student's is widened: what a seed gave, one more run can give.
    """
    low, high = float(values.min()), float(values.max())
    if found.next_low < 0 or found.next_high > most:  # no normal scatter reaches there
        return low, high, "seeds"
    return min(low, found.next_low), max(high, found.next_high), "Student"


def compare(frame: pd.DataFrame) -> pd.DataFrame:
    """Set every published figure beside every form in which its recipe was measured.

    Args:
        frame: what :func:`reproduction` returned.

    Returns:
        A row for each claim and form: ``recipe``, ``quantity``, ``published`` with so many
        ``decimals``, ``pixels``, ``reading``, ``values`` (one a seed), the fields of
        :class:`SeedIntervals`, ``below`` (how many seeds give less than the author),
        ``range_low`` and ``range_high`` with ``range_by`` (``"Student"``: the 95 % interval of one
        more run, widened to the seeds outside it; ``"seeds"``, where that passes 0 or, for an
        accuracy, 1: their range), ``reached`` and ``holds``: the author's figure lies among the
        seeds, or in that range, give or take half a unit of its last digit.
    """
    import pandas as pd

    columns = {MATRIX: "test_accuracy"}
    rows: list[dict[str, Any]] = []
    for recipe, quantity, published in _claims():
        decimals = len(repr(round(published, 6)).partition(".")[2])
        half_unit = 10.0**-decimals / 2
        column = columns.get(quantity) or quantity.replace("training", "train").replace(" ", "_")
        for pixels in pixels_of(recipe):
            for reading in readings_of(recipe, quantity):
                form = (recipe.name, pixels, reading)
                chosen = (frame[["recipe", "pixels", "reading"]] == form).all(axis=1)
                values = frame.loc[chosen, column].to_numpy(float)
                found = seed_intervals(values)
                most = np.inf if "loss" in quantity else 1.0
                low, high, by = _range(values, found, most)
                rows.append(
                    {
                        "recipe": recipe.name,
                        "quantity": quantity,
                        "published": published,
                        "decimals": decimals,
                        "pixels": pixels,
                        "reading": reading,
                        "values": values,
                        **found._asdict(),
                        "below": int((values < published).sum()),
                        "range_low": low,
                        "range_high": high,
                        "range_by": by,
                        "reached": values.min() - half_unit
                        <= published
                        <= values.max() + half_unit,
                        "holds": low - half_unit <= published <= high + half_unit,
                    }
                )
    return pd.DataFrame(rows)
