"""A process of its own that computes checks, and can be stopped whatever a value makes it do.

A small answer may keep a check busy for ever, or make it take all memory, in code that no exception
reaches. The process is the grader's: it runs the instructor's set-up once, then one check after the
other. It asks for learners' objects through its parent, which holds the kernel, and nothing is
pickled on the way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing import Pipe
from typing import Any

import psutil

from mnist_lab.course.execution.kernels import ALIVE, PACKAGE
from mnist_lab.course.grading.checks import Result, Task
from mnist_lab.course.sandbox import timeouts
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError
from mnist_lab.course.sandbox.process import digits_place
from mnist_lab.course.sandbox.proxies import TamperedError

__all__ = ["Checker", "GraderFault", "borrowed"]

WATCH_SECONDS = 0.25
TOO_LARGE = "Checking the result takes too much memory: return a result of the size asked for."


class GraderFault(Exception):  # noqa: N818 - it is no error of anything but the grader
    """Grading one submission failed for a reason that is not the learner's: it gets no mark."""


class _EndedError(Exception):
    """The process is gone, or was stopped; ``result`` is what that says of the exercise."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.note)
        self.result = result


class Checker:
    """The process, started when it is needed, and again after it had to be stopped.

    Args:
        setup: sources of the SETUP cells.
        memory: MB that checks may take beyond what the set-up holds.
        seconds: that the set-up may take.
        threads: for TensorFlow and NumPy.
    """

    def __init__(self, setup: tuple[str, ...], memory: int, seconds: float, threads: int) -> None:
        self._setup, self._memory, self._seconds, self._threads = setup, memory, seconds, threads
        self._process: subprocess.Popen[bytes] | None = None
        self._is_new = True
        self._size = 0  # bytes of memory with the set-up, and before any check

    def judge(
        self,
        task: Task,
        kernel: Kernel,
        reply: Mapping[str, Any],
        seconds: float,
    ) -> Result:
        """Return the result of an exercise after its cell was run, see ``checks.judge``.

        Raises:
            KernelError: the check took longer than the seconds that it has.
            TamperedError: the kernel answers nonsense.
            GraderFault: the set-up does not run, or something else ended the process.
        """
        said = {key: str(reply.get(key))[:300] for key in ("status", "ename", "evalue")}
        job = {"task": asdict(task), "reply": said, "seconds": seconds}
        while True:
            self._start()
            is_new, self._is_new = self._is_new, False
            try:
                return self._answer(job, kernel, time.monotonic() + seconds)
            except TamperedError:
                raise
            except _EndedError as ended:
                self.close()
                if is_new:  # so nothing of another submission has a part in it
                    return ended.result
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        self._is_new, self._size = True, 0
        if process:
            process.kill()
            process.wait()
            self._connection.close()

    def _start(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self.close()
        self._connection, theirs = Pipe()
        environment = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self._threads)),
            "MNIST_LAB_DATA": digits_place(),  # what kernels see: checks know what it gives
            "MPLBACKEND": "agg",
            "PYTHONPATH": str(PACKAGE.parent),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        handle = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mnist_lab.course.grading.check_process", str(handle)],
            stdin=ALIVE,  # it ends with this process
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=[handle],
            start_new_session=True,
        )
        theirs.close()
        try:
            self._send({"setup": self._setup, "memory": self._memory})
            started = self._receive(time.monotonic() + self._seconds)
            fault = started["fault"]
        except (EOFError, OSError):
            fault = "they ended the process"
        except KernelError:
            fault = f"they take longer than {self._seconds:g} s"
        except BaseException:
            self.close()
            raise
        if not fault:
            self._size = psutil.Process(self._process.pid).memory_info().rss
            return
        self.close()
        raise GraderFault(f"The SETUP cells do not run where checks run ({fault}): mend them.")

    def _answer(self, job: dict[str, Any], kernel: Kernel, deadline: float) -> Result:
        """Give the process a job, and what it asks the kernel for, until it has a result."""
        try:
            self._send(job)
            while True:
                message = self._receive(deadline)
                if "result" in message:
                    return Result(**message["result"])
                if "tampered" in message:
                    raise TamperedError(message["tampered"])
                if "memory" in message:
                    raise _EndedError(Result(0, "failed", TOO_LARGE))
                buffers = [self._connection.recv_bytes() for _ in range(message["buffers"])]
                try:
                    answer: dict[str, Any] = {
                        "bundle": kernel.evaluate(message["evaluate"], buffers)
                    }
                except KernelError as error:
                    answer = {"bundle": None, "error": [error.status, error.note]}
                self._send(answer)
        except (EOFError, OSError):
            raise self._ended() from None

    def _ended(self) -> Exception:
        """Say what the end of the process means."""
        assert self._process
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return KernelError("timeout", timeouts.CHECK)
        if code == -signal.SIGKILL:
            return GraderFault("The process that checks was killed: free memory and grade again.")
        note = "Checking the result ended the process that checks: return a plain value."
        return _EndedError(Result(0, "crashed", note))

    def _send(self, message: Mapping[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def _receive(self, deadline: float) -> dict[str, Any]:
        """Return the next message; the process is watched while it is waited for."""
        assert self._process
        while not self._connection.poll(min(WATCH_SECONDS, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() > deadline:
                raise KernelError("timeout", timeouts.CHECK)
            self._watch_memory()
        message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return message

    def _watch_memory(self) -> None:
        """Stop a check that takes too much where the system itself does not, as on macOS."""
        if self._process and self._size:
            with suppress(psutil.NoSuchProcess):
                size = psutil.Process(self._process.pid).memory_info().rss
                if size - self._size > self._memory * 2**20:
                    raise _EndedError(Result(0, "failed", TOO_LARGE))


_idle: dict[tuple[Any, ...], list[Checker]] = {}
_lock = threading.Lock()


@contextmanager
def borrowed(
    setup: tuple[str, ...], memory: int, seconds: float, threads: int
) -> Iterator[Checker]:
    """Give a Checker that nobody else in this process uses; the next submission gets it again.

    Submissions may be graded in several threads, as by Dask. The arguments are Checker's.
    """
    wanted = (setup, memory, seconds, threads)
    with _lock:
        for others in [key for key in _idle if key != wanted]:
            for checker in _idle.pop(others):
                checker.close()
        idle = _idle.setdefault(wanted, [])
        checker = idle.pop() if idle else Checker(*wanted)
    try:
        yield checker
    finally:
        with _lock:
            _idle.setdefault(wanted, []).append(checker)
