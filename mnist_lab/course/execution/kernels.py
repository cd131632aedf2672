"""Kernels that lessons run in: this very interpreter, and none outlives the command.

However the command ends (done, failed, Ctrl-C, killed), its kernels end with it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from weakref import WeakSet

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

__all__ = ["ALIVE", "PACKAGE", "WATCH", "LessonKernel", "in_parallel", "kernel_class"]

Result = TypeVar("Result")

PACKAGE = Path(__file__).resolve().parents[2]

# A kernel ends when its standard input does. That is a pipe which only this process could write to,
# so kernels end with it even if it was killed. (ipykernel 6.17 itself only notices when process 1
# adopts it; on a desktop the session manager does.)
ALIVE, _HELD_OPEN = os.pipe()
WATCH = """
import os, threading
def watch():
    os.read(0, 1)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
"""
_LAUNCH = f"""{WATCH}
import runpy
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


class LessonKernel(AsyncKernelManager):
    """Starts a kernel with this interpreter, whatever kernels called python3 are installed."""

    env: ClassVar[dict[str, str]] = {}
    _started: ClassVar[WeakSet[LessonKernel]] = WeakSet()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._started.add(self)

    @property
    def kernel_spec(self) -> KernelSpec:
        # Only errors: warnings of ipykernel 7 about local sockets would mix with our own lines.
        quiet = "--IPKernelApp.log_level=ERROR"
        argv = [sys.executable, "-c", _LAUNCH, "-f", "{connection_file}", quiet]
        return KernelSpec(argv=argv, env=self.env, display_name="Python 3", language="python")

    async def start_kernel(self, **options: Any) -> None:
        await super().start_kernel(stdin=ALIVE, **options)

    @classmethod
    def kill_all(cls) -> None:
        """End every kernel that runs, and what it started itself."""
        for kernel in list(cls._started):
            process = getattr(kernel.provisioner, "process", None)
            if process is None or process.poll() is not None:
                continue
            if sys.platform == "win32":
                process.kill()
            else:  # a kernel leads a process group of its own
                os.killpg(process.pid, signal.SIGKILL)


def kernel_class(folder: Path, threads: int | None) -> type[LessonKernel]:
    """Return a class of kernels for one lesson.

    Args:
        folder: for what IPython keeps: nobody's own settings reach the lesson.
        threads: for TensorFlow and NumPy; None leaves the choice to them.
    """
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {
        "PYTHONPATH": os.pathsep.join(paths),  # the same mnist_lab as here
        "IPYTHONDIR": str(folder),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # "Agg" would drop all figures
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger's warnings mix with ours
    }
    for name in ("MNIST_LAB_DATA", "MNIST_LAB_CACHE"):
        place = os.environ.get(name)
        if place and place not in ("auto", "sample"):  # the kernel works in another folder
            env[name] = str(Path(place).expanduser().resolve())
    if threads is not None:
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            env[name] = os.environ.get(name, str(threads))
    return type("LessonKernel", (LessonKernel,), {"env": env})


def in_parallel(
    tasks: Mapping[str, Callable[[], Result]], jobs: int, tick: Callable[[], None]
) -> Generator[tuple[str, Result], None, None]:
    """Call the tasks in their order, at most ``jobs`` at a time, and yield each name and result.

    ``tick`` is called about twice a second in between. Whatever interrupts the iteration (Ctrl-C,
    an error of a task, the end of the iterator) ends all kernels before it goes on its way.
    """
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = {pool.submit(task): name for name, task in tasks.items()}
        try:
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield futures[future], future.result()
                tick()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures):  # one may be just about to start
                LessonKernel.kill_all()
                time.sleep(0.1)
