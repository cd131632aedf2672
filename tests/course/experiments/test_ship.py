"""What is shipped: limits are chosen as promised and hold on fresh drawings; the card is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_lab import environment, models
from mnist_lab.course import CourseError
from mnist_lab.course.experiments import card as cards
from mnist_lab.course.experiments.choose import (
    REFUSED,
    WRONG,
    choose_rule,
    outcome,
)
from mnist_lab.course.experiments.detector import LOOK_LIKE_DIGITS, brought_to_form
from mnist_lab.course.experiments.drawings import LETTERS, NUMERALS, scribbles, written
from mnist_lab.course.experiments.ship import ship
from mnist_lab.course.experiments.shipped import answers
from mnist_lab.serving.refusal import RECORD

Record = dict[str, Any]


@pytest.fixture(scope="module")
def record() -> Record:
    found: Record = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def judged(images: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Logits, outputs of a detector and labels, as of a network with 1 % errors that knows them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, images)
    scores = rng.normal(0, 1, (images, 10))
    scores[np.arange(images), labels] += 12
    unclear = rng.random(images) < 0.02
    scores[unclear] = rng.normal(0, 1, (unclear.sum(), 10))
    return scores, rng.normal(4, 2, (images, 1)), labels


def test_limits_keep_both_promises_and_use_what_they_may() -> None:
    scores, detector, labels = judged(5000)
    rule = choose_rule(scores, detector, labels)
    found = outcome(scores, detector, labels, rule)
    assert found.wrong <= WRONG * (found.images - found.refused)
    assert found.refused == int(REFUSED * 5000)
    assert (detector < rule.detector_threshold).any()


def test_a_network_that_errs_too_often_gets_no_limits() -> None:
    scores, detector, labels = judged(5000)
    wrong = np.arange(5000) % 20 == 0
    labels[wrong] = (labels[wrong] + 1) % 10
    with pytest.raises(ValueError, match="train a better network"):
        choose_rule(scores, detector, labels)


def share_refused(pictures: Any) -> float:
    images, refused = brought_to_form(pictures)
    _, reasons = answers(images)
    unsure = sum(reason is not None for reason in reasons)
    return (refused + unsure) / (refused + len(images))


def recorded(record: Record, name: str) -> float:
    found = record["strangers"][name]
    return float((found["not_read"] + found["unsure"]) / found["pictures"])


def test_fresh_letters_and_scribbles_are_refused_as_recorded(record: Record) -> None:
    hands = [sign for seed in (3000, 3001, 3002) for sign in written(LETTERS[1], seed)]
    unlike = share_refused(p for letter, p in hands if letter not in LOOK_LIKE_DIGITS)
    assert unlike >= recorded(record, "letters that do not look like digits") - 0.12
    assert share_refused(scribbles(1, 3000, 60)) >= recorded(record, "scribbles") - 0.15


def test_fresh_drawn_digits_are_answered() -> None:
    hands = [picture for seed in (3000, 3001, 3002) for _, picture in written(NUMERALS[0], seed)]
    assert share_refused(hands) <= 0.1


def test_promises_hold_on_the_images_that_chose_and_on_the_test_images(record: Record) -> None:
    for found in (record["validation"], record["test"]):
        assert found["refused"] < 0.02 * found["images"]
        assert found["wrong"] <= 0.001 * (found["images"] - found["refused"])


def test_the_card_is_made_from_the_record(record: Record) -> None:
    assert cards.CARD.read_text(encoding="utf-8") == cards.card(record)


def test_a_changed_record_changes_the_card(record: Record, tmp_path: Path) -> None:
    other = json.loads(json.dumps(record))
    other["test"]["errors"] += 7
    assert cards.card(other) != cards.card(record)
    assert "No photographs were measured" in cards.card(record, tmp_path / "none.csv")
    other["validation"]["errors_of_the_rung"] = []  # nobody has measured networks like the twin
    assert "the twin's rung" in " ".join(cards.card(record).split())
    assert "the twin's rung" not in " ".join(cards.card(other).split())


@pytest.mark.parametrize("rung", ["renewed", "wide"])
def test_a_twin_that_saw_the_images_that_choose_is_refused(rung: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="train them with --validation and --keep"):
        ship(models.BEST, rung, tmp_path)  # trained on all training images
    with pytest.raises(CourseError, match=r"nothing\.json does not say"):
        ship(tmp_path / "nothing.weights.h5", rung, tmp_path)


CONVERT = """
import hashlib
from mnist_lab import data
from mnist_lab.course.experiments.export import convert, examples, network
from mnist_lab.course.experiments.ship import FORM
file = convert(network(None, None), FORM, examples(data.load_sample()))
print(hashlib.sha256(file).hexdigest())
"""


@pytest.mark.slow
def test_the_command_makes_the_shipped_file_again(record: Record) -> None:
    made_with = {name: record["made_with"][name] for name in ("tensorflow", "keras")}
    if {name: environment.versions().get(name) for name in made_with} != made_with:
        pytest.skip("the shipped file was made with other versions of TensorFlow and Keras")
    done = subprocess.run(
        [sys.executable, "-c", CONVERT], check=True, capture_output=True, text=True
    )
    assert done.stdout.split()[-1] == record["sha256"]
