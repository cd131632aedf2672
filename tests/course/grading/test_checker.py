"""The process that computes checks: whatever a value makes it do, it ends, and a mark is said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from mnist_lab.course.grading import checker as module
from mnist_lab.course.grading.checker import Checker, GraderFault, borrowed
from mnist_lab.course.grading.checks import Task
from mnist_lab.course.sandbox.kernel_client import KernelError
from mnist_lab.course.sandbox.proxies import TamperedError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")

SETUP = ("import os, signal, time\nimport numpy as np",)
TASK = Task("01", "assert value == 3, 'not 3'", 1, ("value",), ("value",), {})
ARGUMENTS = (SETUP, 256, 60.0, 1)


class FakeKernel:
    """A kernel in which one plain value lies, or one that gives no answer."""

    def __init__(self, value: Any, error: Exception | None = None) -> None:
        self.value, self.error = value, error

    def evaluate(self, _: str, buffers: Sequence[bytes]) -> dict[str, Any]:
        assert json.loads(buffers[0])
        if self.error:
            raise self.error
        return {"value": json.dumps(self.value)}


def judge(checker: Checker, value: Any, check: str = TASK.check, seconds: float = 30) -> Any:
    kernel: Any = value if isinstance(value, FakeKernel) else FakeKernel(value)
    return checker.judge(replace(TASK, check=check), kernel, {"status": "ok"}, seconds)


@pytest.fixture
def checker() -> Iterator[Checker]:
    started = Checker(*ARGUMENTS)
    yield started
    started.close()


def test_results(checker: Checker) -> None:
    assert judge(checker, 3).status == "passed"
    assert judge(checker, 4).note == "not 3"
    assert judge(checker, None).status == "not attempted"
    with pytest.raises(TamperedError):
        judge(checker, {"nothing": "that we know"})
    lost = FakeKernel(3, KernelError("crashed", "It ended the kernel."))
    assert judge(checker, lost).note == "It ended the kernel."
    caught = "try:\n    value()\nexcept Exception:\n    pass"
    assert judge(checker, lost, caught).status == "crashed"


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize(
    "check",
    [
        "sum(range(value))",
        "for _ in range(value): pass",
        "try:\n    time.sleep(value)\nexcept: pass",
    ],
)
def test_value_that_keeps_a_check_busy(check: str, in_thread: bool, checker: Checker) -> None:
    """In the main thread and, as with a Dask worker, in another one."""
    with pytest.raises(KernelError, match="took longer") as caught, ThreadPoolExecutor(1) as pool:
        if in_thread:
            pool.submit(judge, checker, 10**9, check, 0.5).result()
        else:
            judge(checker, 10**9, check, 0.5)
    assert caught.value.status == "timeout"
    assert judge(checker, 3).status == "passed"


@pytest.mark.parametrize("check", ["np.ones(value)", "bytearray(value)", "[0] * value"])
def test_value_that_takes_memory(check: str, checker: Checker) -> None:
    assert judge(checker, 3).status == "passed"
    result = judge(checker, 2_000_000_000, check)
    assert (result.status, result.note) == ("failed", module.TOO_LARGE)
    assert judge(checker, 20_000_000, "bytearray(value)").status == "passed"


def test_memory_is_watched_where_it_has_no_limit() -> None:
    checker = Checker(SETUP, 4096, 60.0, 1)
    try:
        assert judge(checker, 3).status == "passed"
        checker._memory = 100  # it was told another number
        result = judge(checker, 300, "kept = bytes([1]) * value * 2**20\ntime.sleep(20)")
        assert (result.status, result.note) == ("failed", module.TOO_LARGE)
    finally:
        checker.close()


def test_check_that_ends_its_process(checker: Checker) -> None:
    result = judge(checker, 3, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert (result.points, result.status) == (0, "crashed")
    with pytest.raises(GraderFault, match="was killed: free memory"):
        judge(checker, 3, "os.kill(os.getpid(), signal.SIGKILL)")
    assert judge(checker, 3).status == "passed"


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit", "SystemExit"),
        ("import os\nos._exit(0)", "they ended the process"),
        ("while True: pass", "they take longer than 2 s"),
    ],
)
def test_set_up_that_does_not_run_is_the_graders_fault(setup: str, words: str) -> None:
    checker = Checker((setup,), 256, 2.0, 1)
    with pytest.raises(GraderFault, match=f"The SETUP cells do not run .*{words}.*: mend them"):
        judge(checker, 3)


def test_set_up_runs_once_and_no_check_changes_it(checker: Checker) -> None:
    assert judge(checker, 3, "np.marked = value\nos = None").status == "passed"
    assert judge(checker, 3, "assert np.marked == 3 and os.getpid()").status == "passed"


def test_submissions_side_by_side_have_processes_of_their_own() -> None:
    with borrowed(*ARGUMENTS) as first, borrowed(*ARGUMENTS) as second:
        assert first is not second
    with borrowed(*ARGUMENTS) as again:
        assert again in (first, second)
        assert judge(again, 3).status == "passed"
    with borrowed((), 256, 60.0, 1) as other:  # another assignment: the processes are gone
        assert other not in (first, second)
        assert again._process is None


HOLDER = """
import sys
sys.path[:0] = [{tests!r}]
from test_checker import ARGUMENTS, Checker, judge
checker = Checker(*ARGUMENTS)
judge(checker, 3)
print(checker._process.pid, flush=True)
judge(checker, 60, "time.sleep(value)", 60)
"""


def test_the_process_ends_with_its_parent() -> None:
    code = HOLDER.format(tests=str(Path(__file__).parent))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    assert child.wait(timeout=30) is None or not child.is_running()
