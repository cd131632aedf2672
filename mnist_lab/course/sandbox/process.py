"""The processes that learners' code runs in, from the start of a kernel to the end of all of them.

They run in a sandbox of bubblewrap, or in none where there is no bubblewrap. What runs in the
sandbox can read the system, Python and the digits. It can also write to a scratch folder and to a
folder for its sockets. It has no network and sees no process but its own.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from mnist_lab import data
from mnist_lab.course import CourseError
from mnist_lab.course.execution.kernels import ALIVE, PACKAGE, WATCH
from mnist_lab.course.sandbox.memory import filter_of_calls, holds_more

__all__ = [
    "HOME",
    "KernelProcess",
    "digits_place",
    "environment",
    "refuse_if_visible",
    "remove",
    "sandboxed",
    "short_temporary",
    "visible_places",
]

END_SECONDS = 5.0  # for killed processes to be gone
POLL_SECONDS = 0.005
COUNT_SECONDS = 0.1  # between two counts of processes
WATCH_SECONDS = 0.25  # between two looks at their memory
MAX_PROCESSES = 64  # of one kernel at a time
MAX_TASKS = 1024  # threads of all processes of a kernel, where the system's kernel can count them
MAX_FILES = 1024  # that a process has open: with each, the system's kernel keeps some memory
MAX_LINKS = 40  # of one path, as on Linux
# Limits are set before learners' code is there; in the sandbox nobody has the right to raise them.
_LAUNCH = """
import runpy, sys
memory, files, tasks = (int(sys.argv.pop(1)) for _ in range(3))
import resource
def limit(what, value):
    try:
        resource.setrlimit(what, (value, value))
    except (OSError, ValueError):
        pass  # macOS refuses some
limit(resource.RLIMIT_CORE, 0)
limit(resource.RLIMIT_NOFILE, files)
limit(resource.RLIMIT_FSIZE, memory * 2**20)
limit(resource.RLIMIT_AS, memory * 2**20)
if tasks:
    limit(resource.RLIMIT_NPROC, tasks)
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""
HOME = "/tmp"  # noqa: S108 - of the sandbox, where it is the scratch folder
_SOCKETS = "/run/kernel"  # of the sandbox
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


def visible_places() -> list[Path]:
    """Return what can be read in the sandbox: folders and files without links in their paths."""
    return sorted(_seen()[0])


def _seen() -> tuple[set[Path], dict[Path, Path]]:
    """Return what can be read in the sandbox, and the links (path -> target) that lead there.

    Python is often a link to a link in another folder, and finds its own files by way of them.
    """
    wanted = [*_SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    wanted += [sys.executable, str(PACKAGE)]
    wanted += [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    if (digits := digits_place()) != "sample":
        wanted.append(digits)
    real: set[Path] = set()
    links: dict[Path, Path] = {}
    for place in wanted:
        if Path(place).exists():
            end, on_the_way = _follow(Path(place))
            real.add(end)
            links |= on_the_way
    places = {place for place in real if real.isdisjoint(place.parents)}
    return places, {link: to for link, to in links.items() if places.isdisjoint(link.parents)}


def _follow(path: Path) -> tuple[Path, dict[Path, Path]]:
    """Return where a path leads, without links, and all links (path -> target) on the way."""
    links: dict[Path, Path] = {}
    here, ahead, followed = Path("/"), [*path.absolute().parts[1:]], 0
    while ahead:
        step = ahead.pop(0)
        if step == "..":
            here = here.parent
        elif (here / step).is_symlink() and followed < MAX_LINKS:
            followed += 1
            target = links[here / step] = (here / step).readlink()
            here = Path("/") if target.is_absolute() else here
            ahead = [part for part in target.parts if part != "/"] + ahead
        else:
            here /= step
    return here, links


def refuse_if_visible(path: Path) -> None:
    """Raise CourseError for a file or folder that learners' code could read in the sandbox."""
    for place in visible_places():
        if path.resolve().is_relative_to(place):
            raise CourseError(
                f"Learners' code could read {path}, because it can read {place}: move it elsewhere."
            )


def sandboxed(scratch: Path, sockets: Path) -> list[str]:
    """Return the command that runs what follows it in a sandbox.

    The scratch folder is its home, its /tmp and its shared memory: what is written there takes room
    on the disk rather than memory.
    """
    (scratch / "shm").mkdir()
    options = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    options += [f"--unshare-{what}" for what in ("user", "pid", "net", "ipc", "uts", "cgroup-try")]
    options += ["--uid", "1000", "--gid", "1000", "--proc", "/proc", "--dev", "/dev"]
    options += ["--bind", str(scratch), HOME, "--bind", str(scratch / "shm"), "/dev/shm"]  # noqa: S108
    options += ["--bind", str(sockets), _SOCKETS]
    places, links = _seen()
    for place in sorted(places):
        options += ["--ro-bind", str(place), str(place)]
    for link, target in links.items():  # /bin is usr/bin on most systems
        options += ["--symlink", str(target), str(link)]
    # Where root grades, bubblewrap leaves /proc/sys as root's own files, and so open to change.
    for mount in ("/proc", "/dev", "/"):
        options += ["--remount-ro", mount]
    return [*options, "--chdir", HOME]


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


def short_temporary() -> str:
    """Return the folder for temporary files, or another where its name is too long for sockets.

    Their paths have at most 107 bytes.
    """
    place = tempfile.gettempdir()
    return "/tmp" if len(os.fsencode(place)) > 60 else place  # noqa: S108


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


def _counts_by_namespace() -> bool:
    """Say whether the system's kernel counts the tasks of a sandbox apart from all of a user's.

    It does from Linux 5.14 on; tasks of root are never limited.
    """
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


def _descendants(first: int) -> list[int]:
    """Return the ids of a process and its descendants; a few more than MAX_PROCESSES at most.

    A fork bomb grows while it is counted, and what is read here must not grow with it.
    """
    if not Path("/proc/self/task").is_dir():
        with suppress(psutil.NoSuchProcess):
            return [first, *(child.pid for child in psutil.Process(first).children(recursive=True))]
        return []
    found = [first]
    for pid in found:  # which grows meanwhile
        if len(found) > MAX_PROCESSES:
            break
        with suppress(OSError):  # it has ended
            for thread in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (thread / "children").read_bytes().split())
    return found


def _is_alive(process: psutil.Process) -> bool:
    """Say whether a process can still do anything; init may take a second to bury a dead one."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


class KernelProcess:
    """A kernel and whatever it starts, watched for as long as it runs.

    Args:
        isolation: ``bwrap`` or ``process``.
        memory: MB that all its processes may hold together, and of address space for each.
        threads: for TensorFlow and NumPy.
        scratch: where its own folder is made; by default, where the system has temporary files.

    ``connection`` says where the kernel listens, as Jupyter's connection files do. ``fault`` is why
    the watch killed it, a sentence, or "".
    """

    def __init__(self, isolation: str, memory: int, threads: int, scratch: str | None) -> None:
        self.fault = ""
        self._memory = memory
        self._ended = threading.Event()
        self._folder = Path(tempfile.mkdtemp(prefix="mnist-lab-", dir=scratch or short_temporary()))
        self._scratch, self._sockets = self._folder / "home", self._folder / "s"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the kernel
        try:
            self._process = self._start(isolation == "bwrap", memory, threads)
        except OSError:
            self._clear()
            raise
        # Looked at, but not waited for until all is over: nobody else gets its number before.
        self._first = psutil.Process(self._process.pid)
        # Two threads, as reading about the memory of processes that fork takes very long.
        watches = ((COUNT_SECONDS, self._too_many), (WATCH_SECONDS, self._too_large))
        self._watchers = [
            threading.Thread(target=self._watch, args=of, daemon=True) for of in watches
        ]
        for watcher in self._watchers:
            watcher.start()

    def _start(self, boxed: bool, memory: int, threads: int) -> subprocess.Popen[bytes]:
        self._scratch.mkdir()
        self._sockets.mkdir()
        home = HOME if boxed else str(self._scratch)
        self.connection = self._write_connection(_SOCKETS if boxed else str(self._sockets))
        tasks = MAX_TASKS if boxed and _counts_by_namespace() else 0
        launch = [sys.executable, "-c", _LAUNCH if boxed else WATCH + _LAUNCH]
        launch += [
            str(memory),
            str(MAX_FILES),
            str(tasks),
            "-f",
            f"{home}/kernel.json",
            "--IPKernelApp.log_level=ERROR",
        ]
        launch += ["--HistoryManager.enabled=False"]
        with tempfile.TemporaryFile() as calls:
            if boxed:
                launch = ["--", *launch]
                if program := filter_of_calls():
                    calls.write(program)
                    calls.seek(0)
                    launch = ["--seccomp", str(calls.fileno()), *launch]
                launch = [*sandboxed(self._scratch, self._sockets), *launch]
            return subprocess.Popen(
                launch,
                stdin=subprocess.DEVNULL if boxed else ALIVE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment(home, threads),
                cwd=self._scratch,
                start_new_session=True,
                pass_fds=[calls.fileno()] if boxed else [],  # bubblewrap closes it
            )

    def is_running(self) -> bool:
        """Say whether the kernel itself runs."""
        return _is_alive(self._first)

    def remove_sockets(self) -> None:
        """Take the sockets' names away, once whoever needs them is connected.

        Learners' code may put anything in place of a socket, as a link to one of this computer's.
        Its folder stays in the sandbox, but no path outside leads there any more.
        """
        remove(self._sockets)

    def last_words(self) -> str:
        """Return the last line of what was written to standard error."""
        self._errors.seek(0)
        return self._errors.read(100_000).decode(errors="replace").strip().rpartition("\n")[2]

    def end(self) -> None:
        """Kill the kernel and all that it started, then delete its folder."""
        self._ended.set()
        family = self._kill()
        self._process.wait()
        deadline = time.monotonic() + END_SECONDS
        while any(map(_is_alive, family)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for watcher in self._watchers:
            watcher.join()
        self._clear()

    def _kill(self) -> list[psutil.Process]:
        """Kill the first process, with which a sandbox ends, and its descendants."""
        family = []
        for pid in _descendants(self._process.pid):
            with suppress(psutil.NoSuchProcess):
                family.append(psutil.Process(pid))
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        with suppress(ProcessLookupError):  # what was started meanwhile
            os.killpg(self._process.pid, signal.SIGKILL)
        return family

    def _watch(self, seconds: float, fault: Callable[[], str]) -> None:
        """Look every few seconds whether there is a fault, and kill the kernel if so."""
        while not self._ended.wait(seconds):
            if found := fault():
                self.fault = self.fault or found
                self._kill()
                return

    def _too_many(self) -> str:
        many = len(_descendants(self._process.pid)) > MAX_PROCESSES
        return f"It started more than {MAX_PROCESSES} processes." if many else ""

    def _too_large(self) -> str:
        large = holds_more(_descendants(self._process.pid), self._memory * 2**20)
        return f"It took more than {self._memory} MB of memory." if large else ""

    def _clear(self) -> None:
        self._errors.close()
        with suppress(OSError):  # a process that got away still writes there: not in a sandbox
            remove(self._folder)

    def _write_connection(self, sockets: str) -> dict[str, Any]:
        """Tell the kernel where to listen; return where that is from here."""
        file, key = self._scratch / "kernel.json", secrets.token_hex()
        channels = ("shell", "control", "iopub", "stdin", "hb")
        ports = {f"{name}_port": number for number, name in enumerate(channels, start=1)}
        told = {**ports, "transport": "ipc", "key": key, "signature_scheme": "hmac-sha256"}
        file.write_text(json.dumps({**told, "ip": f"{sockets}/k"}))
        return {**told, "ip": f"{self._sockets}/k"}
