"""Where load_mnist looks, in which order, and what it says of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from data_room import Arrays, Server, as_csv, as_idx, as_npz, gives, npz, random_arrays, same, tree
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from mnist_lab import CLASSES, IMAGE_SHAPE, data
from mnist_lab.data import DataError, _mirrors
from mnist_lab.data._mirrors import Mirror

GIVEN = os.environ.get("MNIST_LAB_DATA", "sample")

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")


def test_a_file_is_not_replaced_by_its_neighbours(mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(npz(random_arrays(1)))
    assert same(data.load_mnist(as_idx(tmp_path, mnist)), mnist)
    as_idx(tmp_path, random_arrays(1))
    assert same(data.load_mnist(as_csv(tmp_path, mnist)), mnist)
    with pytest.raises(DataError, match=r"mnist\.npz: not MNIST"):
        data.load_mnist(tmp_path)


def test_argument_comes_before_environment(
    mnist: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "/nowhere")
    assert same(data.load_mnist(as_npz(tmp_path, mnist)), mnist)


@pytest.mark.usefixtures("sample")
def test_sample_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data.load_mnist("sample").source == "The sample."
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    assert data.load_mnist().source == "The sample."
    with pytest.raises(
        DataError, match=r"MNIST_LAB_DATA asks for the sample, .* set MNIST_LAB_DATA"
    ):
        data.load_mnist(allow_sample=False)


def test_own_cache_comes_before_keras_cache(mnist: Arrays, home: Path) -> None:
    for folder in (home / "cache", home / "keras/datasets"):
        folder.mkdir(parents=True)
        as_npz(folder, mnist)
    assert "from the course's cache (" in data.load_mnist().source
    (home / "cache/mnist.npz").unlink()
    assert "from Keras' cache (" in data.load_mnist().source


def test_keras_cache_is_only_read(mnist: Arrays, home: Path) -> None:
    (home / "keras/datasets").mkdir(parents=True)
    as_npz(home / "keras/datasets", mnist)
    before = tree(home)
    assert same(data.load_mnist(), mnist)
    assert tree(home) == before


@pytest.mark.usefixtures("sample")
def test_wrong_path_in_the_environment_is_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "/nowhere/mnist.npz")
    with pytest.raises(DataError, match=r"MNIST_LAB_DATA names /nowhere/mnist\.npz: there is no"):
        data.load_mnist()


def test_without_anything_the_sample_comes_with_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror("nowhere", 0, ("http://127.0.0.1:1/mnist.npz",))
    monkeypatch.setattr(_mirrors, "MIRRORS", (mirror,))
    digits = data.load_mnist()
    lines = digits.source.splitlines()
    assert not digits.is_mnist
    assert lines[0] == (
        "The bundled SAMPLE, not MNIST: scikit-learn's 1,797 digits. No published figure applies. "
        "MNIST was not found."
    )
    assert [line.split(":")[0] for line in lines[1:]] == [
        "- the course's cache",
        "- Keras' cache",
        "- nowhere",
    ]


@pytest.mark.skipif(GIVEN == "sample", reason="MNIST_LAB_DATA names no MNIST on this machine")
def test_real_mnist_is_proven() -> None:
    digits = data.load_mnist(GIVEN)
    assert digits.is_mnist and digits.x_train.shape == (60000, *IMAGE_SHAPE)
    assert digits.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.unique(digits.y_test).tolist() == list(range(CLASSES))


def test_result_is_short_in_a_notebook(mnist: Arrays, tmp_path: Path) -> None:
    shown = repr(data.load_mnist(as_npz(tmp_path, mnist)))
    assert shown.startswith("Digits(source='MNIST, from") and shown.endswith("is_mnist=True)")


def outputs_in_a_notebook(code: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> dict[str, str]:
    """What a cell shows in a kernel of its own, of an empty home, by stream."""
    for name in ("MNIST_LAB_CACHE", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(home))
    start = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    notebook = new_notebook(cells=[new_code_cell(start + code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    streams: dict[str, str] = {}
    for output in notebook.cells[0].outputs:
        streams[output.name] = streams.get(output.name, "") + output.text
    return streams


@pytest.mark.slow
def test_the_sample_shows_no_red_in_a_notebook(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from mnist_lab import data\n"
        "from mnist_lab.data import _mirrors\n"
        "_mirrors.MIRRORS = ()\n"
        "print(data.load_mnist().source)"
    )
    shown = outputs_in_a_notebook(code, monkeypatch, home)
    assert list(shown) == ["stdout"], shown.get("stderr")
    assert shown["stdout"].startswith("The bundled SAMPLE, not MNIST")


@pytest.mark.slow
def test_a_download_shows_no_red_in_a_notebook(
    mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = npz(mnist)
    slowly = gives(content, pieces=8, pause=0.08)
    url = server.mirror("near", ("mnist.npz", slowly)).urls[0]
    (home / "expected.npz").write_bytes(content)
    code = (
        "import numpy as np\n"
        "from data_room import parts_of\n"
        "from mnist_lab import data\n"
        "from mnist_lab.data import _mirrors, _proof\n"
        f"_proof.PARTS = parts_of(dict(np.load({str(home / 'expected.npz')!r})))\n"
        f"_mirrors.MIRRORS = (_mirrors.Mirror('near', {len(content)}, ({url!r},)),)\n"
        "print(data.load_mnist().source)"
    )
    shown = outputs_in_a_notebook(code, monkeypatch, home)
    assert list(shown) == ["stdout"], shown.get("stderr")
    assert "MNIST from near: 100%" in shown["stdout"]
    assert shown["stdout"].endswith("MNIST, downloaded from near (proven by its digests).\n")
