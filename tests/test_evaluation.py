"""The statistics: against hand-made cases, known values and their own definitions."""

import math

import numpy as np
import pytest

from mnist_lab import evaluation


def test_confusion_matrix_counts_true_rows_and_predicted_columns():
    matrix = evaluation.confusion_matrix([6, 6, 5], [5, 6, 5])
    assert matrix.shape == (10, 10)
    assert (matrix[6, 5], matrix[6, 6], matrix[5, 5], matrix.sum()) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1, 2], [1], r"y_true 2, y_pred 1.*judge the same images"),
        ([1], [[0.1, 0.9]], r"y_pred has shape \(1, 2\).*argmax"),
        ([1.0], [1], r"y_true has shape \(1,\) and dtype float64"),
    ],
)
def test_labels_of_the_wrong_form_are_refused(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        evaluation.confusion_matrix(true, predicted)


def test_most_confused_leaves_out_the_diagonal_and_the_input_alone():
    matrix = np.diag([9, 9, 9])
    matrix[0, 2], matrix[2, 1] = 3, 7
    assert evaluation.most_confused(matrix, 2) == [(2, 1, 7), (0, 2, 3)]
    assert matrix[0, 0] == 9


def test_surest_errors_come_in_order_of_confidence():
    outputs = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])
    assert evaluation.surest_errors([0, 0, 0, 0], outputs).tolist() == [1, 3, 2]
    assert evaluation.surest_errors([0, 0, 0, 0], outputs, 1).tolist() == [1]
    assert evaluation.surest_errors([0, 1, 1, 1], outputs).tolist() == []


def test_ties_are_shared_maxima_only():
    outputs = np.float32([[1, 1, 0], [0.5, 0.5, 1], [0, 1, 0], [1, 1, 1]])
    assert evaluation.count_ties(outputs) == 2


def test_wilson_interval_fulfils_its_definition():
    # Both ends p solve |observed - p| = z * sqrt(p (1 - p) / n).
    correct, total, z = 9737, 10_000, 1.959963984540054
    for p in evaluation.wilson_interval(correct, total):
        distance = abs(correct / total - p)
        assert math.isclose(distance, z * math.sqrt(p * (1 - p) / total), rel_tol=1e-9)


def test_wilson_interval_stays_inside_and_widens_with_confidence():
    assert evaluation.wilson_interval(10, 10)[1] == pytest.approx(1)
    assert evaluation.wilson_interval(0, 10)[0] == pytest.approx(0)
    assert all(0 <= end <= 1 for n in (0, 10) for end in evaluation.wilson_interval(n, 10))
    narrow, wide = (evaluation.wilson_interval(90, 100, level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]


@pytest.mark.parametrize("arguments", [(11, 10), (-1, 10), (0, 0), (5, 10, 1.0)])
def test_impossible_counts_are_refused(arguments):
    with pytest.raises(ValueError, match="pass counts with"):
        evaluation.wilson_interval(*arguments)


def test_mcnemar_is_a_sign_test_on_the_disagreements():
    true = np.zeros(20, dtype=int)
    first, second = true.copy(), true.copy()
    first[:1] = 1  # the first model misreads one image that the second reads
    second[1:9] = 1  # and the other way round for eight
    second[19] = first[19] = 1  # both wrong: says nothing
    result = evaluation.mcnemar(true, first, second)
    assert (result.only_first, result.only_second) == (8, 1)
    assert math.isclose(result.p_value, 2 * (1 + 9) / 2**9)
    assert evaluation.mcnemar(true, first, first) == (0, 0, 1.0)


def test_band_says_yes_with_a_line_that_never_changes(capsys):
    evaluation.check_band("test accuracy", 0.9711, 0.96, 0.98)
    evaluation.check_band("test accuracy", 0.9702, 0.96, 0.98)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == "test accuracy: as expected, between 0.96 and 0.98"


@pytest.mark.parametrize("value", [0.95, 0.99, math.nan])
def test_band_fails_outside_and_for_nan(value):
    with pytest.raises(AssertionError, match=r"outside 0.96 to 0.98.*restart the kernel"):
        evaluation.check_band("test accuracy", value, 0.96, 0.98)
