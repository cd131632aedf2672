"""Measured results beside published claims: which figures hold.

The measurements are in ``results/reproduction.csv``, which ``mnist-lab reproduce`` wrote: every
recipe, trained from ten seeds on real MNIST. A claim *holds* if one more run could round to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from mnist_lab import CLASSES
from mnist_lab.evaluation import SeedIntervals, seed_intervals
from mnist_lab.recipes import MATRIX_ACCURACY, PUBLISHED_MATRIX, RECIPES, TEST_ACCURACY

if TYPE_CHECKING:
    import pandas as pd

    from mnist_lab.recipes import Claim, Metric, Pixels, Recipe

__all__ = [
    "FILE",
    "Comparison",
    "Form",
    "Reading",
    "all_forms",
    "compare",
    "matrix_entries",
    "pixels_of",
    "readings_of",
    "reproduction",
    "verdicts",
]

FILE = Path(__file__).with_name("results") / "reproduction.csv"
# Where answers come from: Keras' evaluate, or argmax of the outputs or of the logits.
Reading = Literal["evaluate", "outputs", "logits"]

_FLOAT32 = 1e-7  # evaluate gives 0.9737 as 0.97369999


def pixels_of(recipe: Recipe) -> tuple[Pixels, ...]:
    """Return the forms of pixels to try: both, unless the author's page shows that it scales."""
    return ("scaled",) if recipe.page_scales else ("raw", "scaled")


def readings_of(recipe: Recipe, metric: Metric) -> tuple[Reading, ...]:
    """Return the ways to read a figure, that of its author first; they differ for sigmoids only."""
    if recipe.output == "softmax":
        return ("outputs",)
    if metric == TEST_ACCURACY:
        return ("evaluate", "logits")
    if metric == MATRIX_ACCURACY:
        return ("outputs", "logits")
    return ("evaluate",)


def reproduction(path: Path = FILE) -> pd.DataFrame:
    """Return the measured trainings, one row a reading; columns as in the CSV file."""
    import pandas as pd

    return pd.read_csv(path)


@dataclass(frozen=True, eq=False)
class Form:
    """One way to rebuild a published figure: the pixels, the reading, and what the seeds gave.

    ``values`` holds one result a seed, floats of shape (n,). A training that ``diverged`` (its loss
    is no number) is counted, not mixed in: an author would have seen it, and published another run.
    """

    claim: Claim
    pixels: Pixels
    reading: Reading
    values: npt.NDArray[np.float64]
    diverged: int = 0

    @cached_property
    def seeds(self) -> SeedIntervals | None:
        """The 95 % intervals, or None where fewer than two seeds are there to tell them from."""
        if len(self.values) < 2:
            return None
        return seed_intervals(self.values, bounds=self.claim.metric.bounds)

    @property
    def below(self) -> int:
        """How many seeds give less than the author."""
        return int((self.values < self.claim.value - _FLOAT32).sum())

    @property
    def is_reached(self) -> bool:
        """Whether the author's figure lies among the seeds."""
        return bool(self.values.size) and self._rounds_into(self.values.min(), self.values.max())

    @property
    def holds(self) -> bool:
        """Whether the author's figure lies in the range of one more run."""
        return self.seeds is not None and self._rounds_into(
            self.seeds.next_low, self.seeds.next_high
        )

    def _rounds_into(self, low: float, high: float) -> bool:
        reach = self.claim.half_unit + _FLOAT32
        return bool(low - reach <= self.claim.value <= high + reach)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A published figure beside every form in which its recipe was measured, raw pixels first."""

    recipe: Recipe
    claim: Claim
    forms: tuple[Form, ...]

    @property
    def verdict(self) -> str:
        """Say whether the figure holds and, if not as printed, what it takes.

        It says "luck" where no seed reaches the figure, and "scatter widely" where the range of one
        more run comes to an end of the scale, so that it contradicts hardly any figure.
        """
        if any(form.seeds is None for form in self.forms):
            return "open: fewer than two seeds"
        fits = [f for f in self.forms if f.holds and f.reading == self.forms[0].reading]
        if not fits:
            return f"does not hold: {self._miss()}"
        if self.recipe.page_scales is None:
            if len(fits) > 1:
                return f"holds on raw and on scaled pixels{_doubt(fits)}"
            return f"fits {fits[0].pixels} pixels only{_doubt(fits)}; the page does not say"
        if self.recipe.page_scales is False and fits[0].pixels == "scaled":
            return f"fits scaled pixels only{_doubt(fits)}; the page prints raw ones"
        if fits[0].seeds and fits[0].seeds.is_wide:
            return "possible: seeds scatter widely"
        return f"holds{_doubt(fits[:1])}"

    def _miss(self) -> str:
        if any(form.holds for form in self.forms):
            return "it fits the logits only"
        if all(form.below == 0 for form in self.forms):
            return "every seed gives more"
        if all(form.below == len(form.values) for form in self.forms):
            return "every seed gives less"
        return "no form fits"


def _doubt(fits: Sequence[Form]) -> str:
    """Say what weakens the forms that fit, if it weakens all of them."""
    if all(form.seeds and form.seeds.is_wide for form in fits):
        return ", where seeds scatter widely"
    return "" if any(form.is_reached for form in fits) else ", with luck"


def _rows(frame: pd.DataFrame, recipe: Recipe, pixels: str, reading: str) -> pd.DataFrame:
    """Return one row a seed: the trainings as long as the author's, each seed once."""
    form = (recipe.name, recipe.epochs, pixels, reading)
    chosen = (frame[["recipe", "epochs", "pixels", "reading"]] == form).all(axis=1)
    return frame[chosen].drop_duplicates("seed")


def _converged(rows: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows whose losses, and other columns named, are numbers."""
    numbers = rows[["train_loss", "test_loss", *columns]].to_numpy(float)
    converged: pd.DataFrame = rows[np.isfinite(numbers).all(axis=1)]
    return converged


def compare(frame: pd.DataFrame) -> list[Comparison]:
    """Set every published figure beside every form in which its recipe was measured.

    Args:
        frame: what :func:`reproduction` returned. Only trainings as long as the author's count;
            recipes without any are left out.

    Returns:
        One comparison a claim, in the order of the recipes.

    Raises:
        ValueError: nothing was measured that an author reported.
    """
    comparisons = []
    for recipe in RECIPES.values():
        for claim in recipe.claims:
            forms = []
            for pixels in pixels_of(recipe):
                for reading in readings_of(recipe, claim.metric):
                    rows = _rows(frame, recipe, pixels, reading)
                    kept = _converged(rows, claim.metric.column)
                    values = kept[claim.metric.column].to_numpy(float)
                    diverged = len(rows) - len(kept)
                    forms.append(Form(claim, pixels, reading, values, diverged))
            if any(len(form.values) or form.diverged for form in forms):
                comparisons.append(Comparison(recipe, claim, tuple(forms)))
    if not comparisons:
        raise ValueError(
            "No training here belongs to a recipe with published figures and is as long as its "
            "author's: measure some with mnist-lab reproduce, without --epochs."
        )
    return comparisons


def _texts(form: Form) -> tuple[str, str, str]:
    """Write mean, standard deviation and the range of one more run, or what is missing for them."""
    if form.seeds is None:
        return "", "", f"{len(form.values)} of at least 2 seeds"
    # Four decimals, of an accuracy two in per cent: its test set has 10,000 images.
    mean, sd, low, high = (
        form.claim.metric.text(value, 4)
        for value in (form.seeds.mean, form.seeds.sd, form.seeds.next_low, form.seeds.next_high)
    )
    return mean, sd, f"{low} to {high}"


def _one_more_run(form: Form | None) -> str:
    if form is None:
        return "not measured"
    *_, one_more_run = _texts(form)
    return one_more_run if form.claim.metric.is_loss or not form.seeds else f"{one_more_run} %"


def verdicts(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Sum up the comparisons: a row for each published figure, all cells text.

    Args:
        comparisons: what :func:`compare` returned.

    Returns:
        ``recipe``, ``figure``, ``published``; the range of one more run
        (:func:`mnist_lab.evaluation.seed_intervals`) on raw and on scaled pixels, read as the
        author did; and the ``verdict``. :func:`all_forms` has the numbers behind it.
    """
    import pandas as pd

    rows = []
    for comparison in comparisons:
        as_read = comparison.forms[0].reading
        forms = {form.pixels: form for form in comparison.forms if form.reading == as_read}
        claim = comparison.claim
        rows.append(
            {
                "recipe": comparison.recipe.name,
                "figure": claim.metric.name,
                "published": claim.text if claim.metric.is_loss else f"{claim.text} %",
                "one more run, raw pixels": _one_more_run(forms.get("raw")),
                "one more run, scaled pixels": _one_more_run(forms.get("scaled")),
                "verdict": comparison.verdict,
            }
        )
    return pd.DataFrame(rows)


def all_forms(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Give the numbers behind the verdicts: a row for each form of each figure, all cells text.

    Args:
        comparisons: what :func:`compare` returned.

    Returns:
        ``recipe``, ``figure``, ``published``; the ``pixels`` and what the answers are ``read from``
        in this form; ``mean`` and ``standard deviation`` over the seeds, the range of ``one more
        run``; how many seeds lie below the author's figure, and how many trainings diverged; and
        whether the figure ``holds`` in this form: "possible" where the range comes to an end of the
        scale, "with luck" where no seed reaches the figure. Accuracies are per cent.
    """
    import pandas as pd

    rows = []
    for comparison in comparisons:
        for form in comparison.forms:
            mean, sd, one_more_run = _texts(form)
            diverged = f", {form.diverged} diverged" if form.diverged else ""
            rows.append(
                {
                    "recipe": comparison.recipe.name,
                    "figure": comparison.claim.metric.name,
                    "published": comparison.claim.text,
                    "pixels": form.pixels,
                    "read from": form.reading,
                    "mean": mean,
                    "standard deviation": sd,
                    "one more run": one_more_run,
                    "seeds below": f"{form.below} of {len(form.values)}{diverged}",
                    "holds": _holds(form),
                }
            )
    return pd.DataFrame(rows)


def _holds(form: Form) -> str:
    if form.seeds is None:
        return "open"
    if not form.holds:
        return "no"
    if form.seeds.is_wide:
        return "possible"
    return "yes" if form.is_reached else "with luck"


def matrix_entries(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
    """Compare the published matrix of 000 with those of the seeds, entry by entry.

    Args:
        frame: what :func:`reproduction` returned.

    Returns:
        A row for each of the 100 entries: ``true`` and ``predicted`` digit, the ``published``
        count; ``mean``, ``sd``, ``lowest`` and ``highest`` over the seeds, from ``argmax`` of the
        outputs; and whether the published one lies ``inside``, from lowest to highest. And the
        yardstick: how many entries of each seed's matrix lie inside those of the other seeds.

    Raises:
        ValueError: there are fewer than two seeds of the recipe.
    """
    import pandas as pd

    recipe = RECIPES["deep_dropout_ann"]
    rows = _converged(_rows(frame, recipe, recipe.pixels, "outputs"))
    if len(rows) < 2:
        raise ValueError(
            f"Matrices of at least two seeds of {recipe.name} are needed, and the number here is "
            f"{len(rows)}: measure some with mnist-lab reproduce {recipe.name}."
        )
    matrices = np.array([[int(n) for n in row.split()] for row in rows.confusion])
    true, predicted = np.indices((CLASSES, CLASSES)).reshape(2, -1)
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
