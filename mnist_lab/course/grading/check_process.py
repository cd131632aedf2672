"""What runs in the process that a ``Checker`` starts: set-up once, then check after check."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mnist_lab.course.grading.checks import Result, Task, judge, prepared
from mnist_lab.course.sandbox.proxies import Objects, TamperedError
from mnist_lab.course.sandbox.serialization import plain_text

__all__ = ["main"]

SPARE_SECONDS = 5.0


class _NoAnswerError(BaseException):
    """The kernel does not answer: not an Exception, which a check may catch."""

    def __init__(self, status: str, note: str) -> None:
        super().__init__(note)
        self.result = Result(0, status, note)


class _Relay:
    """The kernel as it is seen from here: through the parent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def evaluate(self, expression: str, buffers: Sequence[bytes]) -> dict[str, Any]:
        """Return the MIME bundle of an expression; _NoAnswerError if there is none."""
        _send(self._connection, {"evaluate": expression, "buffers": len(buffers)})
        for part in buffers:
            self._connection.send_bytes(part)
        answer = json.loads(self._connection.recv_bytes())
        if "error" in answer:
            raise _NoAnswerError(*answer["error"])
        return dict(answer["bundle"])


def main(handle: int) -> None:
    """Serve the parent at the other end of a connection until it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection = Connection(handle)
    begin = json.loads(connection.recv_bytes())
    setup: dict[str, Any] = {}
    fault = ""
    try:
        setup = prepared(tuple(begin["setup"]))
    except BaseException as error:
        fault = plain_text(f"{type(error).__name__}: {error}")
    _limit_memory(begin["memory"] * 2**20)
    _send(connection, {"fault": fault})
    with suppress(EOFError):
        while True:
            job = json.loads(connection.recv_bytes())
            _limit_time(job["seconds"])
            _send(connection, _answer(job, setup, Objects(_Relay(connection))))


def _answer(job: Mapping[str, Any], setup: dict[str, Any], objects: Objects) -> dict[str, Any]:
    given = {name: tuple(job["task"][name]) for name in ("names", "wanted")}
    task = Task(**{**job["task"], **given})
    try:
        result = judge(task, setup, objects, job["reply"])
    except _NoAnswerError as error:
        result = error.result
    except TamperedError as error:
        return {"tampered": str(error)}
    except MemoryError:
        return {"memory": True}
    return {"result": asdict(result)}


def _send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing is ever written there: this returns when the parent is gone
    os._exit(1)


def _limit_memory(more: int) -> None:
    """Allow this process so many bytes beyond what it has now, where the system counts them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # macOS has no /proc: there the parent watches
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _limit_time(seconds: float) -> None:
    """End this process should its parent be gone while a value keeps it busy in C code."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spare = (seconds + SPARE_SECONDS) * (os.cpu_count() or 1)
    limit = int(used.ru_utime + used.ru_stime + spare) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
