"""A class of submissions: side by side, stopped and gone on with, whatever one of them does."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from grading_fixture import SCALE_MARK, handed_in, save, source
from typer.testing import CliRunner, Result

from mnist_lab._files import locked
from mnist_lab.course.assignments.source import learner_copy
from mnist_lab.course.cli.main import app
from mnist_lab.course.grading import batch, gradebook, grader
from mnist_lab.course.grading.grader import GraderFault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")


@pytest.fixture(autouse=True)
def small_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")


def rows(path: Path) -> dict[str, dict[str, str]]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return {row["student"]: row for row in csv.DictReader(lines)}


def test_the_command_goes_on_where_it_was(tmp_path: Path) -> None:
    handed = tmp_path / "answers"
    handed.mkdir()
    task = save(tmp_path / "01_source.ipynb", source())
    for student in ("ada", "bob", "eve"):
        save(handed / f"{student}.ipynb", handed_in())
    (handed / "zoe.ipynb").write_text("{")
    marks = tmp_path / "marks.csv"
    options = ["--csv", str(marks), "--jobs", "1", "--feedback", str(tmp_path / "pages")]
    command = [str(task), str(handed), *options]
    first = subprocess.Popen(
        [sys.executable, "-m", "mnist_lab.course.cli", "grade", *command],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout
    for line in first.stdout:
        if line.startswith("ada: "):
            break
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    before = rows(marks)
    assert before["ada"]["score"] == "5"
    assert set(before) < {"ada", "bob", "eve", "zoe"}
    save(handed / "ada.ipynb", learner_copy(source()))  # handed in anew
    result = CliRunner().invoke(app, ["grade", *command])
    assert result.exit_code == 0, result.output
    after = rows(marks)
    assert {name: row["score"] for name, row in after.items()} == {
        "ada": "0", "bob": "5", "eve": "5", "zoe": "0",
    }  # fmt: skip
    assert after["ada"]["01-scale.status"] == "not attempted"
    assert after["bob"]["max"] == "5"
    assert "5 of 5 points" in (tmp_path / "pages" / "bob.html").read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["grade", *command])
    assert "4 submissions, 4 of them graded before." in result.output
    (tmp_path / "pages" / "zoe.html").unlink()
    result = CliRunner().invoke(app, ["grade", *command])
    assert "4 submissions, 3 of them graded before." in result.output
    assert (tmp_path / "pages" / "zoe.html").is_file()


def test_a_cluster_gives_the_same_marks(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    handed = tmp_path / "answers"
    handed.mkdir()
    task = save(tmp_path / "01_source.ipynb", source())
    save(handed / "ada.ipynb", handed_in())
    save(handed / "bob.ipynb", learner_copy(source()))
    marks = tmp_path / "marks.csv"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        command = ["grade", str(task), str(handed), "--csv", str(marks)]
        result = CliRunner().invoke(app, [*command, "--cluster", cluster.scheduler_address])
    assert result.exit_code == 0, result.output
    assert {name: row["score"] for name, row in rows(marks).items()} == {"ada": "5", "bob": "0"}


def test_a_solution_that_fails_its_check_grades_nobody(tmp_path: Path) -> None:
    wrong = source()
    wrong.cells[2].source = wrong.cells[2].source.replace("images / 255", "images")
    task = save(tmp_path / "01_source.ipynb", wrong)
    (tmp_path / "answers").mkdir()
    save(tmp_path / "answers" / "ada.ipynb", handed_in())
    marks = tmp_path / "marks.csv"
    command = [str(task), str(tmp_path / "answers"), "--csv", str(marks), "--sandbox", "process"]
    result = CliRunner().invoke(app, ["grade", *command, "--jobs", "1"])
    assert result.exit_code == 2
    assert "The solution of 01-scale does not pass its own check" in result.output
    assert not marks.exists()


@dataclass(frozen=True)
class Class:
    """A folder of submissions, and the command that grades them."""

    folder: Path
    marks: Path
    command: list[str]

    def hand_in(self, student: str, notebook: Any = None) -> None:
        save(self.folder / f"{student}.ipynb", notebook or handed_in())

    def grade(self, *options: str) -> Result:
        return CliRunner().invoke(app, [*self.command, *options])

    @contextmanager
    def running(self, *options: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
        """The command in a process of its own that keeps temporary files in a folder."""
        running = subprocess.Popen(
            [sys.executable, "-m", "mnist_lab.course.cli", *self.command, *options],
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield running
        finally:
            running.kill()
            running.communicate()

    def scores(self) -> dict[str, str]:
        return {name: row["score"] for name, row in rows(self.marks).items()}


@pytest.fixture
def course(tmp_path: Path) -> Class:
    """A class of ada, bob and eve, graded in this process."""
    (tmp_path / "answers").mkdir()
    task = save(tmp_path / "01_source.ipynb", source())
    marks = tmp_path / "marks.csv"
    command = ["grade", str(task), str(tmp_path / "answers"), "--csv", str(marks)]
    made = Class(tmp_path / "answers", marks, [*command, "--sandbox", "process"])
    for student in ("ada", "bob", "eve"):
        made.hand_in(student)
    return made


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files; that of a test has too long a name for sockets."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_another_number_of_jobs_grades_nobody_again(course: Class) -> None:
    assert course.grade("--jobs", "1").exit_code == 0
    for jobs in ("2", "64"):
        result = course.grade("--jobs", jobs)
        assert "3 submissions, 3 of them graded before." in result.output


FAULTS = {
    "ada": (
        GraderFault("The check of 01-scale is at fault."),
        "The check of 01-scale is at fault.",
    ),
    "bob": (OSError(28, "No space left on device"), "No space left on device"),
    "eve": (KeyError("x"), "a fault of mnist-lab (KeyError): report it"),
    "leo": (MemoryError(), "a fault of mnist-lab (MemoryError): report it"),
}


def test_a_fault_of_the_grader_is_no_mark(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    course.hand_in("leo", learner_copy(source()))
    assert course.grade("--jobs", "1").exit_code == 0
    before = rows(course.marks)
    for student in (*FAULTS, "zoe"):
        course.hand_in(student, handed_in(brightest="# EXERCISE 01-brightest\nbrightest = 50 + 1"))
    grade = batch.grade_one

    def faulty(assignment: Any, student: str, *rest: Any) -> Any:
        if student in FAULTS:
            raise FAULTS[student][0]
        return grade(assignment, student, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "grade_one", faulty)
        result = course.grade("--jobs", "1")
    assert result.exit_code == 1
    for student, (_, said) in FAULTS.items():
        assert f"{student}: not graded. " in result.stderr and said in result.stderr
        assert student not in result.stdout
    assert result.stderr.count("Traceback") == 2  # of the faults that are ours
    assert (
        "4 not graded, for the reasons above. The same command tries them again." in result.stderr
    )
    assert "zoe: 5, passed" in result.stdout
    after = rows(course.marks)
    assert {name: after[name] for name in FAULTS} == before  # of the first submissions
    assert course.grade("--jobs", "1").exit_code == 0
    assert course.scores() == dict.fromkeys((*FAULTS, "zoe"), "5")


def test_a_solution_that_cannot_be_graded_grades_nobody(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise GraderFault("The set-up took too long: raise --timeout.")

    monkeypatch.setattr(grader, "grade", stop)
    result = course.grade("--jobs", "1")
    assert result.exit_code == 2
    said = "The solution could not be graded. The set-up took too long: raise --timeout."
    assert said in result.stderr
    assert not course.marks.exists()


def test_an_unreadable_file_is_named_and_stops_nobody(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, *rest: Any, **options: Any) -> Any:
        if path.name == "bob.ipynb":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        result = course.grade("--jobs", "1")
    assert result.exit_code == 0
    assert "bob: 0, unreadable" in result.stdout
    assert "The file cannot be read (permission denied): let the grader read it" in result.stdout
    row = rows(course.marks)["bob"]
    assert row["01-scale.status"] == "unreadable"
    result = course.grade("--jobs", "1")  # now it can be read
    assert "3 submissions, 2 of them graded before." in result.output
    assert course.scores() == {"ada": "5", "bob": "5", "eve": "5"}


def test_two_commands_on_one_csv(course: Class) -> None:
    with locked(course.marks):
        result = course.grade()
    assert result.exit_code == 2
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert f"{course.marks} is in use by {holder}: wait until that has ended" in result.stderr
    assert not course.marks.exists()


def test_where_the_marks_cannot_be_written(course: Class) -> None:
    result = course.grade("--csv", str(course.folder / "nowhere" / "marks.csv"))
    assert result.exit_code == 2
    assert "nowhere/marks.csv: no such file or directory. Name a place" in result.stderr


def test_a_page_without_its_mark_is_written_again(
    course: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the two, neither is left from an earlier submission."""
    pages = tmp_path / "pages"
    options = ("--jobs", "1", "--feedback", str(pages))
    assert course.grade(*options).exit_code == 0
    course.hand_in("bob", learner_copy(source()))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gradebook.Gradebook, "add", stop)
        assert course.grade(*options).exit_code == 130
    assert course.grade(*options).exit_code == 0
    assert course.scores()["bob"] == "0"
    assert "0 of 5 points" in (pages / "bob.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_names_that_a_redirected_output_cannot_hold(
    course: Class, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")  # as Windows does for a file
    (course.folder / "Łukasz.ipynb").write_text("{")
    with course.running("--jobs", "1", folder=temporary) as command:
        output, errors = command.communicate(timeout=300)
    assert (command.returncode, errors) == (0, "")
    assert "\\u0141ukasz: 0, unreadable" in output and "4 graded: " in output
    assert course.scores()["Łukasz"] == "0"


SLOW = f"{SCALE_MARK}import time\ntime.sleep({{}})\ndef scale(images):\n    return images / 255"


def wait_for(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise TimeoutError


def is_grading(process: psutil.Process) -> bool:
    """Tell whether a child of the command is a worker that has a kernel."""
    with suppress(psutil.NoSuchProcess):  # a child that has ended has no command line
        return "loky" in " ".join(process.cmdline()) and bool(process.children())
    return False


def graders_of(command: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the workers that have a kernel, once there are two."""

    def working() -> list[psutil.Process]:
        busy = [child for child in psutil.Process(command.pid).children() if is_grading(child)]
        return busy if len(busy) > 1 else []

    return list(wait_for(working))


@pytest.mark.slow
def test_a_killed_worker_stops_nobody(course: Class, temporary: Path) -> None:
    for student in ("bob", "eve"):
        course.hand_in(student, handed_in(scale=SLOW.format(4)))
    with course.running("--jobs", "2", folder=temporary) as command:
        graders_of(command)[0].kill()
        output, errors = command.communicate(timeout=300)
    assert (command.returncode, errors) == (0, ""), output
    assert course.scores() == {"ada": "5", "bob": "5", "eve": "5"}
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_workers_and_kernels_end_with_a_killed_command(course: Class, temporary: Path) -> None:
    for student in ("ada", "bob", "eve"):
        course.hand_in(student, handed_in(scale=SLOW.format(500)))
    with course.running("--jobs", "2", "--timeout", "600", folder=temporary) as command:
        graders_of(command)
        family = psutil.Process(command.pid).children(recursive=True)
        command.kill()
        _, left = psutil.wait_procs(family, timeout=60)
    assert not left


@pytest.fixture
def hangup_is_heard() -> Iterator[None]:
    """Let commands that a test starts end at SIGHUP, also when the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.usefixtures("hangup_is_heard")
@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGTERM])
def test_a_stopped_command_leaves_nothing(sent: int, course: Class, temporary: Path) -> None:
    for student in ("ada", "bob", "eve"):
        course.hand_in(student, handed_in(scale=SLOW.format(500)))
    with course.running("--jobs", "2", "--timeout", "600", folder=temporary) as command:
        graders_of(command)
        family = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(sent)
        _, errors = command.communicate(timeout=120)
        _, left = psutil.wait_procs(family, timeout=60)
    assert (command.returncode, left) == (130, [])
    assert "The same command continues where it stopped." in errors
    assert not list(temporary.iterdir())
    shared = Path("/dev/shm")
    assert not [*shared.glob(f"*_{command.pid}_*"), *shared.glob(f"sem.loky-{command.pid}-*")]
