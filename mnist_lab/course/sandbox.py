"""The walls around learners' code: a sandbox of bubblewrap, or none where there is no bubblewrap.

What runs in the sandbox sees the system, Python, the digits and a scratch folder, all but the last
read only; it has no network and sees no process but its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from uuid import uuid4

from mnist_lab import data
from mnist_lab.course.kernels import PACKAGE

__all__ = ["ISOLATIONS", "command", "digits_place", "environment", "refuse_if_visible", "remove"]

ISOLATIONS = ("bwrap", "process")
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
    """Raise ValueError for a file or folder that learners' code could read in the sandbox."""
    for place in _visible():
        if path.resolve().is_relative_to(place.resolve()):
            raise ValueError(f"Learners' code could read {path}, as {place} is visible: move it.")


def command(scratch: Path) -> list[str]:
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
