"""Kernels that run learners' code, and the one channel to them.

Replies come from a process that the learner's code may have changed in any way. So they are data of
bounded size, what is printed is never read, and the kernel is watched while it is waited for.
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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from mnist_lab.course import sandbox
from mnist_lab.course.kernels import ALIVE, WATCH

__all__ = ["Kernel", "KernelError"]

START_SECONDS = 60.0
GRACE_SECONDS = 1.0  # for an interrupted kernel to say that it stopped
END_SECONDS = 5.0  # for killed processes to be gone
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.25
MAX_PROCESSES = 64  # of one kernel at a time
MAX_MESSAGE = 64_000_000  # bytes; ZeroMQ ends the connection above it
MAX_PARTS = 2_000_000  # brackets and commas of a message: bounds what it becomes in memory
MAX_GROWTH = 1_000_000_000  # bytes that waiting for an answer may cost this process
# Limits are set before learners' code is there; in the sandbox nobody has the right to raise them.
_LAUNCH = """
import runpy, sys
memory = int(sys.argv.pop(1)) * 2**20
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except (ImportError, OSError, ValueError):
    pass  # Windows has no such limits, and macOS refuses the last
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


class KernelError(Exception):
    """No answer came; ``status`` is ``timeout`` or ``crashed``, ``note`` a sentence."""

    def __init__(self, status: str, note: str) -> None:
        super().__init__(note)
        self.status, self.note = status, note


class Kernel:
    """A kernel, from its start to the end of everything that it started; a context manager.

    Args:
        isolation: ``bwrap`` or ``process``.
        memory: MB of address space that each of its processes may have.
        threads: for TensorFlow and NumPy.

    ``deadline`` (a ``time.monotonic``) holds for every request until it is changed. ``failure`` is
    why no answer came last time; while it is not None, requests are refused with it.

    Raises ValueError when the kernel does not start; the sentence ends with what it said.
    """

    def __init__(self, isolation: str, memory: int, threads: int = 1) -> None:
        # The path of a socket has at most 107 bytes: a long TMPDIR would leave no room.
        short = "/tmp" if len(tempfile.gettempdir()) > 60 else None  # noqa: S108
        self.scratch = Path(tempfile.mkdtemp(prefix="mnist-lab-", dir=short))
        self.deadline = time.monotonic() + START_SECONDS
        self.failure: KernelError | None = None
        self.alive = True
        boxed = isolation == "bwrap"
        home = sandbox.HOME if boxed else str(self.scratch)
        self._context = zmq.Context()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the kernel
        launch = [sys.executable, "-c", _LAUNCH if boxed else WATCH + _LAUNCH, str(memory)]
        launch += ["-f", f"{home}/kernel.json", "--IPKernelApp.log_level=ERROR"]
        launch += ["--HistoryManager.enabled=False"]
        self._connection = self._write_connection(home)
        self._session = Session(key=self._connection["key"].encode(), username="grader")
        self._process = subprocess.Popen(
            [*sandbox.command(self.scratch), *launch] if boxed else launch,
            stdin=subprocess.DEVNULL if boxed else ALIVE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=sandbox.environment(home, threads),
            cwd=self.scratch,
            start_new_session=True,
        )
        try:
            self._shell = self._connect("shell")
            self._ask("kernel_info_request", {}, ())
        except KernelError as error:
            self._errors.seek(0)
            said = self._errors.read(100_000).decode(errors="replace").strip().rpartition("\n")[2]
            self.close()
            raise ValueError(f"No kernel started ({isolation}): {error.note} {said}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell and return what the kernel replies: whatever the learner's code made of it."""
        return self._ask("execute_request", {"code": code, "silent": False}, ())

    def evaluate(self, expression: str, buffers: Sequence[bytes]) -> dict[str, Any]:
        """Return the MIME bundle of an expression; buffers come with the request."""
        content = {"code": "", "silent": True, "user_expressions": {"value": expression}}
        reply = self._ask("execute_request", content, buffers)
        try:
            return dict(reply["user_expressions"]["value"]["data"])
        except (KeyError, TypeError, ValueError):
            return {}

    def close(self) -> None:
        """End the kernel and all that it started, then delete its scratch folder."""
        self.alive = False
        family = self._family()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if family and sys.platform != "win32":  # what was started meanwhile
            with suppress(ProcessLookupError):
                os.killpg(family[0].pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=END_SECONDS)
        self._context.destroy(linger=0)
        self._errors.close()
        with suppress(OSError):  # a process that got away still writes there: not in the sandbox
            sandbox.remove(self.scratch)

    def _family(self) -> list[psutil.Process]:
        """The first process, whose end is that of a whole sandbox, and all that descend from it."""
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except (AttributeError, psutil.NoSuchProcess):  # not started, or over
            return []

    def _write_connection(self, home: str) -> dict[str, Any]:
        """Tell the kernel where to listen; return where that is from here."""
        file, key = self.scratch / "kernel.json", secrets.token_hex()
        if sys.platform == "win32":  # its ZeroMQ may lack local sockets
            return dict(write_connection_file(str(file), ip="127.0.0.1", key=key.encode())[1])
        channels = ("shell", "control", "iopub", "stdin", "hb")
        ports = {f"{name}_port": number for number, name in enumerate(channels, start=1)}
        told = {**ports, "transport": "ipc", "key": key, "signature_scheme": "hmac-sha256"}
        file.write_text(json.dumps({**told, "ip": f"{home}/k"}))
        return {**told, "ip": f"{self.scratch}/k"}

    def _connect(self, channel: str) -> zmq.Socket[bytes]:
        connected = self._context.socket(zmq.DEALER)
        connected.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        connected.setsockopt(zmq.RCVHWM, 2)
        connected.setsockopt(zmq.RECONNECT_IVL, 10)  # milliseconds: it is about to listen
        place = self._connection
        separator = "-" if place["transport"] == "ipc" else ":"
        port = place[f"{channel}_port"]
        connected.connect(f"{place['transport']}://{place['ip']}{separator}{port}")
        return connected

    def _ask(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes]) -> dict[str, Any]:
        """Send a request and return the content of its reply; KernelError if none comes in time."""
        if self.failure:
            raise self.failure
        message = self._session.msg(kind, {**content, "allow_stdin": False, "stop_on_error": False})
        self._session.send(self._shell, message, buffers=list(buffers))
        asked = message["header"]["msg_id"]
        reply = self._wait(asked, self.deadline)
        if reply is None and self.alive:
            self.failure = KernelError("timeout", "It took longer than the time limit.")
            self._session.send(self._connect("control"), "interrupt_request", {})
            self.alive = self._wait(asked, time.monotonic() + GRACE_SECONDS) is not None
        if self.failure:
            raise self.failure
        return reply or {}

    def _wait(self, asked: str, deadline: float) -> dict[str, Any] | None:
        """Return the content of the reply to a request; None at the deadline or after a crash."""
        us = psutil.Process()
        size, look = us.memory_info().rss, time.monotonic() + WATCH_SECONDS
        while (now := time.monotonic()) < deadline:
            if self._shell.poll(1000 * min(POLL_SECONDS, deadline - now)):
                reply = self._receive(asked)
                if reply is not None:
                    return reply
            fault = "" if self._process.poll() is None else "It ended the kernel."
            if now > look and not fault:
                look = now + WATCH_SECONDS
                if len(self._family()) > MAX_PROCESSES:
                    fault = f"It started more than {MAX_PROCESSES} processes."
                elif us.memory_info().rss - size > MAX_GROWTH:
                    fault = "It sent far more than a reply."
            if fault:
                self.alive = False
                self.failure = self.failure or KernelError("crashed", fault)
                return None
        return None

    def _receive(self, asked: str) -> dict[str, Any] | None:
        """Return the content of the message that arrived if it is the reply to a request."""
        frames = self._shell.recv_multipart(zmq.NOBLOCK)
        if sum(frame.count(part) for frame in frames for part in (b"[", b"{", b",")) > MAX_PARTS:
            return None
        try:
            _, parts = self._session.feed_identities(frames)
            message = self._session.deserialize(parts)
            is_reply = message["parent_header"]["msg_id"] == asked
            return dict(message["content"]) if is_reply else None
        except Exception:  # whatever is wrong with it, it is no reply
            return None
