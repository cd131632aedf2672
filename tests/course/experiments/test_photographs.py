"""Simulated photographs: what they look like, how they are counted, and what is committed."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mnist_lab import data
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments.pages import CAMERA, KINDS, PLAIN, photograph
from mnist_lab.course.experiments.photographs import (
    AS_THEY_ARE,
    COLUMNS,
    FILE,
    Shots,
    as_tutorials_do,
    choose,
    judge,
    photograph_all,
)

SAMPLE = data.load_sample()
IMAGE = SAMPLE.x_test[3]


def levels(picture: Any) -> Any:
    if isinstance(picture, bytes):
        return np.asarray(Image.open(io.BytesIO(picture)))
    return picture


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_page_shows_the_digit(kind: str) -> None:
    """Taking the digit away changes the middle of the page, and nothing else but noise."""
    written = levels(photograph(IMAGE, kind, np.random.default_rng(0))).astype(float)
    empty = levels(photograph(np.zeros_like(IMAGE), kind, np.random.default_rng(0))).astype(float)
    side = len(written)
    assert written.shape == (side, side)
    assert side in (CAMERA, 300)
    changed = np.abs(written - empty) > 40
    field = slice(int(0.2 * side), int(0.8 * side))
    assert changed[field, field].mean() > 0.005
    changed[field, field] = False
    assert not changed.any()


def test_the_same_seed_gives_the_same_photograph() -> None:
    first, again, other = (
        photograph(IMAGE, "clean", np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_digit_is_photographed_twice() -> None:
    chosen = choose(SAMPLE, 100)
    assert len(set(chosen)) == 100
    assert np.array_equal(chosen[:20], choose(SAMPLE, 20))


def test_tutorials_shrink_and_invert() -> None:
    page = np.full((450, 450), 255, np.uint8)
    page[:, :225] = 0
    shrunk = as_tutorials_do(page)
    assert shrunk.shape == (28, 28)
    assert shrunk[0, 0] == 255
    assert shrunk[0, -1] == 0


def test_every_digit_is_counted_once() -> None:
    shots = photograph_all(SAMPLE.x_test[:12], SAMPLE.y_test[:12], "clean")
    row = judge(shots)
    assert row["right"] + row["wrong"] + row["unsure"] + row["refused"] == row["digits"] == 12
    assert row["right"] >= 6
    blind = Shots("clean", shots.seen[:4], shots.kept[:4], shots.shrunk, shots.labels)
    assert judge(blind)["refused"] == 8
    nothing = Shots("clean", shots.seen[:0], shots.kept[:0], shots.shrunk, shots.labels)
    assert [judge(nothing)[name] for name in ("right", "wrong", "unsure", "refused")] == [
        0,
        0,
        0,
        12,
    ]


def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_committed_table_is_whole() -> None:
    assert [row["kind"] for row in rows()] == [AS_THEY_ARE, *KINDS]
    for row in rows():
        assert tuple(row) == COLUMNS
        outcomes = [int(row[name]) for name in ("right", "wrong", "unsure", "refused")]
        assert sum(outcomes) == int(row["digits"])
        assert int(row["right"]) <= int(row["read"])
        if row["kind"] in (AS_THEY_ARE, *PLAIN):
            assert row["digits"] == "2000"


def test_plain_pages_cost_hardly_a_digit_and_shrinking_costs_most() -> None:
    """The middle line of a thick stroke loses small loops, so a ballpoint costs more."""
    accuracy = {row["kind"]: int(row["read"]) / int(row["digits"]) for row in rows()}
    for row in rows():
        number = int(row["digits"])
        if row["kind"] in PLAIN:
            most = 0.03 if row["kind"] == "ballpoint" else 0.01
            assert accuracy[row["kind"]] >= accuracy[AS_THEY_ARE] - most
            assert int(row["naive"]) < 0.5 * number
        assert int(row["wrong"]) <= 0.01 * number


@pytest.mark.slow
def test_the_command_writes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    path = tmp_path / "photographs.csv"
    options = ["--digits", "3", "--others", "2", "--output", str(path)]
    result = CliRunner().invoke(app, ["photographs", *options])
    assert result.exit_code == 0, result.output
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["kind"] for row in found] == [AS_THEY_ARE, *KINDS]
    assert {row["digits"] for row in found} == {"3", "2"}
