"""How good is a classifier: error counts, confusion matrices, intervals and paired tests.

scikit-learn and statsmodels do the work; here it gets ten classes and checked input.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "PairedTest",
    "check_band",
    "confusion_matrix",
    "count_ties",
    "mcnemar",
    "most_confused",
    "surest_errors",
    "wilson_interval",
]

Labels = npt.ArrayLike


def _labels(**named: Labels) -> list[npt.NDArray[np.int64]]:
    """Return every argument as int64 of one shape (n,), or say what is wrong with it."""
    arrays = [np.asarray(values) for values in named.values()]
    for name, array in zip(named, arrays, strict=True):
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(
                f"{name} has shape {array.shape} and dtype {array.dtype}: pass one integer label "
                "an image, for outputs of a network their argmax over the last axis."
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
        ValueError: the arrays are not integer labels of one length.
    """
    from sklearn import metrics

    true, predicted = _labels(y_true=y_true, y_pred=y_pred)
    counts: npt.NDArray[np.int64] = metrics.confusion_matrix(true, predicted, labels=range(10))
    return counts


def most_confused(matrix: npt.ArrayLike, n: int = 5) -> list[tuple[int, int, int]]:
    """Return the ``n`` largest off-diagonal entries of a confusion matrix.

    Args:
        matrix: integer counts of shape (k, k), rows true, columns predicted.

    Returns:
        ``(true digit, predicted digit, count)``, largest count first, ties in reading order.
    """
    errors = np.array(matrix)
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None, kind="stable")[:n]
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
        ValueError: ``y_true`` is not one integer label an image.
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
        ValueError: the arrays are not integer labels of one length.
    """
    from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

    true, a, b = _labels(y_true=y_true, first=first, second=second)
    right_a, right_b = a == true, b == true
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    result = statsmodels_mcnemar([[0, only_a], [only_b, 0]], exact=True)  # the others do not count
    return PairedTest(only_a, only_b, float(result.pvalue))


def check_band(what: str, value: float, low: float, high: float) -> None:
    """Assert that a measured value lies where a rebuild of it should, and say so.

    The line that it prints names the band, not the value: it is the same on every machine, so a
    test of the notebook can compare it to the letter.

    Raises:
        AssertionError: the value is outside the band, or not a number.
    """
    if not low <= value <= high:
        raise AssertionError(
            f"{what} is {value:.4g}, outside {low:g} to {high:g}. If you changed a parameter or a "
            "model above, this is what your change did: go on with the next cell. If not, restart "
            "the kernel and run all cells in order."
        )
    print(f"{what}: as expected, between {low:g} and {high:g}")
