"""Risk against coverage: cases counted by hand, ties, and what no order can change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mnist_lab.selective import risk_coverage


def test_by_hand() -> None:
    found = risk_coverage([True, False, True, True], [0.9, 0.6, 0.99, 0.7])
    assert found.threshold.tolist() == [0.99, 0.9, 0.7, 0.6]
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk.tolist() == [0, 0, 0, 0.25]


def test_equal_confidences_stand_or_fall_together() -> None:
    found = risk_coverage([True, False, True, False], [1.0, 1.0, 1.0, 0.5])
    assert found.threshold.tolist() == [1.0, 0.5]
    assert found.coverage.tolist() == [0.75, 1.0]
    assert found.risk.tolist() == pytest.approx([1 / 3, 1 / 2])


def test_all_answered_gives_the_error_rate_whatever_the_confidence() -> None:
    rng = np.random.default_rng(0)
    right, sure = rng.random(500) < 0.9, rng.random(500)
    found = risk_coverage(right, sure)
    assert (found.coverage[-1], found.risk[-1]) == (1, pytest.approx(1 - right.mean()))
    assert (np.diff(found.threshold) < 0).all() and (np.diff(found.coverage) > 0).all()


def test_each_threshold_gives_what_it_says() -> None:
    rng = np.random.default_rng(1)
    right, sure = rng.random(200) < 0.8, rng.integers(0, 20, 200) / 20
    for threshold, coverage, risk in zip(*risk_coverage(right, sure), strict=True):
        answered = sure >= threshold
        assert (coverage, risk) == pytest.approx((answered.mean(), 1 - right[answered].mean()))


def test_a_confidence_that_knows_has_no_risk_until_the_errors_come() -> None:
    right = np.arange(100) < 90
    found = risk_coverage(right, np.linspace(1, 0.5, 100))
    assert found.risk[:90].max() == 0
    assert found.risk[-1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("right", "confidence", "message"),
    [
        ([], [], r"right has shape \(0,\).*pass True or False for each answer"),
        ([1, 0], [0.5, 0.6], "dtype int64: pass True or False"),
        ([[True]], [[0.5]], r"right has shape \(1, 1\)"),
        ([True], [0.5, 0.6], r"confidence has shape \(2,\) for 1 answers: pass one number"),
        ([True], [float("nan")], "pass one number for each answer"),
    ],
)
def test_bad_input_is_refused(right: Any, confidence: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        risk_coverage(right, confidence)
