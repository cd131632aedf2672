"""Executes one lesson and says exactly what became of it.

``run_lesson`` goes through papermill (parameters, timings), ``refresh_lesson`` through nbclient
(clean outputs to commit). Neither writes into the course: they return an executed copy.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from mnist_lab.course.execution.cells import executed_cells
from mnist_lab.course.execution.kernels import kernel_class
from mnist_lab.course.execution.records import KERNELSPEC, LANGUAGE, read_notebook, source_digest

__all__ = ["is_finished", "refresh_lesson", "run_lesson"]

OnCell = Callable[[int], None]


def _explain(error: Exception) -> str:
    if isinstance(error, CellTimeoutError):
        return "the cell took longer than the time limit (--timeout)"
    if isinstance(error, DeadKernelError):
        return "the kernel died in this cell (often because memory ran out)"
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _failure(
    notebook: NotebookNode, error: Exception | None, running: str
) -> dict[str, Any] | None:
    """What is wrong with an executed notebook, or None.

    Args:
        notebook: the notebook after its execution.
        error: what ended the execution early, if anything did.
        running: id of the cell that was started last.

    Returns:
        ``cell`` (executed cells count from 1, as in their prompts), ``id``, ``error``, ``excerpt``.
    """
    stopped = isinstance(error, CellTimeoutError | DeadKernelError)
    for number, cell in enumerate(executed_cells(notebook), 1):
        place = {"cell": number, "id": cell.id, "excerpt": ""}
        last = error is not None and cell.id == running
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and not (last and stopped):  # a cell that is stopped may store KeyboardInterrupt
            message = f"{errors[0].ename}: {errors[0].evalue}".rstrip(": ").splitlines()[0]
            plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(errors[0].traceback))
            # The lines with an arrow: how the lesson's own line led to the error.
            arrows = re.findall(r"^-+> .*$", plain, re.MULTILINE)[:6]
            return place | {"error": message, "excerpt": "\n".join(arrows)}
        if error is not None and last:
            return place | {"error": _explain(error)}
        # papermill's own status says "completed" for cells that a dead kernel never ran.
        if error is None and cell.execution_count is None:
            return place | {"error": "the cell was not run"}
    return None if error is None else {"cell": 0, "id": "", "excerpt": "", "error": _explain(error)}


def _reported(executed: NotebookNode) -> dict[str, Any]:
    """Return what :func:`mnist_lab.environment.report` left in the lesson, if it did."""
    for cell in executed_cells(executed):
        for output in cell.outputs:
            if facts := output.get("metadata", {}).get("mnist_lab"):
                return dict(facts)
    return {}


def is_finished(executed: NotebookNode, digest: str) -> bool:
    """Tell whether a run left this notebook complete and nothing it depends on changed since."""
    record = executed.metadata.get("mnist_lab", {})
    return record.get("run") == digest and _failure(executed, None, "") is None


def _execute(
    notebook: NotebookNode,
    engine: Callable[[NotebookNode, Path, dict[str, Any]], NotebookNode],
    threads: int | None,
    on_cell: OnCell,
    *,
    published: bool = True,
) -> tuple[NotebookNode, dict[str, Any] | None]:
    """Execute a copy in a folder that is gone afterwards; return it and what failed."""
    notebook = deepcopy(notebook)
    started = [""]

    def count(cell: NotebookNode, cell_index: int) -> None:
        started.append(cell.id)
        on_cell(len(started) - 1)

    error = None
    with TemporaryDirectory(prefix="mnist-lab-", ignore_cleanup_errors=True) as folder:
        partial = Path(folder, "lesson.ipynb")
        options = {
            "kernel_manager_class": kernel_class(
                Path(folder, "ipython"), threads, published=published
            ),
            "resources": {"metadata": {"path": folder}},
            "coalesce_streams": True,
            "on_cell_execute": count,
        }
        try:
            notebook = engine(notebook, partial, options)
        except Exception as problem:
            error = problem
            if partial.is_file():  # papermill leaves there what it has; nbclient changes the copy
                notebook = read_notebook(partial)
    return notebook, _failure(notebook, error, started[-1])


def run_lesson(
    notebook: NotebookNode,
    parameters: Mapping[str, Any],
    record: Mapping[str, Any],
    *,
    timeout: int | None,
    threads: int | None = None,
    on_cell: OnCell = lambda number: None,
) -> NotebookNode:
    """Execute a copy of a lesson with papermill and return it, complete or up to its failing cell.

    Args:
        notebook: the lesson; it is not changed.
        parameters: values for its ``parameters`` cell.
        record: what to say about the run, ``data`` and ``versions`` at least. It goes to
            ``metadata.mnist_lab``, with these two as the lesson reported them, ``parameters``,
            ``seconds``, ``finished`` and ``failure`` (None, or ``cell``, ``id``, ``error`` and
            ``excerpt``).
        timeout: seconds that one cell may take, None for any number: a dead kernel is noticed
            without it.
        threads: for TensorFlow and NumPy; None leaves the choice to them.
        on_cell: called with 1, 2, ... when a cell starts, from another thread.
    """
    import papermill
    from papermill.execute import ERROR_MARKER_TAG

    def engine(notebook: NotebookNode, partial: Path, options: dict[str, Any]) -> NotebookNode:
        executed: NotebookNode = papermill.execute_notebook(
            notebook,
            partial,
            dict(parameters),
            progress_bar=False,
            execution_timeout=timeout,
            **options,
        )
        return executed

    start = time.monotonic()
    executed, failure = _execute(notebook, engine, threads, on_cell, published=not parameters)
    executed.cells = [
        c for c in executed.cells if ERROR_MARKER_TAG not in c.metadata.get("tags", [])
    ]
    executed.metadata.mnist_lab = {
        **record,
        **_reported(executed),
        "parameters": dict(parameters),
        "seconds": round(time.monotonic() - start, 1),
        "finished": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "failure": failure,
    }
    return executed


def refresh_lesson(
    notebook: NotebookNode,
    stamp: Mapping[str, Any],
    *,
    timeout: int | None,
    on_cell: OnCell = lambda number: None,
) -> NotebookNode:
    """Execute a copy of a lesson with nbclient and return it as it is to be committed.

    Nothing in it tells when or how fast it ran: it has no timing, no stderr, and no metadata but
    the tags of cells, the kernel and ``mnist_lab``. ``mnist_lab`` is the given ``stamp`` with
    ``sources``, the :func:`source_digest`. Where a cell failed, it is only ``failure``, as in
    :func:`run_lesson`.
    """
    from nbclient import NotebookClient

    def engine(notebook: NotebookNode, partial: Path, options: dict[str, Any]) -> NotebookNode:
        log = logging.getLogger("papermill")
        client: Any = NotebookClient(
            notebook, timeout=timeout, record_timing=False, log=log, **options
        )
        executed: NotebookNode = client.execute()
        return executed

    executed, failure = _execute(notebook, engine, None, on_cell)
    for cell in executed.cells:
        cell.metadata = {"tags": tags} if (tags := cell.metadata.get("tags")) else {}
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    stamped: dict[str, Any] = {"failure": failure}
    if not failure:
        stamped = {**stamp, **_reported(executed), "sources": source_digest(notebook)}
    executed.metadata = {
        "kernelspec": KERNELSPEC,
        "language_info": LANGUAGE,
        "mnist_lab": stamped,
    }
    return executed
