"""One lesson, executed: what a run and a refresh return, whatever becomes of the kernel."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_lab import environment
from mnist_lab.course.execution import execute, kernels, records
from mnist_lab.course.execution.cells import executed_cells

LONG = 600  # seconds: a test that waits for this limit has failed
SET_UP = '%pip install -q "https://github.com/{}/archive/refs/tags/{}.zip"'
REPORT = (
    "from types import SimpleNamespace\nfrom mnist_lab import environment\n"
    "environment.report(SimpleNamespace(source={!r}))"
)
RECORD = {"data": "what the command found", "run": "digest"}


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def lesson(*cells: Any) -> Any:
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    return new_notebook(cells=[new_markdown_cell("# 1 · A lesson"), *cells], metadata=kernel)


def texts(cell: Any) -> list[tuple[str, str]]:
    return [(output.name, output.text) for output in cell.outputs]


def test_source_digest_sees_sources_and_tags_only() -> None:
    plain = lesson(code("1 + 1"), code(SET_UP.format("a/b", "v1"), "x", "y"))
    digest = records.source_digest(plain)
    with_outputs = lesson(code("1 + 1"), code(SET_UP.format("me/fork", "v2"), "y", "x"))
    with_outputs.cells[1].update(execution_count=7, outputs=[new_output("stream", text="2")])
    with_outputs.metadata["mnist_lab"] = {"sources": "other"}
    assert records.source_digest(with_outputs) == digest
    for other in (
        lesson(code("1 + 2"), code(SET_UP.format("a/b", "v1"), "x", "y")),
        lesson(code("1 + 1"), code(SET_UP.format("a/b", "v1"), "x")),
        lesson(new_markdown_cell("1 + 1"), code(SET_UP.format("a/b", "v1"), "x", "y")),
        lesson(code(SET_UP.format("a/b", "v1"), "x", "y"), code("1 + 1")),
    ):
        assert records.source_digest(other) != digest


def test_run_digest_sees_all_that_results_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "course").mkdir()
    helper, tool = tmp_path / "data.py", tmp_path / "course" / "cli.py"
    helper.write_text("old")
    tool.write_text("old")
    monkeypatch.setattr(records, "PACKAGE", tmp_path)
    settings: dict[str, Any] = {
        "notebook": lesson(code("1")),
        "parameters": {"EPOCHS": 1},
        "is_mnist": True,
        "versions": {"keras": "3.13.2"},
    }
    digest = records.run_digest(**settings)
    tool.write_text("new")
    assert records.run_digest(**settings) == digest
    others = {
        "notebook": lesson(code("2")),
        "parameters": {"EPOCHS": 2},
        "is_mnist": False,
        "versions": {"keras": "3.14.0"},
    }
    for name, value in others.items():
        assert records.run_digest(**settings | {name: value}) != digest
    helper.write_text("new")
    assert records.run_digest(**settings) != digest


def test_run_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A kernel called python3 that somebody installed must not be taken for this environment.
    trap = tmp_path / "kernels" / "python3" / "kernel.json"
    trap.parent.mkdir(parents=True)
    trap.write_text(json.dumps({"argv": ["false"], "display_name": "trap", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("MNIST_LAB_DATA", "relative.npz")
    monkeypatch.chdir(tmp_path)
    notebook = lesson(
        code("EPOCHS = 10", "parameters"),
        code("import os, sys\nprint(sys.executable, os.environ['MPLBACKEND'])"),
        code(REPORT.format("MNIST, from a stub.")),
        code("for name in ('MNIST_LAB_DATA', 'OMP_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS'):\n"
             "    print(os.environ[name])"),
        code(""),
        code("import mnist_lab\nprint(mnist_lab.__file__, EPOCHS)"),
    )  # fmt: skip
    before = nbformat.writes(notebook)
    started: list[int] = []
    executed = execute.run_lesson(
        notebook, {"EPOCHS": 3}, RECORD, timeout=LONG, threads=1, on_cell=started.append
    )
    record = executed.metadata.mnist_lab
    assert record.failure is None
    assert execute.is_finished(executed, "digest")
    assert not execute.is_finished(executed, "other digest")
    assert record.data == "MNIST, from a stub."  # what the lesson printed beats what was expected
    assert record.parameters == {"EPOCHS": 3}
    assert 0 < record.seconds < LONG
    assert started == [1, 2, 3, 4, 5, 6]
    cells = executed_cells(executed)
    inline = "module://matplotlib_inline.backend_inline"
    assert texts(cells[2]) == [("stdout", f"{sys.executable} {inline}\n")]
    assert texts(cells[4]) == [("stdout", f"{tmp_path / 'relative.npz'}\n1\n1\n")]
    assert texts(cells[5]) == [("stdout", f"{kernels.PACKAGE / '__init__.py'} 3\n")]
    assert nbformat.writes(notebook) == before


def test_record_is_what_the_lesson_reported() -> None:
    report = REPORT.format("The sample.\nTried:\n- here")
    executed = execute.run_lesson(lesson(code(report)), {}, RECORD, timeout=LONG)
    assert executed.metadata.mnist_lab.data == "The sample."
    assert executed.metadata.mnist_lab.versions == environment.versions()
    refreshed = execute.refresh_lesson(lesson(code(report)), {"data": "found"}, timeout=LONG)
    assert refreshed.metadata.mnist_lab.data == "The sample."
    silent = execute.run_lesson(lesson(code("1")), {}, RECORD, timeout=LONG)
    assert silent.metadata.mnist_lab.data == RECORD["data"]


def test_dead_kernel_is_said_and_not_waited_for() -> None:
    executed = execute.run_lesson(
        lesson(code("import os"), code("os._exit(1)"), code("print('never')")),
        {},
        RECORD,
        timeout=LONG,
    )
    record = executed.metadata.mnist_lab
    assert record.failure.cell == 2
    assert "the kernel died in this cell" in record.failure.error
    # What papermill says of the cell that was never run is no proof; the missing count is.
    assert executed.cells[-1].metadata.papermill.status == "completed"
    assert executed.cells[-1].execution_count is None
    assert not execute.is_finished(executed, "digest")


def test_timeout_is_said() -> None:
    source = "import time\nprint('before', flush=True)\ntime.sleep(600)"
    executed = execute.run_lesson(lesson(code("1"), code(source)), {}, RECORD, timeout=5)
    failure = executed.metadata.mnist_lab.failure
    assert (failure.cell, failure.error) == (
        2,
        "the cell took longer than the time limit (--timeout)",
    )


def test_error_is_said_with_the_way_to_it() -> None:
    source = "def half(x):\n    return x / 0\n\nhalf(1)"
    executed = execute.run_lesson(
        lesson(code("1"), code(source), code("2")), {}, RECORD, timeout=LONG
    )
    failure = executed.metadata.mnist_lab.failure
    assert failure.cell == 2
    assert failure.error == "ZeroDivisionError: division by zero"
    assert [line.split(maxsplit=2)[2] for line in failure.excerpt.splitlines()] == [
        "half(1)",
        "return x / 0",
    ]
    assert failure.id == executed.cells[2].id
    assert [cell.cell_type for cell in executed.cells] == ["markdown", "code", "code", "code"]


def finished(*cells: Any) -> Any:
    notebook = lesson(*cells)
    notebook.metadata["mnist_lab"] = {"run": "digest"}
    for number, cell in enumerate(notebook.cells[1:], 1):
        cell.execution_count = number
    return notebook


def test_only_a_complete_run_is_finished() -> None:
    notebook = finished(code("1"), code("2"))
    assert execute.is_finished(notebook, "digest")
    notebook.cells[2].outputs = [new_output("error", ename="E", evalue="", traceback=[])]
    assert not execute.is_finished(notebook, "digest")
    notebook = finished(code("1"), code("2"))
    notebook.cells[1].execution_count = None
    assert not execute.is_finished(notebook, "digest")


def test_refresh_leaves_what_is_to_be_committed() -> None:
    noise = (
        "import sys, time\nfor step in range(3):\n    print(step, flush=True)\n"
        "    print('noise', file=sys.stderr, flush=True)\n    time.sleep(0.05)"
    )
    notebook = lesson(code(noise, "nbval-ignore-output"), code("1 + 1"))
    notebook.metadata = {"colab": {"provenance": []}, "language_info": {"version": "3.9.1"}}
    notebook.cells[1].metadata.update(execution={"iopub.status.busy": "2020"}, collapsed=False)
    notebook = nbformat.from_dict(notebook)
    stamp = {"data": "MNIST.", "versions": {"python": "3.11"}}
    executed = execute.refresh_lesson(notebook, stamp, timeout=LONG)
    first, second = executed_cells(executed)
    assert texts(first) == [("stdout", "0\n1\n2\n")]
    assert first.metadata == {"tags": ["nbval-ignore-output"]}
    assert second.metadata == {}
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert executed.metadata.mnist_lab == stamp | {"sources": records.source_digest(executed)}
    assert set(executed.metadata) == {"kernelspec", "language_info", "mnist_lab"}
    assert executed.metadata.kernelspec.name == "python3"
    assert "version" not in executed.metadata.language_info
    nbformat.validate(executed)


def test_refresh_says_what_failed() -> None:
    executed = execute.refresh_lesson(lesson(code("1"), code("1 / 0")), {}, timeout=LONG)
    failure = executed.metadata.mnist_lab.failure
    assert (failure.cell, failure.error) == (2, "ZeroDivisionError: division by zero")
    assert "sources" not in executed.metadata.mnist_lab


@pytest.mark.parametrize("content", ["", "{}", "[]", "no notebook", '{"cells": 3}'])
def test_what_is_no_notebook_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "01_x.ipynb").write_text(content)
    with pytest.raises(ValueError, match="is not a notebook: restore it"):
        records.read_notebook(tmp_path / "01_x.ipynb")


def test_read_and_save(tmp_path: Path) -> None:
    path = tmp_path / "01_x.ipynb"
    notebook = lesson(code("'ä'"))
    records.save_notebook(path, notebook)
    assert records.read_notebook(path).cells == notebook.cells
    assert "ä" in path.read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["01_x.ipynb"]
