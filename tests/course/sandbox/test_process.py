"""Processes of learners' code: what they see, what they may take, and that all of them end."""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache
from pathlib import Path

import psutil
import pytest

from mnist_lab.course.sandbox import process
from mnist_lab.course.sandbox.doctor import fault_of_sandbox
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")
sandbox_fault = lru_cache(fault_of_sandbox)
SECONDS = 60


@pytest.fixture(autouse=True)
def small_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")


@pytest.fixture(params=["bwrap", "process"])
def isolation(request: pytest.FixtureRequest) -> str:
    if request.param == "bwrap" and sandbox_fault():
        pytest.skip(sandbox_fault())
    return str(request.param)


def test_what_is_visible_may_hold_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"Learners' code could read .* move it"):
        process.refuse_if_visible(tmp_path / "assignments" / "01.ipynb")
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    process.refuse_if_visible(tmp_path / "assignments" / "01.ipynb")


def test_an_environment_without_the_graders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    environment = process.environment("/scratch", 1)
    assert "SECRET_TOKEN" not in environment
    assert environment["JUPYTER_RUNTIME_DIR"] == environment["HOME"] == "/scratch"


def test_remove_whatever_a_folder_holds(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("stays")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "link").symlink_to(kept)
    here = Path.cwd()
    os.chdir(scratch)
    try:
        for _ in range(1500):  # a path of 4,500 characters, which no system call takes
            Path("ab").mkdir()
            os.chdir("ab")
        Path("link").symlink_to(kept)
    finally:
        os.chdir(here)
    closed = scratch / "closed"
    (closed / "in").mkdir(parents=True)
    (closed / "in" / "file").touch()
    os.mkfifo(scratch / "pipe")
    (closed / "in").chmod(0)
    closed.chmod(0)
    process.remove(scratch)
    assert not scratch.exists()
    assert (kept / "file").read_text() == "stays"


# Each takes 1.2 GB in a way of its own where 1 GB is allowed; no process of it has so much itself.
FORKS = """import os, time
for _ in range(4):
    if os.fork() == 0:
        own = bytearray(b"x") * (300 * 2**20)
        time.sleep(600)
time.sleep(600)"""
SHARED_BY_THE_DEAD = """import mmap, os, time
def fill():
    kept = mmap.mmap(-1, 300 * 2**20)
    if os.fork() == 0:
        kept.write(b"x" * (300 * 2**20))
        os._exit(0)
    os.wait()
    time.sleep(600)
for _ in range(4):
    if os.fork() == 0:
        fill()
time.sleep(600)"""
MEMORY_FILES = """import os, time
for _ in range(6):
    file = os.memfd_create("hoard")
    for _ in range(200):
        os.write(file, bytes(2**20))
time.sleep(600)"""
TEN_CHILDREN_THAT_READ = """import os, time
shared = bytearray(b"x") * (150 * 2**20)
for _ in range(10):
    if os.fork() == 0:
        sum(shared[::4096])
        time.sleep(2)
        os._exit(0)
for _ in range(10):
    os.wait()"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [FORKS, SHARED_BY_THE_DEAD, MEMORY_FILES])
def test_memory_is_bounded_for_all_processes_together(code: str, isolation: str) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("a plain process elsewhere counts only what is resident")
    with Kernel(isolation, memory=1024) as kernel:
        kernel.deadline = time.monotonic() + SECONDS
        if isolation == "bwrap" and code is MEMORY_FILES:  # which the sandbox refuses at once
            assert kernel.run(code)["ename"] == "PermissionError"
            return
        with pytest.raises(KernelError, match="more than 1024 MB of memory") as caught:
            kernel.run(code)
        assert caught.value.status == "crashed"


@pytest.mark.slow
def test_what_processes_share_counts_once(isolation: str) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere nobody says what is shared")
    with Kernel(isolation, memory=1024) as kernel:
        kernel.deadline = time.monotonic() + SECONDS
        assert kernel.run(TEN_CHILDREN_THAT_READ)["status"] == "ok"


@pytest.mark.slow
def test_processes_are_counted(isolation: str) -> None:
    code = "import subprocess, time\nfor _ in range(70): subprocess.Popen(['sleep', '600'])\n"
    with Kernel(isolation, memory=2048) as kernel:
        kernel.deadline = time.monotonic() + SECONDS
        with pytest.raises(KernelError, match="more than 64 processes"):
            kernel.run(code + "time.sleep(600)")


def test_sockets_are_out_of_reach(isolation: str) -> None:
    """No link that learners' code makes leads the grader anywhere, and interrupts still arrive."""
    with Kernel(isolation, memory=2048) as kernel:
        assert not list(Path(kernel._place["ip"]).parent.parent.glob("s"))
        kernel.deadline = time.monotonic() + SECONDS
        link = "import os\nos.symlink('/elsewhere', '/run/kernel/k-2')"
        assert kernel.run(link)["ename"] == "FileNotFoundError"
        kernel.deadline = time.monotonic() + 1
        with pytest.raises(KernelError, match="longer than the time limit"):
            kernel.run("while True: pass")
        assert kernel.alive
        kernel.failure, kernel.deadline = None, time.monotonic() + SECONDS
        assert kernel.run("1")["status"] == "ok"


def test_all_of_a_kernel_ends(isolation: str) -> None:
    before = {folder.name for folder in Path(process.short_temporary()).glob("mnist-lab-*")}
    with Kernel(isolation, memory=2048) as kernel:
        kernel.deadline = time.monotonic() + SECONDS
        kernel.run("import subprocess\nsubprocess.Popen(['sleep', '4321.25'])")
        folder = Path(kernel._place["ip"]).parent.parent
        assert folder.name not in before
    assert not folder.exists()
    left = [p for p in psutil.process_iter(["cmdline"]) if "4321.25" in (p.info["cmdline"] or ())]
    assert not left


def test_links_are_followed_step_by_step(tmp_path: Path) -> None:
    real = tmp_path.resolve() / "real"
    (real / "bin").mkdir(parents=True)
    (real / "bin" / "python").touch()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to(real)
    (tmp_path / "c").symlink_to("a/../a/bin/python")
    end, links = process._follow(tmp_path.resolve() / "c")
    assert end == real / "bin" / "python"
    assert [link.name for link in links] == ["c", "a", "b"]
    (tmp_path / "loop").symlink_to("loop")
    process._follow(tmp_path / "loop")  # comes to an end
    end, links = process._follow(tmp_path.resolve() / "a" / "bin" / "python")
    assert end == real / "bin" / "python"
    assert [link.name for link in links] == ["a", "b"]
