"""A lock keeps a file for one process, and goes with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_lab._files import locked

HOLD = """
import sys, time
from pathlib import Path
from mnist_lab._files import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_lock_is_given_once_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    with locked(path):
        with pytest.raises(BlockingIOError), locked(path):
            pass
        with locked(tmp_path / "other.csv"):
            pass
    with locked(path), pytest.raises(BlockingIOError), locked(path):
        pass
    with pytest.raises(ZeroDivisionError), locked(path):
        1 / 0  # noqa: B018
    with locked(path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(BlockingIOError), locked(path):
            pass
        other.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        other.wait()
        with locked(path):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_two_processes_never_have_it_at_once(tmp_path: Path) -> None:
    """Also while lock files come and go: each process adds to a number that is not protected."""
    path = tmp_path / "number.txt"
    path.write_text("0")
    code = """
import sys
from pathlib import Path
from mnist_lab._files import locked
path, done = Path(sys.argv[1]), 0
while done < 300:
    try:
        with locked(path):
            path.write_text(str(int(path.read_text()) + 1))
            done += 1
    except BlockingIOError:
        pass
"""
    command = [sys.executable, "-c", code, str(path)]
    others = [subprocess.Popen(command) for _ in range(3)]
    assert [other.wait(timeout=120) for other in others] == [0, 0, 0]
    assert path.read_text() == "900"
