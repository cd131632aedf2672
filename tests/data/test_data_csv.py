"""CSV files of digits: written, read in every common form, refused by what was found."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_room import Arrays, as_csv, same, tree

from mnist_lab import data
from mnist_lab.data import DataError, Digits, _csv

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")


def test_csv_there_and_back(mnist: Arrays, tmp_path: Path) -> None:
    import pandas as pd

    digits = Digits(**mnist, source="", is_mnist=True)
    train, test = data.to_csv(digits, tmp_path / "new" / "folder")
    assert (train.name, test.name) == ("mnist_train.csv", "mnist_test.csv")
    for path, x, y in ((train, "x_train", "y_train"), (test, "x_test", "y_test")):
        images, labels = data.read_csv(path)
        assert images.dtype == labels.dtype == np.uint8
        assert np.array_equal(images, mnist[x]) and np.array_equal(labels, mnist[y])
        # The lesson reads the file with pandas itself.
        frame = pd.read_csv(path)
        assert list(frame.columns) == ["label", *(f"pixel{i}" for i in range(784))]
        assert np.array_equal(frame["label"], mnist[y])
        assert np.array_equal(frame.drop(columns="label").to_numpy().reshape(-1, 28, 28), mnist[x])
    before = tree(tmp_path)
    data.to_csv(digits, train.parent)
    assert tree(tmp_path) == before


def test_to_csv_where_one_may_not_write(mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="give to_csv a folder that you may write to"):
        data.to_csv(Digits(**mnist, source="", is_mnist=True), tmp_path / "file")


PIXELS0 = ",".join(f"pixel{i}" for i in range(784))
ROW = ",".join(["7"] * 785)


@pytest.mark.parametrize(
    "header",
    [
        f"label,{PIXELS0}",
        '"label",' + ",".join(f'"pixel{i}"' for i in range(784)),
        "label," + ",".join(f"pixel{i}" for i in range(1, 785)),
        "label," + ",".join(f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)),
        f"\ufefflabel,{PIXELS0}",
        "Label, " + PIXELS0.upper().replace(",", ", "),
        "label," + ",".join(str(i) for i in range(784)),
        ",".join(str(i) for i in range(785)),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_headers_and_line_ends(header: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    path.write_bytes(f"{header}{end}{ROW}{end}{ROW}".encode())
    images, labels = data.read_csv(path)
    assert (images == 7).all() and images.shape == (2, 28, 28) and labels.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("7,300" + ROW[3:], ROW, "line 1 is neither a digit nor the header label,pixel0,"),
        ("digit,ink", ROW, "line 1 is neither .* it has 2 columns and begins with 'digit,ink'"),
        ("", ROW, "line 1 is blank, and more lines follow it"),
        (f"label,{PIXELS0}", ROW + ",7", "line 3 has 786 values, but it needs 785"),
        (f"label,{PIXELS0}", f"\n{ROW}", "line 3 is blank, and more lines follow it"),
        (f"label,{PIXELS0}", "," * 784, "line 3, column label: '' is not"),
        (f"label,{PIXELS0}", ROW[:-1] + "0.99", "line 3, column pixel783: '0.99' is .*scaled"),
        (f"label,{PIXELS0}", ROW[:-1] + "nan", "line 3, column pixel783: 'nan' is not"),
        (f"label,{PIXELS0}", ROW[:-1] + "1e999", "line 3, column pixel783: '1e999' is not"),
        (f"label,{PIXELS0}", ROW[:-1] + "1_0", "line 3, column pixel783: '1_0' is not"),
        (
            f"label,{PIXELS0}",
            "7,300" + ROW[3:],
            "line 3, column pixel0: '300' is not a whole .*255",
        ),
        (f"label,{PIXELS0}", "7,-1" + ROW[3:], "line 3, column pixel0: '-1' is not"),
        (f"label,{PIXELS0}", ROW[:-1] + "2.5", "line 3, column pixel783: '2.5' is not"),
        (f"label,{PIXELS0}", ROW[:-1], "line 3, column pixel783: '' is not"),
        (f"label,{PIXELS0}", "12" + ROW[1:], "line 3, column label: '12' is not .*0 to 9"),
        (f"label,{PIXELS0}", "\xff" + ROW[1:], "line 3, column label: .* is not .*0 to 9"),
    ],
)
def test_wrong_csv_is_named_with_line_and_column(
    header: str, row: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "digits.csv"
    path.write_bytes(f"{header}\n{ROW}\n{row}\n".encode("latin-1"))
    with pytest.raises(DataError, match=rf"digits\.csv: {message}.*Mend the file"):
        data.read_csv(path)


def test_csv_with_too_many_rows_is_not_read_to_its_end(mnist: Arrays, tmp_path: Path) -> None:
    test = as_csv(tmp_path, mnist)
    with test.open("a") as file:
        file.write(f"{ROW}\nnot reached\n")
    with pytest.raises(DataError, match=r"mnist_test\.csv: has more than 12 rows"):
        data.load_mnist(tmp_path)


# How programs spell the same rows: a header that is missing, blank lines, quotes, decimals.
SPELLED: dict[str, Callable[[list[str]], str]] = {
    "no header, as pjreddie.com has it": lambda rows: "\n".join(rows[1:]),
    "no header, with a mark of UTF-8": lambda rows: "\ufeff" + "\n".join(rows[1:]),
    "a blank last line": lambda rows: "\n".join(rows) + "\n\n",
    "blank last lines with spaces": lambda rows: "\r\n".join(rows) + "\r\n \r\n\t\r\n",
    "quoted": lambda rows: "\n".join(
        ",".join(f'"{value}"' for value in row.split(",")) for row in rows
    ),
    "decimals": lambda rows: "\n".join(
        [rows[0], *(r.replace(",", ".0,") + ".0" for r in rows[1:])]
    ),
    "numpy.savetxt": lambda rows: "\n".join(
        ",".join(f"{float(value):.18e}" for value in row.split(",")) for row in rows[1:]
    ),
    "spaces": lambda rows: "\n".join(row.replace(",", ", ") for row in rows),
}


@pytest.mark.parametrize("how", SPELLED)
def test_csv_as_programs_spell_it(how: str, mnist: Arrays, tmp_path: Path) -> None:
    as_csv(tmp_path, mnist)
    for path in tmp_path.iterdir():
        path.write_text(SPELLED[how](path.read_text().splitlines()), newline="")
    images, labels = data.read_csv(tmp_path / "mnist_train.csv")
    assert np.array_equal(images, mnist["x_train"]) and np.array_equal(labels, mnist["y_train"])
    assert same(data.load_mnist(tmp_path), mnist)


# Other tables that people have: what is wrong is said rather than guessed away.
UNREADABLE: dict[str, tuple[Callable[[list[str]], str], str]] = {
    "semicolons": (
        lambda rows: "\n".join(rows).replace(",", ";"),
        "separates its values by semicolons: save it with commas",
    ),
    "tabs": (lambda rows: "\n".join(rows[1:]).replace(",", "\t"), "separates .* by tabs"),
    "spaces": (lambda rows: "\n".join(rows[1:]).replace(",", " "), "separates .* by spaces"),
    "no labels": (
        lambda rows: "\n".join(row.partition(",")[2] for row in rows),
        "has 784 columns and no labels",
    ),
    "no labels, no header": (
        lambda rows: "\n".join(row.partition(",")[2] for row in rows[1:]),
        "has 784 columns and no labels",
    ),
    "index": (
        lambda rows: "\n".join(f"{n or ''},{row}" for n, row in enumerate(rows)),
        "has an index as its first column",
    ),
    "index, no header": (
        lambda rows: "\n".join(f"{n},{row}" for n, row in enumerate(rows[1:])),
        "has an index as its first column",
    ),
    "labels last": (
        lambda rows: "\n".join(",".join(row.split(",")[1:] + row.split(",")[:1]) for row in rows),
        "has its labels in the last column: put them first",
    ),
    "a header alone": (lambda rows: rows[0], "holds no digits"),
    "blank lines alone": (lambda rows: "\n\n", "is empty|holds no digits"),
    "a web page": (lambda rows: "<!DOCTYPE html>\n<title>Sign in</title>", "is a web page"),
    "nothing": (lambda rows: "", "is empty"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_csv_that_is_another_table_says_what_was_found(
    kind: str, mnist: Arrays, tmp_path: Path
) -> None:
    spoil, message = UNREADABLE[kind]
    path = as_csv(tmp_path, mnist)
    path.write_text(spoil(path.read_text().splitlines()))
    with pytest.raises(DataError, match=rf"mnist_test\.csv: ({message})"):
        data.read_csv(path)
    with pytest.raises(DataError, match=rf"mnist_test\.csv: ({message})"):
        data.load_mnist(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_csv_in_utf_16(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(f"label,{PIXELS0}\n{ROW}\n", encoding=encoding)
    with pytest.raises(DataError, match="is text in UTF-16: save it in UTF-8"):
        data.read_csv(path)


# A file of a hundred megabytes, most of it a hole on the disk, that no line of digits ends.
@pytest.mark.parametrize("start", ["", f"label,{PIXELS0}\n", f"{ROW}\n{ROW}"])
@pytest.mark.parametrize("filler", ["7,", ",", "7"])
def test_an_endless_line_is_not_read_whole(start: str, filler: str, tmp_path: Path) -> None:
    path = tmp_path / "mnist_train.csv"
    with path.open("w") as file:
        file.write(start + filler * 100_000)
        file.truncate(100_000_000)
    tracemalloc.start()
    try:
        for read in (data.read_csv, data.load_mnist):
            with pytest.raises(DataError, match=r"line \d has more than 32,000 bytes"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "read what it should not"
    finally:
        tracemalloc.stop()


def test_blank_lines_without_end_are_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    path.write_bytes(f"label,{PIXELS0}\n{ROW}\n".encode() + b"\n" * 5_000_000)
    tracemalloc.start()
    try:
        images, _ = data.read_csv(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "read what it should not"
    finally:
        tracemalloc.stop()
    assert len(images) == 1


def test_no_more_rows_are_read_than_mnist_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(f"{ROW}\n" * 5)
    monkeypatch.setattr(_csv.read_csv, "__defaults__", (5,))
    assert len(data.read_csv(path)[0]) == 5
    path.write_text(f"{ROW}\n" * 6 + "not reached")
    with pytest.raises(DataError, match="has more than 5 rows"):
        data.read_csv(path)
