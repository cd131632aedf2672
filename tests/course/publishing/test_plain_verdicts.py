"""What the README says of a project agrees with the verdicts, in sentences that can be read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from mnist_lab import reproduction
from mnist_lab.course.lint.language import long_sentences
from mnist_lab.course.publishing.plain_verdicts import project_verdicts
from mnist_lab.recipes import RECIPES, TEST_LOSS
from mnist_lab.reproduction import Comparison, Form, pixels_of, readings_of

Values = npt.NDArray[np.float64]
SCALED = "only if the pixels are divided by 255"
RAW = "only if the pixels are *not* divided by 255"


def around(mean: float, sd: float = 0.001, n: int = 10) -> Values:
    """Values with this mean and this standard deviation; ten reach 1.49 sd to either side."""
    values = np.linspace(-1, 1, n)
    return mean + sd * values / values.std(ddof=1)


def compared(name: str, *values: Values, claim: int = 0) -> Comparison:
    """A figure of a recipe among made-up results, one array a form: raw pixels come first."""
    recipe = RECIPES[name]
    metric = recipe.claims[claim].metric
    forms = [(p, r) for p in pixels_of(recipe) for r in readings_of(recipe, metric)]
    made = (Form(recipe.claims[claim], *form, v) for form, v in zip(forms, values, strict=True))
    return Comparison(recipe, recipe.claims[claim], tuple(made))


def said(*comparisons: Comparison) -> str:
    (verdict,) = project_verdicts(comparisons)
    return verdict.said


LESS, FITS, MORE = around(0.90), around(0.984), around(0.999, 0.0001)
LUCK = around(0.9815)  # its largest value is 0.98299, and its range goes to 0.98387
WIDE = around(0.95, 0.05)  # its range passes 1


@pytest.mark.parametrize(
    ("raw", "scaled", "sentence"),
    [
        (FITS, FITS, "The figure holds, whether the pixels are divided by 255 or not."),
        (FITS, LESS, f"The figure holds {RAW}. The page does not say whether they are."),
        (LESS, FITS, f"The figure holds {SCALED}. The page does not say whether they are."),
        (LESS, LUCK, "Even then it takes luck: no seed reaches it, but one more might."),
        (LESS, WIDE, "But the seeds scatter too widely to exclude much."),
        (LESS, LESS, "The figure does not hold: every seed gives less."),
        (MORE, MORE, "The figure does not hold: every seed gives more."),
        (LESS, MORE, "The figure does not hold: the seeds miss it in every form that was tried."),
        (FITS[:1], LESS, "The figure is still open, for fewer than two seeds were trained."),
    ],
)
def test_where_the_page_does_not_say(raw: Values, scaled: Values, sentence: str) -> None:
    assert said(compared("wide_dropout_ann", raw, scaled)).endswith(sentence)


def test_where_the_page_prints_raw_pixels() -> None:
    fits = around(0.9866)
    assert said(compared("cnn", fits, MORE)) == "The figure holds."
    only = f"The figure holds {SCALED}, which the page does not do."
    assert said(compared("cnn", LESS, fits)) == only


def test_figures_of_which_the_seeds_say_the_same_share_a_sentence() -> None:
    accuracy, loss = around(0.9866), around(0.0572)
    alike = said(compared("cnn", LESS, accuracy), compared("cnn", MORE, loss, claim=1))
    assert alike == f"Both figures hold {SCALED}, which the page does not do."
    other = said(compared("cnn", LESS, accuracy), compared("cnn", MORE, MORE, claim=1))
    assert other.startswith(f"The test accuracy holds {SCALED}, which the page does not do. ")
    assert other.endswith("The test loss does not hold: every seed gives more.")


def test_two_recipes_with_one_claim_are_told_apart_only_if_they_differ() -> None:
    fits, scaled = around(0.98), around(0.999, 0.0001)
    alike = [compared(name, fits, scaled) for name in ("dnn_csv", "dnn_csv_batch_64")]
    assert said(*alike).startswith("The figure holds only")
    other = said(alike[0], compared("dnn_csv_batch_64", LESS, scaled))
    assert "The training accuracy at batch size 32 holds only" in other
    assert "The training accuracy at batch size 64 does not hold" in other


def test_accuracy_and_matrix_that_no_training_gives_together() -> None:
    wide = around(0.95, 0.03)
    accuracy = compared("deep_dropout_ann", wide, MORE)
    near = compared("deep_dropout_ann", wide + 0.001, MORE, claim=1)
    assert "But no single training gives both" in said(accuracy, near)
    far = compared("deep_dropout_ann", wide - 0.0411 * (np.arange(10) == 4), MORE, claim=1)
    assert "no single training" not in said(accuracy, far)


def test_words_agree_with_the_verdicts_of_the_committed_measurements() -> None:
    comparisons = reproduction.compare(reproduction.reproduction())
    projects = project_verdicts(comparisons)
    assert [row.project for row in projects] == [
        *dict.fromkeys(r.repository for r in RECIPES.values())
    ]
    assert [text for row in projects for text in long_sentences(row.said)] == []
    for comparison in comparisons:
        assert {len(form.values) + form.diverged for form in comparison.forms} == {10}  # README
        words = said(comparison)
        assert ("not hold" in words) == comparison.verdict.startswith("does not hold")
        assert ("luck" in words) == ("luck" in comparison.verdict)
        assert ("widely" in words) == ("widely" in comparison.verdict)
        assert (SCALED in words) == comparison.verdict.startswith("fits scaled pixels only")
        assert (RAW in words) == comparison.verdict.startswith("fits raw pixels only")
    published = next(row.published for row in projects if "test loss" in row.published)
    assert str(RECIPES["deep_dropout_ann"].claim(TEST_LOSS)) in published
