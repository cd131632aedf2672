"""How a command ends: a sentence for a mistake, a traceback for a fault, 130 if it was stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words, show_traceback
from mnist_lab.data import DataError
from mnist_lab.pictures import PictureError


def ends_with(error: BaseException) -> int:
    with pytest.raises(typer.Exit) as ended, plain_words("All is kept."):
        raise error
    return ended.value.exit_code


@pytest.mark.parametrize("kind", [CourseError, DataError, PictureError])
def test_a_mistake_is_one_sentence(
    kind: type[ValueError], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(kind("The file is empty: give another.")) == 2
    assert capsys.readouterr().err == "mnist-lab: The file is empty: give another.\n"


def test_a_place_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, plain_words():
        (tmp_path / "nowhere" / "marks.csv").write_text("")
    assert ended.value.exit_code == 2
    said = capsys.readouterr().err
    assert "nowhere/marks.csv: no such file or directory. Name a place" in said.replace(os.sep, "/")


@pytest.mark.parametrize(
    "error", [ValueError("ours"), KeyError("ours"), OSError("ours"), TypeError("ours")]
)
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error), match="ours"), plain_words():
        raise error


def test_traceback_is_shown_for_a_mistake_on_demand() -> None:
    token = show_traceback.set(True)
    try:
        with pytest.raises(CourseError), plain_words():
            raise CourseError("The file is empty: give another.")
    finally:
        show_traceback.reset(token)


def test_the_command_line_has_the_switch(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mnist_lab.course.cli", *arguments]
        package = str(Path(__file__).resolve().parents[3])
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": package},
            capture_output=True,
            text=True,
        )

    plain, full = run("badges", "--check"), run("--traceback", "badges", "--check")
    assert plain.returncode == 2
    sentence = "This folder is not in a copy of the course: go to a folder that is."
    assert plain.stderr == f"mnist-lab: {sentence}\n"
    assert "Traceback" in full.stderr and "CourseError: This folder" in full.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is one such signal only")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_stop_a_command_is_heard(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    stop: Callable[[], None] = lambda: os.kill(os.getpid(), number)  # noqa: E731
    try:
        with pytest.raises(typer.Exit) as ended, plain_words("All is kept."):
            stop()
        assert ended.value.exit_code == 130
        assert capsys.readouterr().err == "Stopped. All is kept.\n"
        signal.signal(number, signal.SIG_IGN)  # as under nohup
        if number != signal.SIGINT:
            with plain_words():
                stop()
            assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
