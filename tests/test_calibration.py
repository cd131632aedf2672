"""Calibration: cases counted by hand, networks made calibrated or overconfident on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from mnist_lab import calibration

N = 20_000


def rows(*confidences: float) -> npt.NDArray[Any]:
    """Probabilities of two classes; class 0 has the confidence."""
    return np.array([[c, 1 - c] for c in confidences])


def drawn(temperature: float, seed: int = 0) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Labels drawn from the softmax of logits, and these logits times a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (N, 10))
    each = softmax(logits, axis=1).cumsum(axis=1)
    labels = (each < rng.random((N, 1))).sum(axis=1).clip(0, 9)
    return labels, logits * temperature


def test_answers_are_counted_in_their_bins() -> None:
    found = calibration.reliability([0, 1, 0, 0, 1], rows(0.5, 0.55, 0.91, 0.99, 1.0))
    assert found.edges.tolist() == pytest.approx(np.linspace(0, 0.9, 10))
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    assert found.confidence[[5, 9]] == pytest.approx([0.525, 0.9667], abs=1e-4)
    assert found.accuracy[[5, 9]] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(found.accuracy[:5]).all() and np.isnan(found.confidence[6:9]).all()


def test_error_by_hand() -> None:
    probabilities = rows(0.5, 0.55, 0.91, 0.99, 1.0)
    expected = (2 * abs(0.525 - 0.5) + 3 * abs(0.96667 - 0.66667)) / 5
    found = calibration.expected_calibration_error([0, 1, 0, 0, 1], probabilities)
    assert found == pytest.approx(expected, abs=1e-4)
    # one bin compares the mean confidence with the accuracy
    whole = calibration.expected_calibration_error([0, 1, 0, 0, 1], probabilities, bins=1)
    assert whole == pytest.approx(0.79 - 0.6)


def test_extremes() -> None:
    sure = np.eye(10)[[3, 4, 5]]
    assert calibration.expected_calibration_error([3, 4, 5], sure) == 0
    assert calibration.expected_calibration_error([0, 0, 0], sure) == 1


def test_calibrated_probabilities_have_a_small_error_and_sharp_ones_a_large_one() -> None:
    labels, logits = drawn(1.0)
    assert calibration.expected_calibration_error(labels, softmax(logits, axis=1)) < 0.02
    sharp = softmax(3 * logits, axis=1)
    assert calibration.expected_calibration_error(labels, sharp) > 0.1


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_put_in_comes_out(temperature: float) -> None:
    labels, logits = drawn(temperature)
    assert calibration.fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.03)


def test_temperature_has_the_lowest_loss() -> None:
    labels, logits = drawn(1.7, seed=1)

    def loss(temperature: float) -> float:
        likely = softmax(logits / temperature, axis=1)[np.arange(N), labels]
        return float(-np.log(likely).mean())

    best = calibration.fit_temperature(labels, logits)
    assert loss(best) < min(loss(0.98 * best), loss(1.02 * best))


def test_temperature_mends_other_labels_of_the_same_kind() -> None:
    temperature = calibration.fit_temperature(*drawn(2.5, seed=2))
    labels, logits = drawn(2.5, seed=3)
    before = calibration.expected_calibration_error(labels, softmax(logits, axis=1))
    after = calibration.expected_calibration_error(labels, softmax(logits / temperature, axis=1))
    assert after < before / 4


def test_no_temperature_where_everything_is_right() -> None:
    with pytest.raises(ValueError, match="no temperature is the best one: pass more validation"):
        calibration.fit_temperature([0, 1], [[3.0, 1.0], [0.0, 2.0]])


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], rows(0.9), r"labels has shape \(2,\) and the outputs \(1, 2\): pass one label"),
        ([0], [0.9, 0.1], r"labels has shape \(1,\) and the outputs \(2,\)"),
        ([], np.empty((0, 2)), "pass one label and one row of outputs for each image"),
        ([2], rows(0.9), "A label is no class: pass integers from 0 to 1"),
        ([0.0], rows(0.9), "A label is no class: pass integers"),
        ([0], [[3.0, 1.0]], "no probabilities.*apply a softmax to logits first"),
        ([0], [[1.5, -0.5]], "no probabilities"),
        ([0], [[np.nan, 0.5]], "not finite: pass the outputs of a network that learned"),
    ],
)
def test_bad_input_is_refused(labels: Any, probabilities: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration.expected_calibration_error(labels, probabilities)


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="0 bins hold no answer: pass at least 1"):
        calibration.reliability([0], rows(0.9), bins=0)
