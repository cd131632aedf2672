"""Wrong answers fail with the message that helps, right ones pass, untouched stubs say so.

The answers stand in ``tests/answers``, one file for each assignment; ``answer_room`` says how. Each
runs where a learner would be, after the set-up and the solutions of the exercises before it, and on
the sample; ``test_round.py`` grades the same answers on MNIST. Cheap answers, which compute
nothing, are made for every exercise from what its solution gives.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import good_assignment
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest
from answer_room import ROOT, SOURCES, Answer, Room, answers_of, parse
from good_assignment import NORMALISE
from good_lesson import edited
from nbformat import NotebookNode

from mnist_lab.course.assignments import markers
from mnist_lab.course.assignments.source import Assignment, Exercise, learner_copy, read_assignment
from mnist_lab.course.execution import cells, records
from mnist_lab.course.grading import checks

LEAST = {"wrong": 3, "right": 1}


def too_few(assignment: Assignment, answers: list[Answer]) -> list[str]:
    """Say which exercises have too few answers, and which answers have no exercise."""
    counts = Counter((answer.exercise, answer.kind) for answer in answers)
    exercises = [exercise.id for exercise in assignment.exercises]
    return [
        f"{exercise} has {counts[exercise, kind]} {kind} answers, not {least}"
        for exercise in exercises
        for kind, least in LEAST.items()
        if counts[exercise, kind] < least
    ] + [f"{a} answers no exercise" for a in answers if a.exercise not in exercises]


def run_untouched(copy: NotebookNode, folder: Path) -> list[str]:
    """Run a learner copy from top to bottom and return what its checks print."""
    names: dict[str, object] = {"__name__": "__main__"}
    shown = []
    with contextlib.chdir(folder), mpl.rc_context():
        for _, cell in cells.code_cells(copy):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compile(cells.tree(cell), "<cell>", "exec"), names)
            if (mark := markers.find_mark(cell.source)) and mark.kind == "CHECK":
                shown.append(printed.getvalue().partition(".")[0])
        plt.close("all")
    return shown


@lru_cache
def room_of(name: str, folder: Path) -> Room:
    return Room(SOURCES[name], folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("room")


@pytest.fixture
def room(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The room of an assignment, in which each solution has run once."""
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    return room_of(name, folder)


def cases_of(name: str) -> list[Exercise | Answer]:
    return [*read_assignment(SOURCES[name]).exercises, *answers_of(name)]


CASES = [
    pytest.param(name, case, id=str(case if isinstance(case, Answer) else case.id))
    for name in SOURCES
    for case in cases_of(name)
]
EXERCISES = [
    pytest.param(name, exercise, id=exercise.id)
    for name, path in SOURCES.items()
    for exercise in read_assignment(path).exercises
]
# What is no fault there: a random order that is turned round is another random order.
ALSO_RIGHT = {"04-batches": re.compile(r"(reversed|rolled)")}


def test_there_are_answers() -> None:
    assert SOURCES, "there is no assignment: nothing of it was tested"
    files = {path.stem for path in (ROOT / "tests/answers").glob("*.py")}
    assert files == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_every_exercise_has_answers(name: str) -> None:
    found = too_few(read_assignment(SOURCES[name]), answers_of(name))
    assert not found, "\n".join(found)


def page_faults(name: str, page: str, notebook: str, lesson: str) -> list[str]:
    """Say where an assignment is not as promised, or its pages do not agree with it."""
    exercises = read_assignment(SOURCES[name]).exercises
    rows = [[part.strip(" `") for part in line.split("|")[1:-1]] for line in page.splitlines()]
    table = {row[0]: row[1:] for row in rows if len(row) == 5}
    found = [table.get(exercise.id, ["", "0", "0", ""]) for exercise in exercises]
    points, minutes = sum(float(row[1]) for row in found), sum(int(row[2]) for row in found)
    promised = {
        "four to six exercises": 4 <= len(exercises) <= 6,
        "a row for each in the instructor's page": [*table][2:-1] == [e.id for e in exercises],
        "their points there": [float(row[1]) for row in found] == [e.points for e in exercises],
        "the sums there": table.get("together", [""] * 3)[1:3] == [f"{points:g}", f"{minutes}"],
        "the sums in the notebook": f"{points:g} points, about {minutes} minutes" in notebook,
        "a planted fault": any("planted fault" in row[0] for row in table.values()),
        "a link from the lesson": f"/exercises/{name}.ipynb" in lesson,
    }
    return [f"{name} lacks {what}" for what, kept in promised.items() if not kept]


def pages_of(name: str) -> list[str]:
    paths = (f"assignments/{name}.md", f"assignments/{name}.ipynb", f"notebooks/{name}.ipynb")
    return [(ROOT / path).read_text(encoding="utf-8") for path in paths]


@pytest.mark.parametrize("name", SOURCES)
def test_assignment_is_what_its_pages_say(name: str) -> None:
    assert page_faults(name, *pages_of(name)) == []


@pytest.mark.parametrize(
    ("which", "old", "new", "words"),
    [
        (0, "| 01-copies", "| 01-copy", "a row for each"),
        (0, "| planted faults | 3 |", "| planted faults | 2 |", "their points"),
        (0, "planted fault", "hidden fault", "a planted fault"),
        (1, "points, about", "points, perhaps", "the sums in the notebook"),
        (2, "/exercises/01", "/exercises/02", "a link from the lesson"),
    ],
)
def test_pages_that_say_something_else_are_noticed(
    which: int, old: str, new: str, words: str
) -> None:
    pages = [page.replace("`", "") for page in pages_of("01_eda")]
    assert old in pages[which]
    pages[which] = pages[which].replace(old, new)
    assert any(words in fault for fault in page_faults("01_eda", *pages))


@pytest.mark.parametrize("name", SOURCES)
def test_untouched_copy_runs_from_top_to_bottom(name: str, folder: Path) -> None:
    copy = learner_copy(records.read_notebook(SOURCES[name]))
    exercises = read_assignment(SOURCES[name]).exercises
    assert run_untouched(copy, folder) == [f"{e.id}: not attempted" for e in exercises]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_check_judges(room: Room, case: Exercise | Answer) -> None:
    found = room.faults(case)
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_cheap_answers_pass_nowhere(room: Room, exercise: Exercise) -> None:
    """Empty, constant, wrongly shaped and all-equal answers fail wherever they are checked."""
    also_right = ALSO_RIGHT.get(exercise.id, re.compile("(?!)"))
    with room.inside():
        cheap = [one for one in room.cheap(exercise) if not also_right.match(one.title)]
        found = [fault for one in cheap for fault in room.passes(exercise, one)]
    assert not found, "\n".join(found)
    assert len(cheap) > 30


# The same on the small assignment: each of these tests can fail.
GOOD = """\
# %% wrong 01-normalise: does not divide
# expect: the largest is 235
def normalise(images):
    return images

# %% wrong 01-normalise: knows the largest
# expect: 51 of 255 is a fifth
def normalise(images):
    return images / images.max()

# %% wrong 01-normalise: gives nothing
# expect: AttributeError: 'NoneType' object has no attribute 'max'
def normalise(images):
    images / 255

# %% right 01-normalise: multiplies
def normalise(images):
    return images * np.float32(1 / 255)
"""


@pytest.fixture
def small_room(tmp_path: Path) -> Room:
    good_assignment.save(good_assignment.build(), tmp_path / "01_good.ipynb")
    return Room(tmp_path / "01_good.ipynb", tmp_path)


def test_good_answers_are_judged_well(small_room: Room) -> None:
    cases: list[Exercise | Answer] = [*small_room.assignment.exercises, *parse(GOOD)]
    assert [fault for case in cases for fault in small_room.faults(case)] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return images\n", "return images / 255\n", "told '', not 'the largest is 235'"),
        ("# expect: the largest", "# expect: the smallest", "not 'the smallest is 235'"),
        ("np.float32(1 / 255)", "2", "it is told 'AssertionError: the largest is"),
        ("np.float32(1 / 255)", "nothing", "it is told \"NameError: name 'nothing'"),
    ],
)
def test_answer_that_fares_otherwise_is_noticed(
    old: str, new: str, words: str, small_room: Room
) -> None:
    assert old in GOOD
    answers = parse(GOOD.replace(old, new))
    (fault,) = [fault for answer in answers for fault in small_room.faults(answer)]
    assert words in fault


def test_answer_that_only_the_grader_passes_is_noticed(
    small_room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "graded", lambda *_: checks.Result(2, "passed"))
    found = [fault for answer in parse(GOOD) for fault in small_room.faults(answer)]
    assert [fault.partition(": Result")[0] for fault in found] == [
        "01-normalise wrong: does not divide",
        "01-normalise wrong: knows the largest",
        "01-normalise wrong: gives nothing",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/ 255.0", "/ 250.0", "01-normalise: its solution is told 'AssertionError: 51 of 255"),
        (
            "### STUB: bright = None",
            "### STUB: bright = 3",
            "its check shows '01-count: not yet. you",
        ),
        ("bright == 27", "bright == 28", "its check shows '01-count: not yet. you count 27"),
    ],
)
def test_stub_or_solution_that_fares_otherwise_is_noticed(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    source = tmp_path / "01_good.ipynb"
    good_assignment.save(edited(good_assignment.build(), old, new), source)
    room = Room(source, tmp_path)
    found = [fault for exercise in room.assignment.exercises for fault in room.faults(exercise)]
    assert any(words in fault for fault in found), found


def test_check_that_looks_at_values_only_is_noticed(small_room: Room) -> None:
    """The small assignment asks for no shape, so cheap answers pass in all three places."""
    exercise = small_room.assignment.exercises[0]
    with small_room.inside():
        cheap = [*small_room.cheap(exercise)]
        found = [fault for one in cheap for fault in small_room.passes(exercise, one)]
    for place in ("the notebook's check", "the whole check", "the grader"):
        assert any(f"{place} passes normalise if it is an axis more" in fault for fault in found)
    assert not any("by heart" in fault for fault in found)


def test_hidden_test_that_dislikes_a_rare_draw_is_noticed(tmp_path: Path) -> None:
    """A learner cannot see such a test, and would lose the points by bad luck."""
    source = tmp_path / "01_good.ipynb"
    rare = "### BEGIN HIDDEN TESTS\nassert np.random.default_rng().random() < 0.9, 'bad luck'\n"
    good_assignment.save(edited(good_assignment.build(), "### BEGIN HIDDEN TESTS\n", rare), source)
    room = Room(source, tmp_path)
    right = [answer for answer in parse(GOOD) if answer.kind == "right"]
    cases: list[Exercise | Answer] = [*room.assignment.exercises[:1], *right]
    found = [fault for case in cases for fault in room.faults(case)]
    assert len([fault for fault in found if "bad luck" in fault]) == len(cases)


def test_untouched_copy_that_stops_is_noticed(tmp_path: Path) -> None:
    copy = learner_copy(good_assignment.build())
    wanted = ["01-normalise: not attempted", "01-count: not attempted"]
    assert run_untouched(copy, tmp_path) == wanted
    copy.cells.insert(5, nbformat.v4.new_code_cell("normalise(images)"))
    with pytest.raises(NotImplementedError):
        run_untouched(copy, tmp_path)


def test_missing_answers_are_noticed(small_room: Room) -> None:
    found = too_few(small_room.assignment, parse(GOOD.replace("right 01-n", "right 02-n")))
    assert found == [
        "01-normalise has 0 right answers, not 1",
        "01-count has 0 wrong answers, not 3",
        "01-count has 0 right answers, not 1",
        "02-normalise right: multiplies answers no exercise",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# %% wrong 01-normalise: gives", "# %% wrong 01-normalise gives"),
        ("# %% right", "# %% rihgt"),
        ("# expect: the largest is 235\n", ""),
        ("multiplies\n", "multiplies\n# expect: something\n"),
        ("# %% wrong 01-normalise: does", "#%% wrong 01-normalise: does"),
    ],
)
def test_answers_of_another_form_are_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"# %% wrong ID: title"):
        parse(GOOD.replace(old, new, 1))


def test_answers_do_not_see_each_other(small_room: Room) -> None:
    leaves = Answer("right", "01-normalise", "leaves a name", f"left = 1\n{NORMALISE}", "")
    finds = Answer("wrong", "01-normalise", "finds it", "left", "name 'left' is not defined")
    assert small_room.faults(leaves) == small_room.faults(finds) == []
    assert "normalise" in small_room.before["01-count"]  # the solution before it
