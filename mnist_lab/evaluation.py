"""How good is a classifier: error counts, confusion matrices, intervals and paired tests.

scikit-learn, SciPy and statsmodels do the work; here it gets ten classes and checked input. Two
kinds of interval answer two questions: :func:`wilson_interval` speaks of other test images,
:func:`seed_intervals` of other seeds.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mnist_lab import CLASSES

if TYPE_CHECKING:
    from mnist_lab.data import Digits

__all__ = [
    "PairedTest",
    "SeedIntervals",
    "check_band",
    "check_holds",
    "confusion_matrix",
    "count_ties",
    "mcnemar",
    "most_confused",
    "seed_intervals",
    "surest_errors",
    "wilson_interval",
]

Labels = npt.ArrayLike


def _labels(**named: Labels) -> list[npt.NDArray[np.int64]]:
    """Return every argument as digits, int64 of one shape (n,), or say what is wrong with it."""
    arrays = [np.asarray(values) for values in named.values()]
    for name, array in zip(named, arrays, strict=True):
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(
                f"{name} has shape {array.shape} and dtype {array.dtype}: pass one integer label "
                "an image, for outputs of a network their argmax over the last axis."
            )
        strange = array[(array < 0) | (array >= CLASSES)]
        if strange.size:
            raise ValueError(
                f"{name} has {strange.size} labels that are no digits (the first is {strange[0]}): "
                f"pass labels from 0 to {CLASSES - 1}."
            )
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{name} {len(a)}" for name, a in zip(named, arrays, strict=True))
        raise ValueError(f"Different numbers of images ({lengths}): judge the same images.")
    return [array.astype(np.int64) for array in arrays]


def confusion_matrix(y_true: Labels, y_pred: Labels) -> npt.NDArray[np.int64]:
    """Count how often each digit was read as each digit.

    Args:
        y_true: true digits, integers 0..9 of shape (n,).
        y_pred: predicted digits, the same shape.

    Returns:
        int64 of shape (10, 10): row i, column j counts images of digit i read as j. Always ten by
        ten, also when a digit never occurs.

    Raises:
        ValueError: the arrays are not integer labels from 0 to 9, or not of one length.
    """
    from sklearn import metrics

    true, predicted = _labels(y_true=y_true, y_pred=y_pred)
    counts: npt.NDArray[np.int64] = metrics.confusion_matrix(true, predicted, labels=range(CLASSES))
    return counts


def most_confused(matrix: npt.ArrayLike, n: int = 5) -> list[tuple[int, int, int]]:
    """Return the largest errors of a confusion matrix: its entries beside the diagonal.

    Args:
        matrix: integer counts of shape (k, k), rows true, columns predicted.
        n: how many at the most; entries of 0 are no errors and are left out.

    Returns:
        ``(true digit, predicted digit, count)``, largest count first, ties in reading order.

    Raises:
        ValueError: the matrix is not square, or its entries are not integers.
    """
    counts = np.asarray(matrix)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1]
    if not square or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(
            f"matrix has shape {counts.shape} and dtype {counts.dtype}: pass the counts of a "
            "confusion matrix, integers of shape (k, k)."
        )
    errors = counts.astype(np.int64)  # a copy; and unsigned counts would not sort by their negative
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[: min(n, np.count_nonzero(errors))]
    rows, columns = np.unravel_index(order, errors.shape)
    return [(int(i), int(j), int(errors[i, j])) for i, j in zip(rows, columns, strict=True)]


def surest_errors(y_true: Labels, outputs: npt.ArrayLike, n: int = 10) -> npt.NDArray[np.int64]:
    """Return the wrong answers that the network was most sure of.

    Args:
        y_true: true digits, integers of shape (n_images,).
        outputs: what the network gave, floats of shape (n_images, 10).
        n: how many at the most.

    Returns:
        Indices of wrongly read images, int64 of shape (at most n,), largest winning output first.

    Raises:
        ValueError: ``y_true`` is not one integer label from 0 to 9 an image.
    """
    scores = np.asarray(outputs)
    true, predicted = _labels(y_true=y_true, outputs=scores.argmax(axis=-1))
    wrong = np.flatnonzero(true != predicted)
    return wrong[np.argsort(-scores[wrong].max(axis=-1), kind="stable")][:n]


def count_ties(outputs: npt.ArrayLike) -> int:
    """Count the images whose largest output is shared by two or more classes.

    ``argmax`` gives such an image to the class with the lowest number, whatever the network meant.

    Args:
        outputs: floats of shape (n, classes).

    Returns:
        The number of rows whose maximum occurs more than once.

    Taught in: 03_deep_dropout_ann
    """
    scores = np.asarray(outputs)
    best = scores.max(axis=-1, keepdims=True)
    return int(((scores == best).sum(axis=-1) > 1).sum())


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a proportion, here an accuracy.

    Unlike ``p ± 1.96 s`` it stays inside [0, 1] and holds its level near 100 %. It covers the
    choice of the test images, not the choice of the seed.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).

    Args:
        correct: number of right answers.
        total: number of images, at least 1.
        confidence: level between 0 and 1.

    Returns:
        ``(low, high)`` as fractions.

    Raises:
        ValueError: the counts are impossible or the level is not between 0 and 1.
    """
    if not (0 <= correct <= total and total > 0 and 0 < confidence < 1):
        raise ValueError(
            f"{correct} right of {total} at level {confidence} is impossible: pass counts with "
            "0 <= correct <= total, total at least 1, and a confidence between 0 and 1."
        )
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(correct, total, alpha=1 - confidence, method="wilson")
    return float(low), float(high)


class SeedIntervals(NamedTuple):
    """Mean and standard deviation over seeds, and two intervals that are easily confused.

    ``low`` to ``high`` is where the *mean* of all seeds lies; ``next_low`` to ``next_high`` is
    where *one more run* will fall. An author's figure is one run. ``is_wide`` says that one more
    run could give any figure up to an end of the scale, as an accuracy of 1.
    """

    mean: float
    sd: float
    low: float
    high: float
    next_low: float
    next_high: float
    is_wide: bool


def seed_intervals(
    values: npt.ArrayLike,
    confidence: float = 0.95,
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> SeedIntervals:
    """Return the intervals of a result that was measured over several seeds.

    Both are Student's t intervals. The interval of one more run is widened to the seeds outside of
    it, because one more run can give what a seed gave. It is cut at what is possible. No other rule
    ever takes its place. So the interval promises two things, whatever the values look like. If the
    seeds scatter normally, it holds one more run with ``confidence``. However the seeds scatter, it
    holds one more run at least (n - 1) times in (n + 1), which is 9 in 11 for ten seeds. (Simulated
    accuracies of ten seeds that are skewed and near 1 were held 92 to 95 times in 100.)

    Source: G. J. Hahn, Factors for calculating two-sided prediction intervals for samples from a
    normal distribution, Journal of the American Statistical Association 64 (1969). For any
    distribution: S. S. Wilks, Determination of sample sizes for setting tolerance limits, Annals
    of Mathematical Statistics 12 (1941).

    Args:
        values: one result a seed, floats of shape (n,), at least two.
        confidence: level between 0 and 1.
        bounds: lowest and highest possible result, ``(0, 1)`` for an accuracy.

    Raises:
        ValueError: there are fewer than two values, one is not finite, or the level is not between
            0 and 1.
    """
    from scipy import stats

    results = np.asarray(values, dtype=float)
    n = results.size
    if n < 2:
        raise ValueError(
            f"A spread needs at least two seeds, and the number here is {n}: measure more seeds."
        )
    if not np.isfinite(results).all():
        raise ValueError("A result is not finite: leave out the trainings that diverged.")
    if not 0 < confidence < 1:
        raise ValueError(f"A confidence of {confidence} is impossible: pass one between 0 and 1.")
    mean, sd = results.mean(), results.std(ddof=1)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * sd
    around, further = half / np.sqrt(n), half * np.sqrt(1 + 1 / n)
    least, most = bounds
    return SeedIntervals(
        mean=float(mean),
        sd=float(sd),
        low=float(mean - around),
        high=float(mean + around),
        next_low=float(min(results.min(), max(least, mean - further))),
        next_high=float(max(results.max(), min(most, mean + further))),
        is_wide=bool(mean - further < least or mean + further > most),
    )


class PairedTest(NamedTuple):
    """Result of :func:`mcnemar`: the images that only one of two models read, and the p-value."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(y_true: Labels, first: Labels, second: Labels) -> PairedTest:
    """Compare two classifiers on the same images with McNemar's exact test.

    Images that both read, or both misread, say nothing about which is better; among the others
    each model should win half of the time if the two are equally good.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated
    proportions or percentages, Psychometrika 12 (1947).

    Args:
        y_true: true digits, integers of shape (n,).
        first: digits predicted by the first model, the same shape.
        second: digits predicted by the second model, the same shape.

    Returns:
        The two counts and the two-sided exact (binomial) p-value.

    Raises:
        ValueError: the arrays are not integer labels from 0 to 9, or not of one length.
    """
    from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

    true, a, b = _labels(y_true=y_true, first=first, second=second)
    right_a, right_b = a == true, b == true
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    result = statsmodels_mcnemar([[0, only_a], [only_b, 0]], exact=True)  # the others do not count
    return PairedTest(only_a, only_b, float(result.pvalue))


def check_band(
    what: str,
    value: float,
    digits: Digits,
    *,
    mnist: tuple[float, float],
    sample: tuple[float, float] | None = None,
) -> None:
    """Check that a measured value lies where a rebuild of it should; say nothing if it does.

    Bands belong to the published settings. Where the environment variable ``MNIST_LAB_BANDS`` is
    ``report``, as ``mnist-lab run`` sets it for other settings, a value outside is printed and the
    lesson goes on.

    Args:
        what: the name of the value, for the message.
        value: what was measured.
        digits: what :func:`mnist_lab.data.load_mnist` returned; it decides which band counts.
        mnist: the lowest and the highest value on MNIST.
        sample: the same on the bundled sample; None checks nothing there.

    Raises:
        AssertionError: the value is outside the band, or not a number.
    """
    band = mnist if digits.is_mnist else sample
    if band is not None and not band[0] <= value <= band[1]:
        _outside(f"{what} is {value:.4g}, outside {band[0]:g} to {band[1]:g}.")


def check_holds(what: str, digits: Digits, *, mnist: bool, sample: bool = True) -> None:
    """Check that something measured holds, as :func:`check_band` checks a value.

    Args:
        what: what should hold, as a clause without a full stop.
        digits: what :func:`mnist_lab.data.load_mnist` returned; it decides which result counts.
        mnist: whether it holds, if the digits are MNIST's.
        sample: the same on the bundled sample, where by default nothing is checked.

    Raises:
        AssertionError: it does not hold.
    """
    if not (mnist if digits.is_mnist else sample):
        _outside(f"It does not hold that {what}.")


def _outside(sentence: str) -> None:
    if os.environ.get("MNIST_LAB_BANDS") == "report":
        print(f"{sentence} The settings are not the published ones.")
        return
    raise AssertionError(
        f"{sentence} If you changed a parameter or a model above, this is what your change did: go "
        "on with the next cell. If not, restart the kernel and run all cells in order."
    )
