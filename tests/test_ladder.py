"""The ladder as lessons read it: which trainings count, and how a step is judged."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from mnist_lab import data, ladder


def rows(recipe: str, errors: list[int], **other: Any) -> list[dict[str, Any]]:
    rung = ladder.RUNGS[recipe]
    row = {
        "recipe": recipe,
        "split": "test",
        "reading": "one view",
        "epochs": rung.epochs,
        "misread": "1 2",
        "processor_seconds": 10.0,
    }
    return [row | {"seed": seed, "errors": count} | other for seed, count in enumerate(errors)]


FRAME = pd.DataFrame(
    [
        *rows("schedule", [100, 104]),
        *rows("cnn", [250, 260, 270]),
        *rows("batchnorm", [200, 210, 220], processor_seconds=20.0),
        *rows("batchnorm", [900], seed=0),  # the same seed again
        *rows("batchnorm", [100, 100, 100], split="validation"),
        *rows("batchnorm", [100, 100, 100], reading="nine views"),
        *rows("batchnorm", [100, 100, 100], epochs=7),
        *rows("renewed", [30]),
    ]
)


def test_climb_sums_up_each_rung_in_order() -> None:
    found = ladder.climb(FRAME, "test")
    assert found["change"].tolist() == [
        ladder.RUNGS[name].change for name in ("cnn", "batchnorm", "schedule")
    ]
    assert found.index.tolist() == [1, 2, 3]
    assert found["seeds"].tolist() == [3, 3, 2]
    assert found["errors"].tolist() == [260, 210, 102]
    assert found["sd"].tolist() == pytest.approx([10, 10, 8**0.5])
    assert found["seconds"].tolist() == [10, 20, 10]


def test_climb_judges_a_step_by_its_standard_error() -> None:
    found = ladder.climb(FRAME, "test")
    assert found["fewer"].tolist()[1:] == [50, 108]
    assert found["standard errors"].isna().tolist() == [True, False, False]
    expected = 50 / (100 / 3 + 100 / 3) ** 0.5
    assert found["standard errors"].tolist()[1] == pytest.approx(expected)


def test_trainings_without_errors_have_an_empty_list() -> None:
    """pandas reads an empty cell as nan, which no lesson can split."""
    frame = FRAME.assign(misread=FRAME["misread"].where(FRAME["seed"] > 0))
    assert set(ladder.trainings(frame, "test")["misread"]) == {"", "1 2"}


def test_published_errors_are_those_of_the_pages() -> None:
    found = ladder.published()
    assert found["errors"].to_dict() == {
        "mnist_digit_detection": 263,
        "mnist-digit-classification": 290,
        "202401100300136_digitdetection": 160,
        "Digit_Recognition_Keras": 360,
        "Digit-Recognizer": 134,
    }
    assert found["seconds"].between(5, 1000).all()


def test_each_rung_changes_one_thing() -> None:
    """Up to the rungs that a lesson can train; each is another network or another setting."""
    names = ["convolutions", "schedule", "augmentation", "four_epochs"]
    for lower, upper in pairwise(names):
        one, other = ladder.RUNGS[lower], ladder.RUNGS[upper]
        changed = {
            field
            for field in vars(one)
            if field not in ("name", "change") and getattr(one, field) != getattr(other, field)
        }
        assert len(changed) == 1, (lower, upper, changed)


def test_labels_in_doubt_are_those_that_most_people_do_not_give() -> None:
    for label, _, other in ladder.DOUBTFUL_LABELS.values():
        assert label < 3
        assert label + other <= 5


def test_labels_in_doubt_are_numbered_as_the_test_images_are() -> None:
    digits = data.load_mnist()
    if not digits.is_mnist:
        pytest.skip("the labels in doubt are those of MNIST")
    labels = digits.y_test[list(ladder.DOUBTFUL_LABELS)]
    assert labels.tolist() == [8, 0, 9, 4, 2, 5, 6, 6, 5, 5, 0, 1, 4, 6, 5]
    for label, (_, other, _) in zip(labels, ladder.DOUBTFUL_LABELS.values(), strict=True):
        assert label != other
