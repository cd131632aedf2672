"""Kernels that run learners' code, and the one channel to them.

Replies come from a process that the learner's code may have changed in any way. So they are data of
bounded size, what is printed is never read, and the kernel is watched while it is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psutil
import zmq
from jupyter_client.session import Session

from mnist_lab.course import CourseError
from mnist_lab.course.sandbox import timeouts
from mnist_lab.course.sandbox.process import KernelProcess

__all__ = ["Kernel", "KernelError"]

START_SECONDS = 60.0
GRACE_SECONDS = 1.0  # for an interrupted kernel to say that it stopped
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.25
MAX_MESSAGE = 64_000_000  # bytes; ZeroMQ ends the connection above it
MAX_PARTS = 2_000_000  # brackets and commas of a message: bounds what it becomes in memory
MAX_GROWTH = 1_000_000_000  # bytes that waiting for an answer may cost this process


class KernelError(Exception):
    """No answer came; ``status`` is ``timeout`` or ``crashed``, ``note`` a sentence."""

    def __init__(self, status: str, note: str) -> None:
        super().__init__(note)
        self.status, self.note = status, note


class Kernel:
    """A kernel, from its start to the end of everything that it started; a context manager.

    Args:
        isolation: ``bwrap`` or ``process``.
        memory: MB that all its processes may hold together.
        threads: for TensorFlow and NumPy.
        scratch: folder for its scratch folder; by default the system's for temporary files.

    ``deadline`` (a ``time.monotonic``) holds for every request until it is changed. ``failure`` is
    why no answer came last time; while it is not None, requests are refused with it.

    Raises CourseError when the kernel does not start; the sentence ends with what it said.
    """

    def __init__(
        self, isolation: str, memory: int, threads: int = 1, scratch: str | None = None
    ) -> None:
        self.deadline = time.monotonic() + START_SECONDS
        self.failure: KernelError | None = None
        self.alive = True
        self._process = KernelProcess(isolation, memory, threads, scratch)
        self._place = self._process.connection
        key = self._place["key"].encode()
        self._session = Session(key=key, username="grader")
        self._context = zmq.Context()
        try:
            # Both before learners' code runs: what lies at these places afterwards is its doing.
            self._shell, self._control = self._connect("shell"), self._connect("control")
            for channel in (self._control, self._shell):
                self._ask("kernel_info_request", {}, (), channel)
            self._process.remove_sockets()
        except KernelError as error:
            said = f"{error.note} {self._process.last_words()}"
            self.close()
            raise CourseError(f"No kernel started ({isolation}): {said}") from None
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
        """End the kernel and all that it started."""
        self.alive = False
        self._process.end()
        self._context.destroy(linger=0)

    def _connect(self, channel: str) -> zmq.Socket[bytes]:
        connected = self._context.socket(zmq.DEALER)
        connected.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        connected.setsockopt(zmq.RCVHWM, 2)
        connected.setsockopt(zmq.RECONNECT_IVL, 10)  # milliseconds: it is about to listen
        place = self._place
        connected.connect(f"ipc://{place['ip']}-{place[f'{channel}_port']}")
        return connected

    def _ask(
        self,
        kind: str,
        content: dict[str, Any],
        buffers: Sequence[bytes],
        channel: zmq.Socket[bytes] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the content of its reply; KernelError if none comes in time."""
        if self.failure:
            raise self.failure
        channel = channel or self._shell
        asked = self._send(channel, kind, content, buffers)
        reply = self._wait(channel, asked, self.deadline)
        if reply is None and self.alive:
            self.failure = KernelError("timeout", timeouts.CELL)
            stop = self._send(self._control, "interrupt_request", {})
            self.alive = self._wait(channel, asked, self._soon()) is not None
            # Were it still on its way, it would interrupt the next cell.
            self.alive = self.alive and self._wait(self._control, stop, self._soon()) is not None
        if self.failure:
            raise self.failure
        return reply or {}

    def _soon(self) -> float:
        return time.monotonic() + GRACE_SECONDS

    def _send(
        self,
        channel: zmq.Socket[bytes],
        kind: str,
        content: dict[str, Any],
        buffers: Sequence[bytes] = (),
    ) -> str:
        """Send a request and return its id."""
        message = self._session.msg(kind, {**content, "allow_stdin": False, "stop_on_error": False})
        self._session.send(channel, message, buffers=list(buffers))
        return str(message["header"]["msg_id"])

    def _wait(
        self, channel: zmq.Socket[bytes], asked: str, deadline: float
    ) -> dict[str, Any] | None:
        """Return the content of the reply to a request; None at the deadline or after a crash."""
        us = psutil.Process()
        size, look = us.memory_info().rss, time.monotonic() + WATCH_SECONDS
        while (now := time.monotonic()) < deadline:
            if channel.poll(int(1000 * min(POLL_SECONDS, deadline - now))):
                reply = self._receive(channel, asked)
                if reply is not None:
                    return reply
            fault = ""
            if not self._process.is_running():
                fault = self._process.fault or "It ended the kernel."
            elif now > look:
                look = now + WATCH_SECONDS
                if us.memory_info().rss - size > MAX_GROWTH:
                    fault = "It sent far more than a reply."
            if fault:
                self.alive = False
                self.failure = self.failure or KernelError("crashed", fault)
                return None
        return None

    def _receive(self, channel: zmq.Socket[bytes], asked: str) -> dict[str, Any] | None:
        """Return the content of the message that arrived if it is the reply to a request."""
        frames = channel.recv_multipart(zmq.NOBLOCK)
        if sum(frame.count(part) for frame in frames for part in (b"[", b"{", b",")) > MAX_PARTS:
            return None
        try:
            _, parts = self._session.feed_identities(frames)
            message = self._session.deserialize(parts)
            is_reply = message["parent_header"]["msg_id"] == asked
            return dict(message["content"]) if is_reply else None
        except Exception:  # whatever is wrong with it, it is no reply
            return None
