"""Wrong answers fail with the message that helps, right ones pass, untouched stubs say so.

The answers stand in ``tests/answers``, one file for each assignment::

    # %% wrong 01-normalise: divides by 256
    # expect: divide by 255
    def normalise(images):
        return images / 256

Each runs where a learner would be: after the set-up and the solutions of the exercises before it.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import good_assignment
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import papermill
import pytest
from good_assignment import NORMALISE
from good_lesson import edited
from nbformat import NotebookNode

from mnist_lab import data
from mnist_lab.course.assignments import markers
from mnist_lab.course.assignments.source import Assignment, Exercise, learner_copy, read_assignment
from mnist_lab.course.execution import cells, records

ROOT = Path(__file__).resolve().parents[3]
SOURCES = {path.stem: path for path in sorted((ROOT / "assignments").glob("*.ipynb"))}
LEAST = {"wrong": 3, "right": 1}
_HEAD = re.compile(r"^# %% (.*)$", re.MULTILINE)
_TITLE = re.compile(r"(wrong|right) (\S+): (.+)")
_EXPECT = re.compile(r"# expect: (.+)\n")


@dataclass(frozen=True)
class Answer:
    """What a learner might write, and what a wrong one is to be told."""

    kind: str
    exercise: str
    title: str
    source: str
    expect: str

    def __str__(self) -> str:
        return f"{self.exercise} {self.kind}: {self.title}"


def parse(text: str) -> list[Answer]:
    """Read answers as they stand in a file; ValueError for a heading of another form."""
    before, *parts = _HEAD.split(text)
    if before.strip():
        raise ValueError("There is code above the first answer: begin with `# %% wrong ID: title`.")
    answers = []
    for head, source in zip(parts[::2], parts[1::2], strict=True):
        title, expect = _TITLE.fullmatch(head), _EXPECT.match(source.lstrip("\n"))
        if title is None or (title[1] == "wrong") is not bool(expect):
            raise ValueError(
                f"`# %% {head}` is no answer: write `# %% wrong ID: title` and `# expect: message` "
                "below it, or `# %% right ID: title`."
            )
        answers.append(Answer(*title.groups(), source=source, expect=expect[1] if expect else ""))
    return answers


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


class Room:
    """Names as a learner has them before each exercise; figures and files stay in here."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        self.assignment = read_assignment(source)
        code = cells.code_cells(learner_copy(records.read_lesson(source)))
        found = ((markers.find_mark(cell.source), cell.source) for _, cell in code)
        self.copy = {(mark.kind, mark.id): text for mark, text in found if mark and mark.id}
        self.before: dict[str, dict[str, object]] = {}
        self.of_solution: dict[str, tuple[str, str]] = {}  # at once: a later one may change things
        names: dict[str, object] = {"__name__": "__main__"}
        with self.inside():
            for setup in self.assignment.setup:
                exec(setup, names)
            for exercise in self.assignment.exercises:
                self.before[exercise.id] = dict(names)
                exec(exercise.source, names)
                self.of_solution[exercise.id] = (
                    self.told(exercise, names),
                    self.shown(exercise, names),
                )

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        with contextlib.chdir(self.folder), mpl.rc_context():
            yield
            plt.close("all")

    def told(self, exercise: Exercise, names: dict[str, object]) -> str:
        """Return what the whole check, hidden tests included, says; "" if all is right."""
        try:
            exec(exercise.check, dict(names))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def shown(self, exercise: Exercise, names: dict[str, object]) -> str:
        """Return what the learner's own check prints."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(self.copy["CHECK", exercise.id], dict(names))
        return printed.getvalue().removesuffix("\n")

    def faults(self, case: Exercise | Answer) -> list[str]:
        """Say how an answer, or an exercise with its stub, fares otherwise than it should."""
        is_answer = isinstance(case, Answer)
        exercise_id = case.exercise if is_answer else case.id
        (exercise,) = [e for e in self.assignment.exercises if e.id == exercise_id]
        names = dict(self.before[exercise_id])
        with self.inside():
            if not is_answer:
                exec(self.copy["EXERCISE", exercise_id], names)
                told, shown = self.of_solution[exercise_id]
                found = [f"{exercise_id}: its solution is told {told!r}"] if told else []
                wanted = {"not attempted": self.shown(exercise, names), "correct": shown}
                return found + [
                    f"{exercise_id}: its check shows {shown!r}, not {words!r}"
                    for words, shown in wanted.items()
                    if not re.fullmatch(f"{exercise_id}: {words}.*", shown)
                ]
            try:
                exec(case.source, names)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
            else:
                told = self.told(exercise, names)
        if case.kind == "right":
            return [f"{case}: it is told {told!r}"] if told else []
        return [] if case.expect in told else [f"{case}: told {told!r}, not {case.expect!r}"]


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


def answers_of(name: str) -> list[Answer]:
    path = ROOT / "tests/answers" / f"{name}.py"
    return parse(path.read_text(encoding="utf-8")) if path.is_file() else []


@lru_cache(maxsize=1)  # the tests of one assignment follow each other
def room_of(name: str, digits: str, folder: Path) -> Room:
    return Room(SOURCES[name], folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("room")


@pytest.fixture
def room(name: str, digits: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The room of an assignment, on the digits that are found or on the sample."""
    if digits == "sample":
        if not data.load_mnist().is_mnist:
            pytest.skip("the digits that were found are the sample")
        monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    return room_of(name, digits, folder)


CASES = [
    pytest.param(name, digits, case, id=f"{case if isinstance(case, Answer) else case.id}-{digits}")
    for name, path in SOURCES.items()
    for digits in ("found", "sample")
    for case in (
        *read_assignment(path).exercises,
        *(answers_of(name) if digits == "found" else []),
    )
]


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
def test_solutions_run_under_papermill_in_two_minutes(name: str, tmp_path: Path) -> None:
    start = time.monotonic()
    papermill.execute_notebook(
        SOURCES[name], tmp_path / "out.ipynb", progress_bar=False, cwd=tmp_path
    )
    assert time.monotonic() - start < 120


@pytest.mark.parametrize("name", SOURCES)
def test_untouched_copy_runs_from_top_to_bottom(name: str, folder: Path) -> None:
    copy = learner_copy(records.read_lesson(SOURCES[name]))
    exercises = read_assignment(SOURCES[name]).exercises
    assert run_untouched(copy, folder) == [f"{e.id}: not attempted" for e in exercises]


@pytest.mark.parametrize(("name", "digits", "case"), CASES)
def test_check_judges(room: Room, case: Exercise | Answer) -> None:
    found = room.faults(case)
    assert not found, "\n".join(found)


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
    cases = [*small_room.assignment.exercises, *parse(GOOD)]
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
