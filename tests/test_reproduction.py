"""Which claims hold: the rules on made-up measurements, which measuring again cannot change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from mnist_lab import recipes, reproduction
from mnist_lab.recipes import (
    MATRIX_ACCURACY,
    PUBLISHED_MATRIX,
    RECIPES,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAINING_ACCURACY,
    Claim,
)

Values = npt.NDArray[np.float64]
NO_NUMBER = float("nan")


def around(mean: float, sd: float, n: int = 10) -> Values:
    """Values with this mean and this standard deviation; ten reach 1.49 sd to either side."""
    values = np.linspace(-1, 1, n)
    return mean + sd * values / values.std(ddof=1)


def trainings(name: str, pixels: str = "scaled", **columns: Any) -> pd.DataFrame:
    """Measurements of one recipe, a row for each seed and reading, as reproduce writes them."""
    recipe = RECIPES[name]
    readings = ["evaluate", "outputs", "logits"] if recipe.output == "sigmoid" else ["outputs"]
    figures = {
        "epochs": recipe.epochs,
        "train_accuracy": 0.99,
        "train_loss": 0.04,
        "validation_accuracy": 0.97 if recipe.holdout else NO_NUMBER,
        "test_accuracy": 0.98,
        "test_loss": 0.08,
        "confusion": " ".join(map(str, PUBLISHED_MATRIX.ravel())),
    }
    figures |= columns
    seeds = next((len(c) for c in columns.values() if isinstance(c, np.ndarray)), 10)
    rows = {"recipe": name, "pixels": pixels, "seed": np.arange(seeds)}
    return pd.concat([pd.DataFrame(rows | {"reading": r} | figures) for r in readings])


def both(name: str, raw: Values, scaled: Values, column: str = "test_accuracy") -> pd.DataFrame:
    return pd.concat(
        [trainings(name, "raw", **{column: raw}), trainings(name, "scaled", **{column: scaled})]
    )


def found(frame: pd.DataFrame, metric: recipes.Metric = TEST_ACCURACY) -> reproduction.Comparison:
    """The comparison of a metric, in measurements of one recipe."""
    (comparison,) = (c for c in reproduction.compare(frame) if c.claim.metric == metric)
    return comparison


# ---------------------------------------------------------------------------- verdicts

LESS, FITS, MORE = around(0.90, 0.001), around(0.971, 0.001), around(0.999, 0.0001)
LUCK = around(0.9685, 0.001)  # its largest value is 0.96999, and its range goes to 0.97087
WIDE = around(0.95, 0.05)  # its range passes 1


@pytest.mark.parametrize(
    ("raw", "scaled", "verdict"),
    [
        (FITS, MORE, "holds"),
        (FITS, FITS, "holds"),
        (LUCK, MORE, "holds, with luck"),
        (WIDE, MORE, "possible: seeds scatter widely"),
        (LESS, FITS, "fits scaled pixels only; the page prints raw ones"),
        (LESS, LUCK, "fits scaled pixels only, with luck; the page prints raw ones"),
        (
            LESS,
            WIDE,
            "fits scaled pixels only, where seeds scatter widely; the page prints raw ones",
        ),
        (LESS, LESS, "does not hold: every seed gives less"),
        (MORE, MORE, "does not hold: every seed gives more"),
        (LESS, MORE, "does not hold: no form fits"),
        (FITS[:1], MORE, "open: fewer than two seeds"),
        (FITS, MORE[:0], "open: fewer than two seeds"),
    ],
)
def test_verdict_where_the_page_prints_raw_pixels(
    raw: Values, scaled: Values, verdict: str
) -> None:
    assert RECIPES["fnn_sigmoid"].page_scales is False
    assert found(both("fnn_sigmoid", raw, scaled)).verdict == verdict


@pytest.mark.parametrize(
    ("raw", "scaled", "verdict"),
    [
        (0.013 + FITS, 0.013 + FITS, "holds on raw and on scaled pixels"),
        (0.013 + LUCK, 0.013 + LUCK, "holds on raw and on scaled pixels, with luck"),
        (0.013 + LUCK, 0.013 + FITS, "holds on raw and on scaled pixels"),
        (0.013 + FITS, MORE, "fits raw pixels only; the page does not say"),
        (LESS, 0.013 + LUCK, "fits scaled pixels only, with luck; the page does not say"),
        (LESS, LESS, "does not hold: every seed gives less"),
    ],
)
def test_verdict_where_the_page_does_not_say(raw: Values, scaled: Values, verdict: str) -> None:
    assert RECIPES["wide_dropout_ann"].page_scales is None
    assert found(both("wide_dropout_ann", raw, scaled)).verdict == verdict


@pytest.mark.parametrize(
    ("evaluated", "logits", "verdict"),
    [
        (around(0.9737, 0.001), MORE, "holds"),
        (around(0.95, 0.03), MORE, "possible: seeds scatter widely"),
        (LESS, around(0.9737, 0.001), "does not hold: it fits the logits only"),
        (LESS, MORE, "does not hold: no form fits"),
        (LESS, LESS, "does not hold: every seed gives less"),
    ],
)
def test_verdict_where_the_page_scales(evaluated: Values, logits: Values, verdict: str) -> None:
    assert RECIPES["deep_dropout_ann"].page_scales is True
    frame = trainings("deep_dropout_ann")
    frame.loc[frame.reading == "evaluate", "test_accuracy"] = evaluated
    frame.loc[frame.reading == "logits", "test_accuracy"] = logits
    comparison = found(frame)
    assert {form.pixels for form in comparison.forms} == {"scaled"}
    assert comparison.verdict == verdict


def test_each_figure_is_read_as_its_author_read_it() -> None:
    """The accuracy beside a loss is that of evaluate; a matrix comes from argmax of the outputs."""
    frame = trainings("deep_dropout_ann")
    for reading, value in (("evaluate", 0.91), ("outputs", 0.92), ("logits", 0.93)):
        frame.loc[frame.reading == reading, "test_accuracy"] = value
    means = {
        metric.name: [form.values.mean().round(6) for form in found(frame, metric).forms]
        for metric in (TEST_ACCURACY, MATRIX_ACCURACY, TEST_LOSS)
    }
    assert means == {
        "test accuracy": [0.91, 0.93],
        "accuracy of the matrix": [0.92, 0.93],
        "test loss": [0.08],
    }


def test_figure_that_rounds_to_the_printed_one_holds() -> None:
    """All ten seeds lie below "98 %", and all ten round to it; "98.0 %" would be another claim."""
    values = around(0.9765, 0.0001)

    def form(decimals: int) -> reproduction.Form:
        claim = Claim(TRAINING_ACCURACY, 0.98, decimals)
        return reproduction.Form(claim, "raw", "outputs", values)

    assert (form(2).below, form(2).is_reached, form(2).holds) == (10, True, True)
    assert (form(3).below, form(3).is_reached, form(3).holds) == (10, False, False)


def test_zeros_at_the_end_of_a_claim_count() -> None:
    """The printed 99.60 % has four decimals, which 0.996 does not show; 99.57 % is not it."""
    claim = Claim(TEST_ACCURACY, 0.996, 4)
    form = reproduction.Form(claim, "raw", "outputs", np.array([0.9957, 0.9957]))
    assert (claim.text, form.holds) == ("99.60", False)
    assert reproduction.Form(claim, "raw", "outputs", np.array([0.99596, 0.99597])).holds


def test_the_same_figure_in_single_precision_is_not_below() -> None:
    values = np.array([0.9737, 0.98], np.float32).astype(float)
    assert values[0] < 0.9737
    claim = Claim(TEST_ACCURACY, 0.9737, 4)
    assert reproduction.Form(claim, "scaled", "evaluate", values).below == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, size: rng.normal(0.97, 0.002, size),
        lambda rng, size: np.minimum(rng.normal(0.955, 0.02, size), 1),
        lambda rng, size: 1 - 0.03 * rng.lognormal(0, 0.5, size),
    ],
    ids=["normal", "normal, near 1", "skewed, near 1"],
)
def test_true_claims_are_rarely_rejected(draw: Any) -> None:
    """The whole procedure: an author prints one run to four decimals, ten seeds judge it."""
    rng = np.random.default_rng(0)
    held = [
        reproduction.Form(Claim(TEST_ACCURACY, round(author, 4), 4), "raw", "outputs", values).holds
        for values, author in zip(draw(rng, (4000, 10)), draw(rng, 4000), strict=True)
    ]
    assert abs(np.mean(held) - 0.95) < 0.018  # 4,000 simulations: five times 0.35 points


# ---------------------------------------------------------------------------- files as they come


def test_diverged_trainings_are_counted_and_left_out() -> None:
    """Their loss is no number, and their accuracy that of always answering 0."""
    clean = trainings("fnn_sigmoid", "raw", test_accuracy=FITS)
    broken = pd.concat([clean, trainings("fnn_sigmoid", test_accuracy=MORE)])
    lost = (broken.pixels == "raw") & (broken.seed == 0)
    broken.loc[lost, "train_loss"] = NO_NUMBER
    broken.loc[lost, "test_loss"] = float("inf")
    broken.loc[lost, "test_accuracy"] = 0.098
    comparison = found(broken)
    form = comparison.forms[0]
    assert form.values.tolist() == FITS[1:].tolist()
    assert (form.diverged, comparison.verdict) == (1, "holds")
    table = reproduction.all_forms([comparison])
    raw, _, scaled, _ = table.to_dict("records")
    assert raw["seeds below"] == "4 of 9, 1 diverged"
    assert scaled["seeds below"] == "0 of 10"


def test_recipe_that_only_diverges_stays_open() -> None:
    frame = trainings("deep_dropout_ann", test_loss=np.full(10, NO_NUMBER))
    comparisons = reproduction.compare(frame)
    table = reproduction.verdicts(comparisons)
    assert set(table.verdict) == {"open: fewer than two seeds"}
    assert set(table["one more run, raw pixels"]) == {"not measured"}  # the page scales them
    assert set(table["one more run, scaled pixels"]) == {"0 of at least 2 seeds"}
    (row, *_) = reproduction.all_forms(comparisons).to_dict("records")
    assert row["seeds below"] == "0 of 0, 10 diverged"
    assert (row["mean"], row["holds"]) == ("", "open")
    with pytest.raises(ValueError, match=r"at least two seeds .* here is 0: measure some"):
        reproduction.matrix_entries(frame)


def test_trainings_of_another_length_are_not_pooled() -> None:
    proper = both("fnn_sigmoid", FITS, MORE)
    short = both("fnn_sigmoid", LESS, LESS).assign(epochs=3)
    alone = reproduction.verdicts(reproduction.compare(proper))
    pd.testing.assert_frame_equal(
        reproduction.verdicts(reproduction.compare(pd.concat([short, proper]))), alone
    )
    with pytest.raises(ValueError, match=r"as long as its author's: measure some"):
        reproduction.compare(short)


def test_seed_that_is_there_twice_counts_once() -> None:
    frame = both("fnn_sigmoid", FITS, MORE)
    twice = pd.concat([frame, frame])
    assert [len(form.values) for form in found(twice).forms] == [10] * 4
    deep = trainings("deep_dropout_ann")
    assert len(reproduction.matrix_entries(pd.concat([deep, deep]))[1]) == 10


def test_some_recipes_are_judged_without_the_others() -> None:
    table = reproduction.verdicts(reproduction.compare(trainings("dnn_csv", "raw")))
    assert set(table.recipe) == {"dnn_csv"}
    assert set(table["one more run, scaled pixels"]) == {"0 of at least 2 seeds"}
    with pytest.raises(ValueError, match=r"deep_dropout_ann are needed.* measure some"):
        reproduction.matrix_entries(trainings("dnn_csv"))
    with pytest.raises(ValueError, match="No training here belongs to a recipe with published"):
        reproduction.compare(trainings("fnn_softmax"))


# ---------------------------------------------------------------------------- tables


def test_table_shows_what_was_measured() -> None:
    raw, scaled = around(0.80, 0.01), around(0.9710, 0.0015)
    comparison = found(both("fnn_sigmoid", raw, scaled))
    further = 0.15 * 2.262157 * np.sqrt(1 + 1 / 10)  # Student's t of nine degrees, 97.5 %
    one_more_run = f"{97.1 - further:.2f} to {97.1 + further:.2f}"
    (row,) = reproduction.verdicts([comparison]).to_dict("records")
    assert row == {
        "recipe": "fnn_sigmoid",
        "figure": "test accuracy",
        "published": "97.1 %",
        "one more run, raw pixels": "77.63 to 82.37 %",
        "one more run, scaled pixels": f"{one_more_run} %",
        "verdict": "fits scaled pixels only; the page prints raw ones",
    }
    forms = reproduction.all_forms([comparison])
    assert forms[["pixels", "read from"]].to_numpy().tolist() == [
        ["raw", "evaluate"],
        ["raw", "logits"],
        ["scaled", "evaluate"],
        ["scaled", "logits"],
    ]
    assert forms.loc[2].to_dict() == {
        "recipe": "fnn_sigmoid",
        "figure": "test accuracy",
        "published": "97.1",
        "pixels": "scaled",
        "read from": "evaluate",
        "mean": "97.10",
        "standard deviation": "0.15",
        "one more run": one_more_run,
        "seeds below": "5 of 10",
        "holds": "yes",
    }


@pytest.mark.parametrize(
    ("values", "word"),
    [(LESS, "no"), (LUCK, "with luck"), (FITS, "yes"), (WIDE, "possible")],
)
def test_table_says_in_which_form_a_figure_holds(values: Values, word: str) -> None:
    forms = reproduction.all_forms([found(both("fnn_sigmoid", values, MORE))])
    assert forms.holds.tolist() == [word, word, "no", "no"]


def test_losses_are_no_per_cent_and_may_pass_1() -> None:
    frame = both("cnn", around(1.5, 0.1), around(0.0572, 0.001), "test_loss")
    comparison = found(frame, TEST_LOSS)
    (row,) = reproduction.verdicts([comparison]).to_dict("records")
    assert row["published"] == "0.057234"
    assert row["one more run, raw pixels"] == "1.2627 to 1.7373"
    assert row["verdict"] == "fits scaled pixels only; the page prints raw ones"
    raw, _ = reproduction.all_forms([comparison]).to_dict("records")
    assert (raw["mean"], raw["standard deviation"]) == ("1.5000", "0.1000")


def test_matrix_is_compared_entry_by_entry() -> None:
    counts = np.array([PUBLISHED_MATRIX, PUBLISHED_MATRIX, PUBLISHED_MATRIX])
    counts[:, 6, 5] = 190, 7, 529  # 424 lies among them
    counts[:, 1, 1] = 1, 2, 3  # 1,123 does not
    matrices = [" ".join(map(str, matrix.ravel())) for matrix in counts]
    frame = trainings("deep_dropout_ann")
    frame = frame[frame.seed < 3].assign(confusion=np.array(matrices * 3, dtype=object))
    frame.loc[frame.reading == "evaluate", "confusion"] = None
    entries, usual = reproduction.matrix_entries(frame)
    assert entries.published.to_list() == PUBLISHED_MATRIX.ravel().tolist()
    sixes = entries[(entries.true == 6) & (entries.predicted == 5)].iloc[0]
    assert sixes[["published", "mean", "lowest", "highest"]].tolist() == [424, 242.0, 7, 529]
    assert entries[~entries.inside][["true", "predicted"]].to_numpy().tolist() == [[1, 1]]
    # Of two entries that move, only the middle value of each lies between those of the others.
    assert usual == [99, 99, 98]


def test_the_measurements_of_the_course_judge_every_claim() -> None:
    """No words are pinned here: they may change whenever the course measures again."""
    comparisons = reproduction.compare(reproduction.reproduction())
    judged = [(c.recipe.name, c.claim) for c in comparisons]
    assert judged == [(r.name, claim) for r in RECIPES.values() for claim in r.claims]
    assert not [c.recipe.name for c in comparisons if c.verdict.startswith("open")]
    assert {len(form.values) + form.diverged for c in comparisons for form in c.forms} == {10}
