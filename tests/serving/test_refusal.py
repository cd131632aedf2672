"""When no answer is given: the rule by itself, and its limits on drawings that chose nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mnist_lab.serving.refusal import RECORD, Rule, probabilities, reasons, shipped_rule

RULE = Rule(temperature=1.0, threshold=0.9, detector_threshold=-1.0)
SURE = np.eye(10) * 20


def logits(*pairs: tuple[int, float]) -> Any:
    """One row of logits with these values at these digits, and 0 elsewhere."""
    row = np.zeros((1, 10))
    for digit, value in pairs:
        row[0, digit] = value
    return row


def test_sure_answers_are_not_refused() -> None:
    assert reasons(SURE, np.full((10, 1), 3.0), RULE) == [None] * 10


def test_two_likely_digits_are_both_named() -> None:
    (reason,) = reasons(logits((4, 9.0), (8, 8.5)), [[3.0]], RULE)
    assert reason == "This could be a 4 or an 8: write the digit once more, more clearly."


def test_what_does_not_look_like_a_digit_is_refused_however_sure_the_network_is() -> None:
    (reason,) = reasons(SURE[:1], [[-1.01]], RULE)
    assert reason == "This does not look like a digit: write one digit from 0 to 9."
    assert reasons(SURE[:1], [[-1.0]], RULE) == [None]


@pytest.mark.parametrize("broken", [np.nan, -np.inf])
def test_numbers_that_are_none_are_refused(broken: float) -> None:
    assert reasons(SURE[:1], [[broken]], RULE) != [None]
    assert reasons(np.full((1, 10), np.nan), [[3.0]], RULE) != [None]


def test_large_logits_do_not_overflow() -> None:
    shares = probabilities([[1e4] + [0.0] * 9, [-1e4] * 10], 1.0)
    assert np.allclose(shares, [[1.0] + [0.0] * 9, [0.1] * 10])


def test_a_higher_temperature_makes_answers_less_sure() -> None:
    close = logits((4, 9.0), (8, 5.0))
    assert reasons(close, [[3.0]], RULE) == [None]
    warm = Rule(temperature=4.0, threshold=0.9, detector_threshold=-1.0)
    assert reasons(close, [[3.0]], warm) != [None]


def test_the_shipped_rule_is_the_recorded_one() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    rule = shipped_rule()
    assert (rule.temperature, rule.threshold) == (record["temperature"], record["threshold"])
    assert rule.detector_threshold == record["detector_threshold"]
    assert np.allclose(probabilities(SURE).sum(axis=1), 1)


def test_no_image_gets_no_reason() -> None:
    assert reasons(np.empty((0, 10)), np.empty((0, 1))) == []


@pytest.mark.parametrize(
    ("scores", "detector"),
    [
        (np.zeros(10), np.zeros((1, 1))),
        (np.zeros((1, 9)), np.zeros((1, 1))),
        (np.zeros((2, 10)), np.zeros((1, 1))),
        (np.zeros((1, 10)), np.zeros((1, 10))),
    ],
)
def test_arrays_of_another_shape_are_named(scores: Any, detector: Any) -> None:
    with pytest.raises(ValueError, match=r"have shape .*: pass arrays of shape \(n, 10\)"):
        reasons(scores, detector)
