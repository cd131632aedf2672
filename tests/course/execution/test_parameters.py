"""Parameters go to the lessons that have them, and only values of the right kind do."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from mnist_lab.course import CourseError
from mnist_lab.course.execution.parameters import assign_parameters


def lesson(parameters: str) -> NotebookNode:
    cell = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    return new_notebook(cells=[cell, new_code_cell("1")])


LESSONS = {
    "01_eda": lesson("NAME = 'Ada'"),
    "02_fnn": lesson("EPOCHS = 10  # passes\nRATE = 0.5\nNAME = 'Ada'\nSMALL = True"),
}


def test_parameters_go_to_the_lessons_that_have_them() -> None:
    assert assign_parameters(LESSONS, ["EPOCHS=1", "NAME=plain words", "RATE=1"]) == {
        "01_eda": {"NAME": "plain words"},
        "02_fnn": {"EPOCHS": 1, "NAME": "plain words", "RATE": 1},
    }
    assert assign_parameters(LESSONS, []) == {"01_eda": {}, "02_fnn": {}}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        *(
            (f"EPOCHS={text}", "a whole number")
            for text in ("1.0", "true", "True", "01", "", "[1]")
        ),
        *((f"EPOCHS={text}", "a whole number") for text in ("[1]", "[{1,2}]", "(", "1;2", "xx")),
        *((f"RATE={text}", "a number") for text in ("fast", "True", "0,5")),
        *((f"SMALL={text}", "True or False") for text in ("yes", "1", "false")),
    ],
)
def test_value_of_another_kind_is_refused_before_a_lesson_runs(given: str, wanted: str) -> None:
    with pytest.raises(CourseError, match=rf"is {wanted} in lesson 02_fnn, .*: write it as in"):
        assign_parameters(LESSONS, [given])
