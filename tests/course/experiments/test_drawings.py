"""Letters, digits and scribbles that are drawn: complete, repeatable, and different by hand."""

from __future__ import annotations

import re
import string

import numpy as np
import pytest

from mnist_lab.course.experiments.drawings import LETTERS, NUMERALS, scribbles, written

SIGNS = {"letters": (LETTERS, string.ascii_uppercase), "digits": (NUMERALS, string.digits)}


@pytest.mark.parametrize("name", SIGNS)
def test_both_hands_write_every_sign_in_their_own_way(name: str) -> None:
    hands, wanted = SIGNS[name]
    first, second = hands
    assert "".join(first) == "".join(second) == wanted
    for sign in wanted:
        for strokes in (first[sign], second[sign]):
            for stroke in strokes.split(";"):
                assert re.fullmatch(r"~?[0-8][0-9]( [0-8][0-9])+", stroke)
        assert first[sign] != second[sign]


def test_a_drawing_is_ink_on_a_page_with_paper_on_all_sides() -> None:
    for _, picture in written(LETTERS[1], 5):
        assert (picture.shape, str(picture.dtype)) == ((360, 360), "uint8")
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edge == 255).all()
        assert 0.01 < (picture < 128).mean() < 0.5


def test_a_seed_is_a_handwriting() -> None:
    first, again, other = (dict(written(NUMERALS[0], seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[digit], again[digit]) for digit in first)
    assert not any(np.array_equal(first[digit], other[digit]) for digit in first)


@pytest.mark.parametrize("hand", [0, 1])
def test_scribbles_differ_from_each_other(hand: int) -> None:
    drawn = list(scribbles(hand, 0, 6))
    assert len({picture.tobytes() for picture in drawn}) == 6
    assert np.array_equal(drawn[0], next(scribbles(hand, 0, 1)))
