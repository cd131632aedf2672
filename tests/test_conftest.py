"""``pytest --nbval notebooks/`` is strict and needs no further flag, wherever it is called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import good_lesson
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval.kernel import RunningKernel
from nbval.plugin import get_sanitize_patterns

import conftest
from mnist_lab import data

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


# Stands in for the package, so that each call takes a second.
DATA = """
import os
from types import SimpleNamespace

class DataError(ValueError):
    pass

def load_mnist():
    return SimpleNamespace(is_mnist="IS_MNIST" in os.environ, source="Digits from here.")
"""


def lesson(source: str, stored: str) -> NotebookNode:
    output = new_output("stream", name="stdout", text=stored)
    return new_notebook(cells=[new_code_cell(source, execution_count=1, outputs=[output])])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with three lessons of one cell each: right, with a stale output, failing."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("conftest.py", "pyproject.toml", "tests/nbval_sanitize.cfg"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / "mnist_lab").mkdir()
    (root / "mnist_lab/__init__.py").touch()
    (root / "mnist_lab/data.py").write_text(DATA)
    (root / "notebooks").mkdir()
    for name, notebook in {
        "right": lesson("print(1)", "1\n"),
        "stale": lesson("print(1)", "2\n"),
        "failing": lesson("assert not print(1)\nassert False", "1\n"),
    }.items():
        good_lesson.save(notebook, root / f"notebooks/{name}.ipynb")
    return root


def run_pytest(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("start", "arguments"),
    [
        (".", ["notebooks/"]),
        ("notebooks", []),
        ("mnist_lab", ["../notebooks/right.ipynb"]),
        ("..", ["{root}/notebooks"]),
        ("..", ["{root}/notebooks", "--rootdir={root}/.."]),
    ],
)
def test_any_folder(checkout: Path, start: str, arguments: list[str]) -> None:
    given = [argument.format(root=checkout) for argument in arguments]
    done = run_pytest(checkout / start, "--nbval", "--collect-only", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "right.ipynb" in done.stdout
    assert "notebooks: every cell is run, no output is compared. Digits from here." in done.stdout


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    lines = re.findall(r"^(PASSED|FAILED) \S*?(\w+)\.ipynb::Cell 0", done.stdout, re.MULTILINE)
    return {name: outcome for outcome, name in lines}


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_on_the_sample_only_errors_fail(checkout: Path, workers: str) -> None:
    done = run_pytest(checkout, "--nbval", "notebooks", "-rA", "--color=no", workers)
    assert outcomes(done) == {"right": "PASSED", "stale": "PASSED", "failing": "FAILED"}


def test_on_mnist_outputs_that_differ_fail(checkout: Path) -> None:
    done = run_pytest(checkout, "--nbval", "notebooks", "-rA", "--color=no", "-n2", IS_MNIST="yes")
    assert outcomes(done) == {"right": "PASSED", "stale": "FAILED", "failing": "FAILED"}


def test_plain_pytest_without_nbval(checkout: Path) -> None:
    (checkout / "tests/test_nothing.py").write_text("def test_nothing(): pass\n")
    done = run_pytest(checkout, "-p", "no:nbval", "tests/test_nothing.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "notebooks:" not in done.stdout


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What pytest hands over for ``pytest --nbval -n 2``; nothing done to this process lasts."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(RunningKernel, "get_message", RunningKernel.get_message)
    option = SimpleNamespace(
        nbval=True,
        nbval_lax=False,
        nbval_sanitize_with=None,
        nbval_kernel_name=None,
        nbval_cell_timeout=2000.0,
        dist="load",
    )
    cleanups: list[Any] = []
    yield SimpleNamespace(option=option, stash=pytest.Stash(), add_cleanup=cleanups.append)
    for cleanup in cleanups:
        cleanup()


def found(is_mnist: bool) -> Any:
    return lambda: SimpleNamespace(is_mnist=is_mnist, source="Digits from somewhere.\n- tried")


def test_what_takes_long_begins_first() -> None:
    """Lessons by their minutes, files by how many slow tests they hold; a file keeps its order."""

    def item(path: str, name: str, slow: bool) -> Any:
        marker = pytest.mark.slow if slow else None
        return SimpleNamespace(path=ROOT / path, name=name, get_closest_marker=lambda _: marker)

    items = [
        item("tests/test_a.py", "a", False),
        item("tests/test_b.py", "b", True),
        item("tests/test_c.py", "c", False),
        item("tests/test_c.py", "d", True),
        item("tests/test_c.py", "e", True),
        item("notebooks/01_eda.ipynb", "f", False),
        item("notebooks/05_comparison.ipynb", "g", False),
    ]
    conftest.pytest_collection_modifyitems(items)
    assert "".join(item.name for item in items) == "cdebgfa"


def test_on_mnist_everything_is_set(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "load_mnist", found(is_mnist=True))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    conftest.pytest_configure(config)
    assert config.option.nbval_lax is False
    header = conftest.pytest_report_header(config)
    assert header == "notebooks: every stored output is compared. Digits from somewhere."
    assert config.option.nbval_sanitize_with == str(ROOT / "tests/nbval_sanitize.cfg")
    assert config.option.nbval_current_env is True
    assert config.option.nbval_cell_timeout == 1800
    assert config.option.dist == "loadscope"
    assert os.environ["PYTHONWARNINGS"] == "ignore"
    assert "MPLBACKEND" not in os.environ
    assert Path(os.environ["IPYTHONDIR"]).is_dir()
    assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)


def test_on_the_sample_kernels_take_the_sample(
    config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "load_mnist", found(is_mnist=False))
    conftest.pytest_configure(config)
    assert config.option.nbval_lax is True
    assert os.environ["MNIST_LAB_DATA"] == "sample"
    header = conftest.pytest_report_header(config)
    assert header == "notebooks: every cell is run, no output is compared. Digits from somewhere."


@pytest.mark.parametrize("nbval", [True, False])
def test_workers_share_the_processors(
    nbval: bool, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "load_mnist", found(is_mnist=False))
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    config.workerinput = {"workercount": 64}
    config.option.nbval = nbval
    conftest.pytest_configure(config)
    assert config.option.nbval_lax is nbval
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "1"


@pytest.mark.parametrize("name", ["MNIST_LAB_DATA", "MNIST_LAB_CACHE"])
def test_relative_paths_of_the_data_reach_kernels(
    name: str, config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(data, "load_mnist", found(is_mnist=True))
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    monkeypatch.setenv(name, "digits")
    conftest.pytest_configure(config)
    assert os.environ[name] == str(tmp_path.resolve() / "digits")


def test_unusable_data_is_one_sentence(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise data.DataError("mnist.npz is not MNIST: give another file.")

    monkeypatch.setattr(data, "load_mnist", fail)
    with pytest.raises(pytest.UsageError, match="give another file"):
        conftest.pytest_configure(config)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Name: label, dtype: object", "Name: label, dtype: str"),
        ("<style>#sk-container-id-1 {}</style>x", "<style>\n.other {}</style>x"),
        ('<div id="sk-container-id-1">', '<div id="sk-container-id-12">'),
        ('<td id="T_3f0ab_row0_col1">', '<td id="T_99c1d_row0_col1">'),
    ],
)
def test_sanitized(one: str, other: str) -> None:
    patterns = get_sanitize_patterns((ROOT / "tests/nbval_sanitize.cfg").read_text())

    def sanitize(text: str) -> str:
        for regex, replacement in patterns:
            text = re.sub(regex, replacement, text)
        return text

    assert sanitize(one) == sanitize(other)
    assert sanitize("dtype: int64, T_shirt, 0.97") == "dtype: int64, T_shirt, 0.97"
