"""Finds out by running it whether learners' code can be shut in on this computer."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mnist_lab.course import CourseError
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError
from mnist_lab.course.sandbox.memory import filter_of_calls
from mnist_lab.course.sandbox.process import short_temporary, visible_places

__all__ = ["choose_isolation", "fault_of_sandbox"]

INSTALL = "install it with apt install bubblewrap, dnf install bubblewrap, or what your system uses"
MEMORY = 1024  # MB, of the sandbox that is tried out
# What code in a sandbox must not get done; each line that is printed names what it did get done.
_ESCAPES = """
import ctypes, os, pathlib, socket
done = []
def attempt(what, action):
    try:
        if action():
            done.append(what)
    except Exception:
        pass
def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)
        return True
for path in {secrets!r}:
    attempt("reads " + path, lambda: pathlib.Path(path).read_bytes())
for path in {places!r}:
    attempt("", lambda: pathlib.Path(path, {mark!r}).write_text("x") and False)
attempt("sees the environment", lambda: "MNIST_LAB_DOCTOR" in os.environ)
attempt("sees processes", lambda: len([p for p in os.listdir("/proc") if p.isdigit()]) > 8)
attempt("reaches the network", lambda: connect(socket.AF_INET, ("127.0.0.1", {port})))
for address in {sockets!r}:
    name = address.replace("\\0", "@")
    attempt("reaches the socket " + name, lambda: connect(socket.AF_UNIX, address))
attempt("changes the system", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
attempt("takes memory without a limit", lambda: bytearray({memory} * 2**20))
if {filtered}:
    attempt("makes memory files", lambda: os.memfd_create("doctor") >= 0)
    shared = ctypes.CDLL(None).shmget
    attempt("makes shared memory", lambda: shared(0, 4096, 0o1600) >= 0)
"""
# Each process stays below the limit; together they pass it.
_HOARD = """
import time
hoard = []
for _ in range(4):
    if os.fork() == 0:
        try:
            while True:
                hoard.append(bytearray(b"x") * 2**24)
        except MemoryError:
            time.sleep(60)
time.sleep(15)
"""


def fault_of_sandbox() -> str:
    """Return why there is no sandbox here, a sentence with what to do; "" if it holds."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap runs on Linux only: use Linux, in a virtual machine or on a server."
    if shutil.which("bwrap") is None:
        return f"bubblewrap is missing: {INSTALL}."
    mark = f".mnist-lab-doctor-{secrets.token_hex(8)}"
    folders = [path for path in visible_places() if path.is_dir()] + _private_folders()
    os.environ["MNIST_LAB_DOCTOR"] = "a secret of the grader"
    try:
        with ExitStack() as stack:
            port, sockets = stack.enter_context(_listening(mark))
            code = _ESCAPES.format(
                secrets=[str(path) for path in stack.enter_context(_secrets(mark))],
                places=[str(folder) for folder in folders],
                mark=f"{mark}-new",
                port=port,
                sockets=sockets,
                memory=MEMORY,
                filtered=bool(filter_of_calls()),
            )
            done = _escapes(code)
        changed = [folder / f"{mark}-new" for folder in folders]
        for path in changed:
            if path.exists():
                done.append(f"changes {path.parent}")
                path.unlink()
    except KernelError as error:
        return f"The sandbox did not answer ({error.note}): try again when this computer is idle."
    except (OSError, ValueError) as error:
        return f"{error} {_advice()}"
    finally:
        del os.environ["MNIST_LAB_DOCTOR"]
    return f"The sandbox leaks: code in it {', '.join(done)}. Report this." if done else ""


def _escapes(code: str) -> list[str]:
    """Return what code in a sandbox gets done of what it must not."""
    with Kernel("bwrap", memory=MEMORY) as kernel:
        kernel.deadline = time.monotonic() + 30
        if kernel.run(code).get("status") != "ok":
            return ["does not run as it does outside"]
        told = str(kernel.evaluate("'\\n'.join(done)", ()).get("text/plain"))
        done = [what for what in told.strip("'").split("\\n") if what]
        try:
            kernel.run(_HOARD)
            done.append("takes memory without a limit in several processes")
        except KernelError as error:
            if "memory" not in error.note:
                raise
    return done


def _private_folders() -> list[Path]:
    """Return folders that private things lie in, but for those that learners' code may read."""
    known = [Path.cwd(), Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")]  # noqa: S108
    with suppress(RuntimeError):  # there is no home
        known.append(Path.home())
    seen = visible_places()
    real = dict.fromkeys(path.resolve() for path in known)
    return [path for path in real if not any(path.is_relative_to(place) for place in seen)]


@contextmanager
def _secrets(mark: str) -> Iterator[list[Path]]:
    """Put a file into each private folder, for the block; where that is refused, name one there."""
    found, made = [Path("/etc/passwd"), Path("/etc/hosts")], []
    try:
        for folder in _private_folders():
            path = folder / mark
            try:
                path.write_text("a secret of the grader")
                made.append(path)
            except OSError:
                with suppress(OSError):
                    found += [file for file in folder.iterdir() if file.is_file()][:1]
        yield found + made
    finally:
        for path in made:
            path.unlink(missing_ok=True)


@contextmanager
def _listening(mark: str) -> Iterator[tuple[int, list[str]]]:
    """Listen on a port and on two Unix sockets, one of them without a file, for the block."""
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="mnist-lab-", dir=short_temporary())
        folder = stack.enter_context(made)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        addresses = [f"{folder}/s", f"\0{mark}"]
        for address in addresses:
            unix = stack.enter_context(socket.socket(socket.AF_UNIX))
            unix.bind(address)
            unix.listen()
        yield server.getsockname()[1], addresses


def _advice() -> str:
    """Return what to do where no kernel starts: whether the system or Python is in the way."""
    tried = subprocess.run(
        [
            "bwrap",
            "--unshare-user",
            "--unshare-pid",
            "--unshare-net",
            "--ro-bind",
            "/",
            "/",
            "true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        said = tried.stderr.strip().rpartition("\n")[2]
        return (
            f"bubblewrap itself does not work ({said}): allow user namespaces on this system, or "
            "ask its administrator."
        )
    return (
        f"bubblewrap works, but {sys.executable} does not start in it: make a new environment with "
        "python -m venv and install mnist-lab in it."
    )


def choose_isolation(wanted: str) -> tuple[str, str]:
    """Return the isolation to use, and why it is none where that was not asked for.

    Args:
        wanted: ``auto``, ``bwrap`` or ``process``.

    Raises:
        CourseError: ``bwrap`` is wanted and does not work, or this is Windows.
    """
    if sys.platform == "win32":
        raise CourseError(
            "Grading needs Linux or macOS: run it in the Windows subsystem for Linux."
        )
    if wanted == "process":
        return "process", ""
    fault = fault_of_sandbox()
    if fault and wanted == "bwrap":
        raise CourseError(f"There is no sandbox here. {fault}")
    return ("process" if fault else "bwrap"), fault
