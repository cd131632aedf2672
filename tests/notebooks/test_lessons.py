"""The committed lessons: their anatomy, code, stored outputs, prose, stamps and badges."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import good_lesson
import numpy as np
import pytest

from mnist_lab.course.lint import structure
from mnist_lab.course.publishing import badges
from mnist_lab.recipes import PUBLISHED_MATRIX, RECIPES

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CORE = ["01_eda", "02_fnn", "03_deep_dropout_ann", "04_cnn", "05_comparison"]


def reported() -> set[float]:
    """What the authors of the source projects reported: a lesson may state it unprinted."""
    claims = {claim.value for recipe in RECIPES.values() for claim in recipe.claims}
    images = {round(claim * 10_000) for claim in claims if claim > 0.5}  # 9,737 of 10,000
    right = int(np.trace(PUBLISHED_MATRIX))
    names = re.findall(r"\d{3,}", " ".join(recipe.repository for recipe in RECIPES.values()))
    return claims | images | {right, right / 10_000} | set(map(int, names))


def test_core_lessons_are_there() -> None:
    assert [path.stem for path in PATHS][: len(CORE)] == CORE


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("error")  # nbformat repairs a notebook while it reads it, and warns
def test_lesson_has_no_problem(path: Path) -> None:
    found = structure.problems(path.stem, good_lesson.read(path), allowed=reported())
    assert not found, "\n".join(found)


def test_number_in_the_title_is_that_of_the_file() -> None:
    titles = {path.name[:2]: good_lesson.read(path).cells[0].source for path in PATHS}
    assert all(title.startswith(f"# {int(number)} · ") for number, title in titles.items())


def test_stamps_agree() -> None:
    found = structure.stamp_problems({path.stem: good_lesson.read(path) for path in PATHS})
    assert not found, "\n".join(found)


def test_badges_agree() -> None:
    found = badges.disagreements(ROOT)
    assert not found, "\n".join(found)


def test_code_is_clean() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, PATHS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
