"""Choosing the best of many: real differences told from luck, and what a choice promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from mnist_lab import selection
from mnist_lab.selection import choose_on_halves, seeds_needed, simulate_choice, spread


def networks(rates: npt.ArrayLike, images: int = 4000, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Networks that misread each image by chance, each network with a rate of its own."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.random((len(np.asarray(rates)), images)) < np.asarray(rates)[:, None])


def test_equal_networks_differ_by_luck_only() -> None:
    found = spread(networks(np.full(200, 0.05)))
    luck = np.sqrt(4000 * 0.05 * 0.95)  # of a binomial count
    assert found.luck == pytest.approx(luck, rel=0.15)
    assert found.real < 0.4 * luck


def test_real_differences_are_found_beside_the_luck() -> None:
    rates = np.random.default_rng(1).normal(0.05, 0.01, 400)
    found = spread(networks(rates))
    assert found.real == pytest.approx(40, rel=0.15)
    assert found.luck == pytest.approx(np.sqrt(4000 * 0.05 * 0.95), rel=0.15)


def test_images_that_all_networks_misread_are_no_luck() -> None:
    """They raise every count alike, so no network is better by them."""
    wrong = networks(np.full(100, 0.05))
    hard = np.ones((100, 500), bool)
    assert spread(np.hstack([wrong, hard])).luck == pytest.approx(spread(wrong).luck, rel=0.1)


def test_best_of_equal_networks_is_not_better_at_all() -> None:
    looks, is_better = simulate_choice(real=0, luck=10, networks=50)
    largest = np.mean([np.random.default_rng(i).normal(size=50).max() for i in range(4000)])
    assert looks.mean() == pytest.approx(10 * largest, rel=0.02)
    assert not is_better.any()


def test_without_luck_it_is_as_good_as_it_looks() -> None:
    looks, is_better = simulate_choice(real=10, luck=0, networks=50)
    assert np.array_equal(looks, is_better)


def test_half_of_the_variance_is_half_of_the_advantage() -> None:
    looks, is_better = simulate_choice(real=7, luck=7, networks=20, repeats=40_000)
    assert is_better.mean() / looks.mean() == pytest.approx(0.5, abs=0.02)


def test_one_network_is_no_choice() -> None:
    looks, is_better = simulate_choice(real=5, luck=5, networks=1)
    assert abs(looks.mean()) < 0.3
    assert abs(is_better.mean()) < 0.3


def test_other_half_sees_through_the_luck() -> None:
    equal = [choose_on_halves(networks(np.full(30, 0.05), seed=i), 20) for i in range(20)]
    looks, proves = np.concatenate(equal, axis=1)
    assert looks.mean() > 0.007
    assert abs(proves.mean()) < 0.001
    rates = np.linspace(0.01, 0.2, 30)  # differences that no luck can hide
    looks, proves = choose_on_halves(networks(rates))
    assert proves.mean() == pytest.approx(rates.mean() - rates[0], abs=0.01)


def power_of(seeds: int, effect: float, level: float) -> float:
    """The power of Student's test by its definition, with SciPy's noncentral t distribution."""
    limit = stats.t.ppf(1 - level / 2, 2 * seeds - 2)
    shifted = stats.nct(2 * seeds - 2, effect * np.sqrt(seeds / 2))
    return float(shifted.sf(limit) + shifted.cdf(-limit))


@pytest.mark.parametrize("effect", [0.3, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize(("power", "level"), [(0.8, 0.05), (0.95, 0.01)])
def test_so_many_seeds_suffice_and_one_less_does_not(
    effect: float, power: float, level: float
) -> None:
    seeds = seeds_needed(effect, 1.0, power, level)
    assert power_of(seeds, effect, level) >= power
    assert seeds == 2 or power_of(seeds - 1, effect, level) < power


def test_rule_of_thumb_is_near_and_two_seeds_are_the_fewest() -> None:
    assert seeds_needed(1, 2) == pytest.approx(16 * 2**2, rel=0.05)
    assert seeds_needed(100, 1) == 2
    counts = [seeds_needed(effect, 1) for effect in np.linspace(0.5, 30, 60)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("wrong", [(0, 1), (1, 0), (-1, 1), (1, 1, 1), (1, 1, 0.8, 0), (1, 1, 0)])
def test_numbers_that_do_not_fit_are_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit: pass numbers above 0"):
        seeds_needed(*wrong)


# ---------------------------------------------------------------------------- what is committed


def test_misread_images_are_those_of_the_file() -> None:
    frame = selection.measured()
    for split in ("validation", "test"):
        wrong = selection.wrong_answers(frame, split)
        rows = frame[frame["split"] == split].sort_values("seed")
        assert wrong.shape == (50, 10_000)
        assert wrong.sum(axis=1).tolist() == rows["errors"].tolist()
        assert np.flatnonzero(wrong[7]).tolist() == [
            int(i) for i in rows["misread"].iloc[7].split()
        ]


def test_a_network_without_errors_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("split,seed,judged,misread\ntest,1,3,\ntest,0,3,0 2\n")
    wrong = selection.wrong_answers(selection.measured(path), "test")
    assert wrong.tolist() == [[True, False, True], [False, False, False]]


def test_seeds_of_several_trainings_are_not_mixed() -> None:
    frame = selection.measured()
    with pytest.raises(ValueError, match="each seed once"):
        selection.wrong_answers(frame.assign(seed=0), "test")
    with pytest.raises(ValueError, match="each seed once"):
        selection.wrong_answers(frame[frame["split"] == "test"], "validation")


def test_committed_networks_show_real_differences_and_luck() -> None:
    """What lesson 7 says of them: about half of the advantage of the best one is luck."""
    wrong = selection.wrong_answers(selection.measured(), "validation")
    found = spread(wrong)
    looks, is_better = simulate_choice(*found, networks=len(wrong))
    assert 0.4 < is_better.mean() / looks.mean() < 0.8
