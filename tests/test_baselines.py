"""The baselines that later lessons carry along are those that lesson 1 prints."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from mnist_lab import baselines, data
from mnist_lab.course.execution.cells import headline

LESSON = Path(__file__).resolve().parents[1] / "notebooks" / "01_eda.ipynb"


def test_sample_is_read_better_and_better() -> None:
    majority, mean, neighbours = baselines.baseline_accuracies(data.load_sample()).values()
    assert 0.08 < majority < 0.15 < mean < neighbours < 1


def test_lesson_prints_the_same() -> None:
    digits = data.load_mnist()
    if not digits.is_mnist:
        pytest.skip("MNIST is not at hand")
    printed = headline(nbformat.read(LESSON, as_version=4))
    for name, accuracy in baselines.baseline_accuracies(digits).items():
        assert f"{name} {accuracy:.2%}" in printed
