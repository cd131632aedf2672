"""The processes that learners' code runs in: from the start of a kernel to the end of all."""

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

import psutil

from mnist_lab.course import sandbox
from mnist_lab.course.kernels import ALIVE, WATCH

__all__ = ["KernelProcess"]

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
        home = sandbox.HOME if boxed else str(self._scratch)
        self.connection = self._write_connection(home)
        launch = [sys.executable, "-c", _LAUNCH if boxed else WATCH + _LAUNCH, str(memory)]
        launch += ["-f", f"{home}/kernel.json", "--IPKernelApp.log_level=ERROR"]
        launch += ["--HistoryManager.enabled=False"]
        try:
            self._process = subprocess.Popen(
                [*sandbox.command(self._scratch), *launch] if boxed else launch,
                stdin=subprocess.DEVNULL if boxed else ALIVE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=sandbox.environment(home, threads),
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
            sandbox.remove(self._scratch)

    def _write_connection(self, home: str) -> dict[str, Any]:
        """Tell the kernel where to listen; return where that is from here."""
        file, key = self._scratch / "kernel.json", secrets.token_hex()
        channels = ("shell", "control", "iopub", "stdin", "hb")
        ports = {f"{name}_port": number for number, name in enumerate(channels, start=1)}
        told = {**ports, "transport": "ipc", "key": key, "signature_scheme": "hmac-sha256"}
        file.write_text(json.dumps({**told, "ip": f"{home}/k"}))
        return {**told, "ip": f"{self._scratch}/k"}
