"""Finds out by running it whether learners' code can be shut in on this computer."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from mnist_lab.course import CourseError
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError

__all__ = ["choose_isolation", "fault_of_sandbox"]

INSTALL = "install it with apt install bubblewrap, dnf install bubblewrap or your system's like"
# What code in a sandbox must not get done; each line that is printed names what it did get done.
_ESCAPES = """
import os, pathlib, socket
done = []
def attempt(what, action):
    try:
        if action():
            done.append(what)
    except Exception:
        pass
attempt("reads files", lambda: pathlib.Path({secret!r}).read_text())
attempt("changes the course", lambda: pathlib.Path({package!r}, "new").write_text("x"))
attempt("sees the environment", lambda: "MNIST_LAB_DOCTOR" in os.environ)
attempt("sees processes", lambda: len([p for p in os.listdir("/proc") if p.isdigit()]) > 8)
attempt("reaches the network", lambda: socket.create_connection(("127.0.0.1", {port}), 1))
attempt("changes the system", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
attempt("takes memory without a limit", lambda: bytearray(3 * 10**9))
"""


def fault_of_sandbox() -> str:
    """Return why there is no sandbox here, a sentence with what to do; "" if it holds."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap runs on Linux only: use Linux, in a virtual machine or on a server."
    if shutil.which("bwrap") is None:
        return f"bubblewrap is missing: {INSTALL}."
    folder = Path(tempfile.mkdtemp(prefix="mnist-lab-doctor-"))
    os.environ["MNIST_LAB_DOCTOR"] = "a secret of the grader"
    try:
        (folder / "secret").write_text("of the grader")
        with socket.create_server(("127.0.0.1", 0)) as server:
            code = _ESCAPES.format(
                secret=str(folder / "secret"),
                package=str(Path(__file__).parent),
                port=server.getsockname()[1],
            )
            with Kernel("bwrap", memory=2048) as kernel:
                kernel.deadline = time.monotonic() + 20
                if kernel.run(code).get("status") != "ok":
                    return "The sandbox starts and runs no code: report this as an issue."
                done = kernel.evaluate("done", ()).get("text/plain")
    except (KernelError, OSError, ValueError) as error:
        return f"{error} Allow user namespaces on this system, or ask who runs it to."
    finally:
        del os.environ["MNIST_LAB_DOCTOR"]
        shutil.rmtree(folder)
    return "" if done == "[]" else f"The sandbox leaks, code in it does this: {done}. Report it."


def choose_isolation(wanted: str) -> tuple[str, str]:
    """Return the isolation to use, and why it is none where that was not asked for.

    Args:
        wanted: ``auto``, ``bwrap`` or ``process``.

    Raises:
        CourseError: ``bwrap`` is wanted and does not work, or this is Windows.
    """
    if sys.platform == "win32":
        raise CourseError("Grading needs Linux or macOS: run it in Windows' subsystem for Linux.")
    if wanted == "process":
        return "process", ""
    fault = fault_of_sandbox()
    if fault and wanted == "bwrap":
        raise CourseError(f"There is no sandbox here. {fault}")
    return ("process" if fault else "bwrap"), fault
