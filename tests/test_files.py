"""A file is written whole or not at all; a lock keeps it for one process, and goes with it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_lab._files import LockedError, locked, write_text

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
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        holder = f"is in use by process {other.pid} on {socket.gethostname()}: wait until"
        with pytest.raises(LockedError, match=holder), locked(path):
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
    command = [sys.executable, "-c", code, path]
    others = [subprocess.Popen(command) for _ in range(3)]
    assert [other.wait(timeout=120) for other in others] == [0, 0, 0]
    assert path.read_text() == "900"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other locks")
def test_where_there_are_no_locks_the_work_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "marks.csv"):
        write_text(tmp_path / "marks.csv", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["marks.csv"]


def test_errors_name_the_file_that_the_user_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "nowhere" / "marks.csv"
    with pytest.raises(FileNotFoundError) as caught, locked(missing):
        pass
    assert caught.value.filename == str(missing)

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "marks.csv"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OSError, match="No space left") as full:
        write_text(path, "new")
    assert full.value.filename == str(path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"marks.csv": "old"}
