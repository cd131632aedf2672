"""The files of MNIST under all the names and in all the folders that they come in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from data_room import NAMES, Arrays, as_csv, as_idx, as_npz, gzipped, npz, random_arrays, same

from mnist_lab import data
from mnist_lab.data import DataError

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")


FORMS: dict[str, Callable[[Path, Arrays], Path]] = {
    "npz": as_npz,
    "idx": as_idx,
    "idx with a dot": lambda folder, arrays: as_idx(folder, arrays, dot="."),
    "idx.gz": lambda folder, arrays: as_idx(folder, arrays, gz=True),
    "idx.gz with a dot": lambda folder, arrays: as_idx(folder, arrays, dot=".", gz=True),
    "csv": as_csv,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", ["file", "folder"])
def test_every_form_by_argument_and_environment(
    form: str, what: str, mnist: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = FORMS[form](tmp_path, mnist)
    path = file if what == "file" else tmp_path
    by_argument = data.load_mnist(path)
    monkeypatch.setenv("MNIST_LAB_DATA", str(path))
    by_environment = data.load_mnist()
    assert same(by_argument, mnist) and same(by_environment, mnist)
    assert by_argument.source == (
        "MNIST, from the path given by load_mnist (proven by its digests)."
    )
    assert by_environment.source == (
        "MNIST, from the path given by MNIST_LAB_DATA (proven by its digests)."
    )
    assert all(getattr(by_argument, name).flags.writeable for name in NAMES)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("t10k-labels-idx1-ubyte", "there is no t10k-labels-idx1-ubyte beside the rest"),
        ("", "there is no such file or folder"),
        ("*", "there is no mnist.npz, train-images-idx3-ubyte.* or mnist_train.csv"),
    ],
)
def test_missing_files_are_named(missing: str, message: str, mnist: Arrays, tmp_path: Path) -> None:
    as_idx(tmp_path, mnist)
    for path in tmp_path.glob(missing) if missing else ():
        path.unlink()
    with pytest.raises(DataError, match=message):
        data.load_mnist(tmp_path if missing else tmp_path / "nowhere")


def test_missing_csv_is_named(mnist: Arrays, tmp_path: Path) -> None:
    as_csv(tmp_path, mnist).unlink()
    with pytest.raises(DataError, match=r"there is no mnist_test\.csv beside the rest"):
        data.load_mnist(tmp_path)


def renamed(folder: Path, new_name: Callable[[str], str]) -> None:
    for path in list(folder.iterdir()):
        target = folder / new_name(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def numbered(name: str) -> str:
    """As browsers name a second download: before the last ending, if there is one."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem} (1).{ending}" if dot else f"{name} (1)"


# What systems, browsers and programs make of the names of a set of files.
NAMED: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "downloaded twice": numbered,
    "downloaded twice, no space": lambda name: numbered(name).replace(" (", "("),
    "torchvision": lambda name: f"MNIST/raw/{name}",
    "torchvision's MNIST": lambda name: f"raw/{name}",
    "7-Zip": lambda name: f"{name.removesuffix('.gz')}/{name.removesuffix('.gz')}",
    "7-Zip and dots": lambda name: f"{name}/{name.replace('-idx', '.idx')}",
}


@pytest.mark.parametrize("how", NAMED)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_under_the_names_it_gets(
    form: str, how: str, mnist: Arrays, tmp_path: Path
) -> None:
    FORMS[form](tmp_path, mnist)
    renamed(tmp_path, NAMED[how]) if "7-Zip" not in how else renamed_by_7_zip(tmp_path, how)
    assert same(data.load_mnist(tmp_path), mnist)
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert same(data.load_mnist(file), mnist)


def renamed_by_7_zip(folder: Path, how: str) -> None:
    """Each file moves into a folder of its own name, which cannot be made while it is there."""
    for path in list(folder.iterdir()):
        path.rename(folder / "moving")
        target = folder / NAMED[how](path.name)
        target.parent.mkdir()
        (folder / "moving").rename(target)


def test_a_broken_download_beside_a_whole_one(mnist: Arrays, tmp_path: Path) -> None:
    """The second download of what broke off the first time has a number in its name."""
    as_idx(tmp_path, mnist, gz=True)
    broken = tmp_path / "train-images-idx3-ubyte.gz"
    whole = tmp_path / "train-images-idx3-ubyte (1).gz"
    broken.rename(whole)
    broken.write_bytes(whole.read_bytes()[:-100])
    assert same(data.load_mnist(tmp_path), mnist)
    assert same(data.load_mnist(broken), mnist)
    whole.unlink()
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: cannot be read .EOFError"):
        data.load_mnist(tmp_path)


def test_other_digits_of_the_same_name_are_passed_over(mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(npz(random_arrays(1)))
    (tmp_path / "mnist (1).npz").write_bytes(npz(mnist))
    assert same(data.load_mnist(tmp_path), mnist)
    (tmp_path / "mnist (1).npz").write_bytes(npz(random_arrays(2)))
    with pytest.raises(DataError, match="not MNIST: x_train, y_train, x_test, y_test differ"):
        data.load_mnist(tmp_path)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "npz"])
def test_one_file_of_other_digits_beside_the_right_one(
    form: str, mnist: Arrays, tmp_path: Path
) -> None:
    """Such as Fashion-MNIST's, whose files are called the same."""
    FORMS[form](tmp_path, mnist)
    renamed(tmp_path, numbered)
    FORMS[form](tmp_path, random_arrays(1))
    assert same(data.load_mnist(tmp_path), mnist)


def test_any_name_will_do_for_an_npz(mnist: Arrays, tmp_path: Path) -> None:
    for name in ("digits", "mnist.zip", "mnist.npz.txt", "A.Npz"):
        (tmp_path / name).write_bytes(npz(mnist))
        assert same(data.load_mnist(tmp_path / name), mnist)


def test_files_that_are_packed_where_others_are_not(mnist: Arrays, tmp_path: Path) -> None:
    as_idx(tmp_path, mnist)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzipped(path.read_bytes()))
    path.unlink()
    assert same(data.load_mnist(tmp_path), mnist)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.symlink_to("nowhere"), "is a link that leads nowhere"),
        (lambda path: path.symlink_to(path), "is a link that leads nowhere"),
        (lambda path: os.mkfifo(path), "is neither a file nor a folder"),
    ],
)
def test_what_is_no_file_is_not_opened(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "mnist.npz")
    with pytest.raises(DataError, match=rf"mnist\.npz: {message}"):
        data.load_mnist(tmp_path / "mnist.npz")
    with pytest.raises(DataError, match=rf"mnist\.npz: {message}\. Mend"):
        data.read_csv(tmp_path / "mnist.npz")


def test_a_path_from_within_its_folder(
    mnist: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_idx(tmp_path, mnist)
    renamed_by_7_zip(tmp_path, "7-Zip")
    monkeypatch.chdir(tmp_path / "train-images-idx3-ubyte")
    assert same(data.load_mnist("train-images-idx3-ubyte"), mnist)
    assert same(data.load_mnist(".."), mnist)


def test_a_name_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "digits.dat").write_bytes(b"some bytes")
    with pytest.raises(DataError, match=r"is not called like a file of MNIST: mnist\.npz, "):
        data.load_mnist(tmp_path / "digits.dat")


def test_a_csv_that_is_not_of_the_set(mnist: Arrays, tmp_path: Path) -> None:
    as_csv(tmp_path, mnist).rename(tmp_path / "test.csv")
    (tmp_path / "mnist_train.csv").unlink()
    with pytest.raises(DataError, match=r"there is no mnist_train\.csv beside"):
        data.load_mnist(tmp_path / "test.csv")
