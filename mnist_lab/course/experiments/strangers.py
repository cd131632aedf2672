"""What the shipped networks say of pictures that are no test digits of MNIST."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mnist_lab.course.experiments.detector import LOOK_LIKE_DIGITS
from mnist_lab.course.experiments.drawings import LETTERS, NUMERALS, scribbles, written
from mnist_lab.course.experiments.shipped import answers
from mnist_lab.data import Digits
from mnist_lab.pictures import PictureError, to_mnist
from mnist_lab.serving.refusal import Rule

__all__ = ["Answered", "measure_strangers"]

Grey = npt.NDArray[np.uint8]

SECOND_HAND = 1  # the first hand served to choose
SEED = 1000  # of the first of the handwritings
HANDWRITINGS = 10
SCRIBBLES = PAIRS = 200


@dataclass(frozen=True)
class Answered:
    """What became of pictures.

    Attributes:
        pictures: how many.
        not_read: ``to_mnist`` refused them, and said why.
        unsure: they were read, and got no answer.
        right: answered with the digit that they show; None where they show no digit.
        mistakes: how often a sign was answered as a digit that it is not, as "Y as 4", most first.
    """

    pictures: int
    not_read: int
    unsure: int
    right: int | None
    mistakes: dict[str, int]


def _answered(pictures: Iterable[tuple[str, Grey]], rule: Rule) -> Answered:
    """Show pictures, each with what it shows, as somebody who draws or photographs them would."""
    seen, signs, number = [], [], 0
    for sign, picture in pictures:
        number += 1
        try:
            seen.append(to_mnist(picture))
        except PictureError:
            continue
        signs.append(sign)
    return _judged(np.asarray(seen), signs, number, rule)


def _judged(seen: Grey, signs: Sequence[str], number: int, rule: Rule) -> Answered:
    """Count what becomes of images that were read, out of a number of pictures."""
    read, reasons = answers(seen, rule)
    answered = [
        (sign, str(digit))
        for sign, digit, reason in zip(signs, read, reasons, strict=True)
        if reason is None
    ]
    right = sum(sign == digit for sign, digit in answered)
    mistakes = Counter(f"{sign} as {digit}" for sign, digit in answered if sign not in ("", digit))
    return Answered(
        number,
        number - len(seen),
        len(seen) - len(answered),
        right if any(sign.isdigit() for sign in signs) else None,
        dict(mistakes.most_common()),
    )


def _by_hand(signs: dict[str, str]) -> Iterator[tuple[str, Grey]]:
    for seed in range(SEED, SEED + HANDWRITINGS):
        yield from written(signs, seed)


def _pairs(digits: Digits) -> Iterator[tuple[str, Grey]]:
    """Yield two test digits side by side on a page; some of them touch."""
    rng = np.random.default_rng(SEED)
    for left, right in rng.choice(len(digits.y_test), (PAIRS, 2), replace=False):
        first, second = (digits.x_test[n][:, digits.x_test[n].any(axis=0)] for n in (left, right))
        gap = int(rng.integers(-1, 7))  # columns; -1 lets the edges of the strokes overlap
        page = np.zeros((44, first.shape[1] + gap + second.shape[1] + 16), np.uint8)
        page[8:36, 8 : 8 + first.shape[1]] = first
        field = page[8:36, page.shape[1] - 8 - second.shape[1] : page.shape[1] - 8]
        np.maximum(field, second, out=field)
        size = (page.shape[1] * 8, page.shape[0] * 8)
        large = Image.fromarray(255 - page).resize(size, Image.Resampling.BICUBIC)
        yield "", np.asarray(large, np.uint8)


def measure_strangers(digits: Digits, sample: Digits, rule: Rule) -> dict[str, Answered]:
    """Show the shipped networks what is no test digit of MNIST, as the service would get it.

    Args:
        digits: MNIST, for pairs of its test digits.
        sample: the bundled sample, digits of other people in another form.
        rule: of refusal.

    Returns:
        What became of each kind of picture, by its name.
    """
    letters = list(_by_hand(LETTERS[SECOND_HAND]))
    alike = [(letter, drawn) for letter, drawn in letters if letter in LOOK_LIKE_DIGITS]
    unlike = [(letter, drawn) for letter, drawn in letters if letter not in LOOK_LIKE_DIGITS]
    scrawl = (("", drawn) for drawn in scribbles(SECOND_HAND, SEED, SCRIBBLES))
    other_pen = np.concatenate([sample.x_train, sample.x_test])
    labels = [str(digit) for digit in np.concatenate([sample.y_train, sample.y_test])]
    return {
        "letters that look like digits": _answered(alike, rule),
        "letters that do not look like digits": _answered(unlike, rule),
        "scribbles": _answered(scrawl, rule),
        "two digits side by side": _answered(_pairs(digits), rule),
        "digits drawn with a round pen": _answered(_by_hand(NUMERALS[SECOND_HAND]), rule),
        "digits of scikit-learn": _judged(other_pen, labels, len(other_pen), rule),
    }
