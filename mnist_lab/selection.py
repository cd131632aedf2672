"""The winner's curse: the best of many networks on some images looks better than it is.

The measurements are in ``results/seeds.csv``, which ``mnist-lab reproduce fnn_softmax --held-out``
wrote: fifty networks that differ by their seed only. They learned from five sixths of the training
images. Two sets of images judged them: the last sixth of the training images, and the test images.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from mnist_lab.ladder import Split

__all__ = [
    "FILE",
    "Spread",
    "choose_on_halves",
    "measured",
    "seeds_needed",
    "simulate_choice",
    "spread",
    "wrong_answers",
]

FILE = Path(__file__).with_name("results") / "seeds.csv"

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def measured(path: Path = FILE) -> pd.DataFrame:
    """Return the measured networks, a row for each network and set of images.

    The columns are those of the CSV file. ``split`` is "validation" or "test".
    """
    import pandas as pd

    return pd.read_csv(path, keep_default_na=False)  # a network without errors has an empty text


def wrong_answers(frame: pd.DataFrame, split: Split) -> Bools:
    """Say which images each network misreads.

    Args:
        frame: what :func:`measured` returned, of one recipe and number of epochs.
        split: which images judge.

    Returns:
        bool of shape (networks, images), in the order of the seeds.

    Raises:
        ValueError: a seed stands there twice, or no network was judged by these images.
    """
    rows = frame[frame["split"] == split].sort_values("seed")
    if rows.empty or rows["seed"].duplicated().any():
        raise ValueError(
            f"{len(rows)} rows of {split} images have {rows['seed'].nunique()} seeds: pass the "
            "rows of one recipe and one number of epochs, each seed once."
        )
    wrong = np.zeros((len(rows), int(rows["judged"].iloc[0])), bool)
    for row, numbers in zip(wrong, rows["misread"], strict=True):
        row[np.array(str(numbers).split(), int)] = True
    return wrong


class Spread(NamedTuple):
    """Why the errors of networks differ, as two standard deviations in errors.

    ``real`` differences show on other images, too. ``luck`` belongs to these images.
    """

    real: float
    luck: float


def _halves(images: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    order = rng.permutation(images)
    return order[: images // 2], order[images // 2 : images // 2 * 2]


def spread(wrong: Bools, repeats: int = 100, seed: int = 0) -> Spread:
    """Tell real differences between networks from the luck that they have with these images.

    Two halves of the images share no image, so they share no luck. What the error counts on both
    have in common, their covariance, comes from the networks. The function takes the mean
    covariance over several random halves. A negative mean counts as no real difference.

    Args:
        wrong: which images each network misreads, shape (networks, images), at least two networks.
        repeats: how often the images are halved.
        seed: of the random halves.
    """
    rng = np.random.default_rng(seed)
    total = float(np.var(wrong.sum(axis=1), ddof=1))
    shared = []
    for _ in range(repeats):
        one, other = (wrong[:, half].sum(axis=1) for half in _halves(wrong.shape[1], rng))
        shared.append(4 * np.cov(one, other)[0, 1])  # both halves together have twice the errors
    real = min(max(float(np.mean(shared)), 0.0), total)
    return Spread(math.sqrt(real), math.sqrt(total - real))


def simulate_choice(
    real: float, luck: float, networks: int, repeats: int = 10_000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Choose the best of several networks many times, where the truth is known.

    Each network gets a real advantage over the mean and, on the images that choose, some luck. Both
    are drawn from normal distributions. The network with the largest sum is chosen.

    Args:
        real: standard deviation of the real advantage, in errors.
        luck: standard deviation of the luck, in errors.
        networks: how many there are to choose from.
        repeats: how often to choose.
        seed: of the draws.

    Returns:
        How far the chosen network looks better than the mean, and how far it is, in errors: two
        float64 arrays of shape (repeats,).

    Taught in: 07_tuning
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, real, (repeats, networks))
    seen = truth + rng.normal(0, luck, (repeats, networks))
    chosen = seen.argmax(axis=1)
    every = np.arange(repeats)
    return seen[every, chosen], truth[every, chosen]


def choose_on_halves(wrong: Bools, repeats: int = 200, seed: int = 0) -> tuple[Floats, Floats]:
    """Choose the best network on one half of the images, and judge it on the other half.

    Args:
        wrong: which images each network misreads, bool of shape (networks, images).
        repeats: how often the images are halved at random.
        seed: of the random halves.

    Returns:
        How far the chosen network is better than the mean of all networks, as a share of the
        images: on the half that chose, and on the other half. Two float64 arrays, shape (repeats,).

    Taught in: 07_tuning
    """
    rng = np.random.default_rng(seed)
    n = wrong.shape[1]
    looks, proves = np.zeros(repeats), np.zeros(repeats)
    for i in range(repeats):
        order = rng.permutation(n)
        first = wrong[:, order[: n // 2]].mean(axis=1)
        second = wrong[:, order[n // 2 :]].mean(axis=1)
        chosen = first.argmin()
        looks[i] = first.mean() - first[chosen]
        proves[i] = second.mean() - second[chosen]
    return looks, proves


def seeds_needed(difference: float, sd: float, power: float = 0.8, level: float = 0.05) -> int:
    """Return how many seeds of each of two recipes it takes to see a difference of their means.

    This is the sample size of Student's two-sided t-test, as statsmodels computes it. With the
    usual power and level, it is about 16 (sd / difference)².

    Source of the short form: R. Lehr, Sixteen s-squared over d-squared: a relation for crude sample
    size estimates, Statistics in Medicine 11 (1992).

    Args:
        difference: of the means, above 0.
        sd: the standard deviation over seeds, in the same unit, above 0.
        power: how often a test shall see the difference if it is there.
        level: how often a test may see a difference that is not there.

    Raises:
        ValueError: an argument is not above 0, or power or level is not below 1.
    """
    if not (difference > 0 and sd > 0 and 0 < level < power < 1):
        raise ValueError(
            f"A difference of {difference}, a deviation of {sd}, a power of {power} and a level of "
            f"{level} do not fit: pass numbers above 0, and a level below the power, below 1."
        )
    from scipy.stats import norm
    from statsmodels.stats.power import TTestIndPower

    test, effect = TTestIndPower(), difference / sd
    enough = (
        4 * ((norm.isf(level / 2) + norm.ppf(power)) / effect) ** 2 + 10
    )  # twice the short form
    counts = range(2, math.ceil(enough))  # two seeds of each are the fewest with a spread
    return counts[bisect_left(counts, power, key=lambda n: test.power(effect, n, level))]
