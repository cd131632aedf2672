"""The processes that learners' code runs in, from the start of a kernel to the end of all of them.

They run in a sandbox of bubblewrap, or in none where there is no bubblewrap. What runs in the
sandbox sees the system, Python, the digits and a scratch folder, all but the last read only; it has
no network and sees no process but its own.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from mnist_lab import data
from mnist_lab.course import CourseError
from mnist_lab.course.execution.kernels import ALIVE, PACKAGE, WATCH

__all__ = [
    "HOME",
    "KernelProcess",
    "digits_place",
    "environment",
    "refuse_if_visible",
    "remove",
    "sandboxed",
]

END_SECONDS = 5.0  # for killed processes to be gone
POLL_SECONDS = 0.005
# Limits are set before learners' code is there; in the sandbox nobody has the right to raise them.
_LAUNCH = """
import runpy, sys
memory = int(sys.argv.pop(1)) * 2**20
import resource
try:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except (OSError, ValueError):
    pass  # macOS refuses the last
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""
HOME = "/tmp"  # noqa: S108 - of the sandbox, where it is the scratch folder
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives"),
    *("/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
)


def digits_place() -> str:
    """Return the file or folder that digits come from, or ``sample``: the same in all kernels."""
    place = os.environ.get("MNIST_LAB_DATA") or "auto"
    if place == "sample":
        return place
    if place != "auto":
        return str(Path(place).expanduser().resolve())
    known = data.find_cached()
    return str(known.resolve()) if known else "sample"


def _visible() -> list[Path]:
    """Return what can be read in the sandbox; a folder that a link leads to as well as the link."""
    python = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    places = [*map(Path, _SYSTEM), *python, *(path.resolve() for path in python), PACKAGE]
    if (digits := digits_place()) != "sample":
        places.append(Path(digits))
    return [place for place in dict.fromkeys(places) if place.exists()]


def refuse_if_visible(path: Path) -> None:
    """Raise CourseError for a file or folder that learners' code could read in the sandbox."""
    for place in _visible():
        if path.resolve().is_relative_to(place.resolve()):
            raise CourseError(f"Learners' code could read {path}, as {place} is visible: move it.")


def sandboxed(scratch: Path) -> list[str]:
    """Return the command that runs what follows it in a sandbox.

    The scratch folder is its home, its /tmp and its shared memory: what is written there takes room
    on the disk rather than memory.
    """
    (scratch / "shm").mkdir()
    options = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    options += [f"--unshare-{what}" for what in ("user", "pid", "net", "ipc", "uts", "cgroup-try")]
    options += ["--uid", "1000", "--gid", "1000", "--proc", "/proc", "--dev", "/dev"]
    options += ["--bind", str(scratch), HOME, "--bind", str(scratch / "shm"), "/dev/shm"]  # noqa: S108
    for place in _visible():
        if place.is_symlink() and str(place) in _SYSTEM:  # /bin is usr/bin on most systems
            options += ["--symlink", str(place.readlink()), str(place)]
        else:
            options += ["--ro-bind", str(place), str(place)]
    # Where root grades, bubblewrap leaves /proc/sys as root's own files, and so open to change.
    for mount in ("/proc", "/dev", "/"):
        options += ["--remount-ro", mount]
    return [*options, "--chdir", HOME, "--"]


def environment(home: str, threads: int) -> dict[str, str]:
    """Return all environment variables of a kernel; of its own folders, all are ``home``."""
    folders = ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME", "MPLCONFIGDIR", "TMPDIR")
    libraries = ("OMP_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {
        **dict.fromkeys(folders, home),
        **dict.fromkeys(libraries, str(threads)),
        "LANG": "C.UTF-8",
        "MNIST_LAB_DATA": digits_place(),
        "MPLBACKEND": "agg",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PACKAGE.parent),  # the same mnist_lab as here
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "USER": "learner",
    }


def remove(folder: Path) -> None:
    """Delete a folder that no process uses any more, whatever it holds; links are not followed.

    Folders within folders move up before they are emptied: however deep they are nested, no path
    grows too long, and nothing here calls itself.
    """
    folder.chmod(0o700)
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)
            for inner in os.scandir(entry.path):
                if inner.is_dir(follow_symlinks=False):
                    Path(inner.path).chmod(0o700)  # else it cannot be moved
                    Path(inner.path).rename(folder / uuid4().hex)
                else:
                    Path(inner.path).unlink()
            Path(entry.path).rmdir()
    folder.rmdir()


def _is_alive(process: psutil.Process) -> bool:
    """Say whether a process can still do anything; init may take a second to bury a dead one."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


class KernelProcess:
    """A kernel and whatever it starts.

    Args:
        isolation: ``bwrap`` or ``process``.
        memory: MB of address space that each process may have.
        threads: for TensorFlow and NumPy.
        scratch: where its scratch folder is made; the paths of its sockets have 107 bytes.

    ``connection`` says where the kernel listens, as Jupyter's connection files do.
    """

    def __init__(self, isolation: str, memory: int, threads: int, scratch: str | None) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="mnist-lab-", dir=scratch))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the kernel
        boxed = isolation == "bwrap"
        home = HOME if boxed else str(self._scratch)
        self.connection = self._write_connection(home)
        launch = [sys.executable, "-c", _LAUNCH if boxed else WATCH + _LAUNCH, str(memory)]
        launch += ["-f", f"{home}/kernel.json", "--IPKernelApp.log_level=ERROR"]
        launch += ["--HistoryManager.enabled=False"]
        try:
            self._process = subprocess.Popen(
                [*sandboxed(self._scratch), *launch] if boxed else launch,
                stdin=subprocess.DEVNULL if boxed else ALIVE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment(home, threads),
                cwd=self._scratch,
                start_new_session=True,
            )
        except OSError:
            self._clear()
            raise

    def is_running(self) -> bool:
        """Say whether the kernel itself runs."""
        return self._process.poll() is None

    def family(self) -> list[psutil.Process]:
        """Return the first process, whose end is that of a sandbox, and all its descendants."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def last_words(self) -> str:
        """Return the last line of what was written to standard error."""
        self._errors.seek(0)
        return self._errors.read(100_000).decode(errors="replace").strip().rpartition("\n")[2]

    def end(self) -> None:
        """Kill the kernel and all that it started, then delete its scratch folder."""
        family = self.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError):  # what was started meanwhile
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + END_SECONDS
        while any(map(_is_alive, family)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self._clear()

    def _clear(self) -> None:
        self._errors.close()
        with suppress(OSError):  # a process that got away still writes there: not in a sandbox
            remove(self._scratch)

    def _write_connection(self, home: str) -> dict[str, Any]:
        """Tell the kernel where to listen; return where that is from here."""
        file, key = self._scratch / "kernel.json", secrets.token_hex()
        channels = ("shell", "control", "iopub", "stdin", "hb")
        ports = {f"{name}_port": number for number, name in enumerate(channels, start=1)}
        told = {**ports, "transport": "ipc", "key": key, "signature_scheme": "hmac-sha256"}
        file.write_text(json.dumps({**told, "ip": f"{home}/k"}))
        return {**told, "ip": f"{self._scratch}/k"}
