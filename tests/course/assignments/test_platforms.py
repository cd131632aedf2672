"""The forms of all platforms are understood, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mnist_lab.course.assignments.platforms import FORMS, Form, Owner, owners
from mnist_lab.course.execution.catalogue import read_course

# Whom the example of each form names.
EXAMPLES = {
    ("Moodle", "Ada Lovelace_12345"),
    ("Sakai", "Lovelace, Ada(1003)"),
    ("Brightspace", "Ada Lovelace_12345"),
    ("nbgrader", "ada"),
    ("Blackboard", "ada01"),
    ("Canvas, anonymous", "anon_Xy12z"),
    ("Canvas", "lovelaceada_12345"),
    ("Google Classroom", "Ada Lovelace"),
}
NEIGHBOURS = ("Grace Hopper.ipynb", "Bob.ipynb")


LESSONS = [lesson.name for lesson in read_course(Path(__file__).resolve().parents[3]).lessons]


def owners_of(paths: Sequence[str]) -> list[Owner]:
    return owners(paths, LESSONS)


def students(*paths: str) -> list[str]:
    return [owner.student for owner in owners_of(paths)]


def order(*paths: str) -> list[str]:
    """Return paths of one learner from the oldest attempt to the newest."""
    found = dict(zip(paths, owners_of(paths), strict=True))
    assert len({owner.student for owner in found.values()}) == 1, found

    def attempt(path: str) -> tuple[int, ...]:
        return found[path].attempt

    return sorted(paths, key=attempt)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
@pytest.mark.parametrize("around", ["", "01 EDA/", "CS101/01 EDA/"])
def test_example_of_each_form(form: Form, around: str) -> None:
    owner, other, _ = owners_of([around + path for path in (form.example, *NEIGHBOURS)])
    assert (owner.source, owner.student) in EXAMPLES and owner.source == form.platform
    assert other == Owner("Grace Hopper", "file", "Grace Hopper.ipynb")
    alone = owners_of([form.example])[0]
    assert (alone.source, alone.student) == (owner.source, owner.student)


@pytest.mark.parametrize(
    "paths",
    [
        ("eda_20261101_1530_ada.ipynb", "eda_20261101_1530_bob.ipynb"),
        ("eda_20261101_1530_ada.ipynb", "eda_20261101_1531_bob.ipynb"),
        ("ada_20261101_1530_eda.ipynb", "ada_20261101_1531_eda.ipynb"),
        ("lab_261101_1530_ada.ipynb", "lab_261101_1531_bob.ipynb"),
        ("ada_15112026_1530_x.ipynb", "ada_15112026_1531_x.ipynb"),
        ("ada_2026_11_x.ipynb", "ada_2026_1101_x.ipynb"),
        ("ada_01_02_x.ipynb", "ada_01_03_x.ipynb"),
        ("team_1_2_ada.ipynb", "team_1_2_bob.ipynb"),  # no upload of Canvas has another's number
        ("week_1_2_ada.ipynb", "week_1_3_bob.ipynb"),
        ("maria_1_3_lopez.ipynb", "maria_1_4_silva.ipynb"),
        ("ada_12_345.ipynb", "bob_12_345.ipynb"),
        ("Wei Wang (1001).ipynb", "Wei Wang (1002).ipynb"),
        ("01_ada.ipynb", "02_bob.ipynb"),
        ("1201.ipynb", "1202.ipynb"),
    ],
)
def test_names_with_numbers_are_not_canvas_s(paths: tuple[str, ...]) -> None:
    assert owners_of(paths) == [Owner(path.removesuffix(".ipynb"), "file", path) for path in paths]


def test_parts_of_names_with_underscores_stay_apart() -> None:
    form = "01_EDA_{}_attempt_2026-11-01-15-30-00_x.ipynb".format
    assert students(form("a_l"), form("b_l"), form("c")) == ["a_l", "b_l", "c"]
    assert students(form("ada"), form("ada1")) == ["ada", "ada1"]
    assert students(form("ada01")) == ["ada01"]


def test_same_name_with_other_numbers_is_another_learner() -> None:
    for form in (
        "Wei Wang_{}_assignsubmission_file_/x.ipynb",
        "Wei Wang_{}_assignsubmission_file_x.ipynb",
        "{}-77 - Wei Wang - Nov 1, 2026 330 PM - x.ipynb",
        "{}-77 - Wei Wang - Nov 1, 2026 330 PM/x.ipynb",
        "Wang, Wei({})/Submission attachment(s)/x.ipynb",
        "wangwei_{0}_900{0}_x.ipynb",
        "anon_{0}_900{0}_x.ipynb",
        "student7_{0}_900{0}_x.ipynb",
        "Student {0}_900{0}_x.ipynb",
    ):
        found = students(form.format(1), form.format(2))
        assert len(set(found)) == 2 and "" not in found, form


def test_newest_attempt() -> None:
    brightspace = "1-7 - Ada - {} - x.ipynb".format
    days = (
        "Oct 31, 2026 1159 PM",
        "Nov 1, 2026 1205 AM",
        "Nov 1, 2026 110 AM",
        "1 November, 2026 1130",
        "Nov 1, 2026 1230 PM",
        "Nov 1, 2026 330 PM",
        "Nov 2, 2026 905 AM",
        "January 1, 2027 905 AM",
    )
    for paths in (
        [brightspace(day) for day in days],
        [f"1-7 - Ada - {day}/x.ipynb" for day in days],
        [f"E_ada_attempt_2026-11-{day}-10-00-00_x.ipynb" for day in ("01", "02", "10")],
        [
            f"ada+01_eda+2026-11-{time} UTC/01_eda.ipynb"
            for time in ("01 15:30:00", "01 15:30:01", "02 09:00:00")
        ],
        ["ada_5_999_x.ipynb", "ada_LATE_5_1000_x.ipynb", "ada_5_1001_x-1.ipynb"],
        ["anon_Xy12z_999_x.ipynb", "LATE_anon_Xy12z_1000_x.ipynb"],
        [f"Submitted files/Ada/01 EDA/Version {n}/01_eda.ipynb" for n in (1, 2, 10)],
        ["Working files/Ada/01 EDA/01_eda.ipynb"]
        + [f"Submitted files/Ada/01 EDA/Version {n}/01_eda.ipynb" for n in (1, 2)],
    ):
        assert order(*reversed(paths)) == paths


def test_time_that_is_not_understood_is_left_to_the_file() -> None:
    assert owners_of(["1-7 - Ada - 1 ao\u00fbt 2026 1530 - x.ipynb"])[0] == Owner(
        "Ada_1", "Brightspace", "x.ipynb"
    )


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        # The first folder below all that they share, whatever lies deeper.
        (["all/ada/x.ipynb", "all/bob/deep/er/x.ipynb"], ["ada", "bob"]),
        (["submitted/ada/01_eda/01_eda.ipynb", "submitted/bob/01_eda/x.ipynb"], ["ada", "bob"]),
        (["submitted/ada/01_eda/01_eda.ipynb"], ["ada"]),
        (["Ada Lovelace/Version 1/x.ipynb", "Bob/Version 1/x.ipynb"], ["Ada Lovelace", "Bob"]),
        (["Ada Lovelace/Version 1/01_eda.ipynb"], ["Ada Lovelace"]),
        # Titles of assignments, which all learners have, are not learners.
        (
            [f"{who}/{title}/x.ipynb" for who in ("Ada", "Bob") for title in ("Digits", "Shoes")],
            ["Ada", "Ada", "Bob", "Bob"],
        ),
        # Another learner's files tell what kind of folder it is.
        (["Ada/a.ipynb", "Ada/b.ipynb", "Bob/x.pdf"], ["Ada", "Ada", "Bob"]),
        (["CS101/Ada/a.ipynb", "CS101/Bob/x.pdf"], ["Ada", "Bob"]),
        (["Ada/a.ipynb", "Ada/data/x.csv"], ["Ada", "Ada"]),
        (["CS101/ada.ipynb", "CS101/bob.ipynb", "list.txt"], ["ada", "bob", "list.txt"]),
        (["Ada/my digits.ipynb", "Ada/.ipynb_checkpoints/x.ipynb"], ["Ada", "Ada"]),
        # Everything in one folder that names somebody, and files that name nobody.
        (["Ada/01_eda.ipynb", "Ada/draft.ipynb"], ["Ada", "Ada"]),
        (["Ada/01_eda.ipynb", "Ada/draft.ipynb", "Ada/list.txt"], ["Ada", "Ada", "Ada"]),
        (["CS101/01_eda.ipynb", "CS101/01_eda (1).ipynb"], ["", ""]),
        (["CS101/Copy of 01_eda.ipynb", "CS101/Copy of 02_fnn.ipynb"], ["", ""]),
        (["01 EDA/01_eda.ipynb", "01 EDA/draft.ipynb"], ["", ""]),
        # Sections of a class are nobody's folder, and neither is a folder of a platform's files.
        (["Group 1/ada.ipynb", "Group 1/bob.ipynb", "Group 2/x.ipynb"], ["", "", ""]),
        (["Group 1/01_eda.ipynb", "Group 2/01_eda.ipynb"], ["Group 1", "Group 2"]),
        (["X/ada_1_21_x.ipynb", "X/bob_2_22_x.ipynb", "Y/eve_3_23_x.ipynb"], ["", "", "Y"]),
        (
            [
                "Section A/Ada_1_assignsubmission_file_/x.ipynb",
                "Section B/Bob_2_assignsubmission_file_/x.ipynb",
            ],
            ["Ada_1", "Bob_2"],
        ),
    ],
)
def test_folders(paths: list[str], found: list[str]) -> None:
    assert students(*paths) == found


@pytest.mark.parametrize(
    ("stems", "found"),
    [
        (["ada", "ada (1)", "ada(2)"], ["ada", "ada", "ada"]),
        (["ada (1)", "ada (2)"], ["ada (1)", "ada (2)"]),
        (["ada", "ada (100)"], ["ada", "ada (100)"]),  # too long for a count of downloads
        (["ada", "ada (1)", "ada (1) (1)"], ["ada", "ada", "ada"]),
        (["Zoe\u0308", "Zo\u00eb (1)"], ["Zo\u00eb", "Zo\u00eb"]),
        (["lovelace_5_901_x", "lovelace_5_901_x (1)"], ["lovelace_5", "lovelace_5"]),
        (["Copy of ada", "ada"], ["Copy of ada", "ada"]),
    ],
)
def test_repeated_downloads(stems: list[str], found: list[str]) -> None:
    assert students(*[f"{stem}.ipynb" for stem in stems]) == found


@pytest.mark.parametrize(
    "stem",
    ["Eda Y\u0131lmaz", "Deep Patel", "s1234567", "1234567", "7", "\u674e\u660e", "ada_01_eda"],
)
def test_names_of_people(stem: str) -> None:
    """Also where a word is that of a lesson, and where there is only a number."""
    assert students(f"{stem}.ipynb", "x.ipynb") == [stem, "x"]
