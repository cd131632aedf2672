"""Fast training gives the weights of plain ``fit`` to the last bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_lab.recipes import RECIPES

TESTS = Path(__file__).resolve().parent


def digests(threads: int, *names: str) -> dict[str, list[str]]:
    """Return by way and recipe the digests on raw and on scaled pixels."""
    result = subprocess.run(
        [sys.executable, str(TESTS / "train_digests.py"), str(threads), *names],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[str]] = json.loads(result.stdout)
    return found


@pytest.mark.slow
def test_fast_training_is_plain_training_to_the_last_bit() -> None:
    """Weights, history, evaluate and predict; for dense networks also whatever the threads."""
    small = [name for name in RECIPES if name != "cnn"]  # convolutions add otherwise on two threads
    found = digests(1, "plain:cnn", "lessons:cnn", *(f"ours:{name}" for name in RECIPES))
    found |= digests(2, *(f"{way}:{name}" for way in ("plain", "lessons") for name in small))
    plain = {name: found[f"plain:{name}"] for name in RECIPES}
    for way in ("lessons", "ours"):
        assert {name: found[f"{way}:{name}"] for name in RECIPES} == plain
    assert len(set(map(tuple, plain.values()))) >= 5  # the digests can tell networks apart,
    assert all(raw != scaled for raw, scaled in plain.values())  # and pixels


@pytest.mark.slow
def test_batches_are_counted_and_not_tuned() -> None:
    """Tuned ones give the same bits, but fit may wait for the thread that tunes."""
    from mnist_lab.course.experiments.fast_training import batches

    dataset = batches(np.zeros((7, 2)), np.arange(7), batch_size=3)
    assert dataset.options().autotune.enabled is False
    assert dataset.cardinality() == len(list(dataset)) == 3
    assert sorted(label for _, labels in dataset for label in labels.numpy()) == list(range(7))
