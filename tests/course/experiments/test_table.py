"""The file of measured trainings: what is read, what is repeated and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_lab.course import CourseError
from mnist_lab.course.experiments.follow import AFTER_EACH_EPOCH
from mnist_lab.course.experiments.table import Table
from mnist_lab.course.experiments.training import AT_THE_END

TABLE = AT_THE_END.table
COMMAS = "One, two"


def a_row(table: Table = TABLE, **values: str) -> dict[str, str]:
    row = dict.fromkeys(table.columns, "word") | dict.fromkeys(table.numbers, "1")
    return row | values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "rows.csv"


@pytest.mark.parametrize("table", [TABLE, AFTER_EACH_EPOCH.table], ids=["end", "epochs"])
def test_rows_are_read_as_they_were_written(table: Table, path: Path) -> None:
    assert table.read(path) == ([], "")
    table.append(path, [a_row(table, processor=COMMAS)])
    table.append(path, [a_row(table, test_loss=repr(0.1 + 0.2))])
    rows, complaint = table.read(path)
    assert [row["processor"] for row in rows] == [COMMAS, "word"]
    assert float(rows[1]["test_loss"]) == 0.1 + 0.2
    assert complaint == ""


@pytest.mark.parametrize("table", [TABLE, AFTER_EACH_EPOCH.table], ids=["end", "epochs"])
@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_cut_last_line_is_said_and_taken_out(
    table: Table, keep: float, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.append(path, [a_row(table)])
    whole = path.read_text()
    table.append(path, [a_row(table, seed="2")])
    last = path.read_text()[len(whole) :]
    path.write_text(whole + last[: int(len(last) * keep)])
    assert len(table.recover(path)) == 1
    assert f"Line 3 of {path} is broken: its training is repeated." in capsys.readouterr().err
    assert path.read_text() == whole


@pytest.mark.parametrize(
    ("last", "rows"),
    [
        (",".join("x" * len(TABLE.columns)) + "\n", 1),  # rubbish with as many columns
        ("\n", 1),
        ('"\n', 1),
        ("\0\0\0", 1),  # as a file system leaves behind after a power cut
    ],
    ids=["words", "blank", "quote", "zeros"],
)
def test_last_line_of_rubbish_is_taken_out(last: str, rows: int, path: Path) -> None:
    TABLE.append(path, [a_row()])
    whole = path.read_text()
    path.write_text(whole + last)
    assert len(TABLE.recover(path)) == rows
    assert path.read_text() == whole


def test_cut_header_is_written_again(path: Path) -> None:
    TABLE.append(path, [a_row()])
    path.write_text(path.read_text()[:20])
    assert TABLE.read(path) == ([], f"Line 1 of {path} is broken: it is written again.")
    assert TABLE.recover(path) == []
    TABLE.append(path, [a_row()])
    assert len(TABLE.read(path)[0]) == 1


@pytest.mark.parametrize("column", ["seed", "test_accuracy", "validation_loss", "ties", "threads"])
def test_last_line_with_a_word_for_a_number_is_noticed(column: str, path: Path) -> None:
    TABLE.append(path, [a_row(), a_row() | {column: "junk"}])
    rows, complaint = TABLE.read(path)
    assert (len(rows), complaint[:6]) == (1, "Line 3")


def test_training_that_diverged_is_a_training(path: Path) -> None:
    TABLE.append(path, [a_row(train_loss="nan", test_loss="nan"), a_row(seed="2")])
    rows, complaint = TABLE.read(path)
    assert (len(rows), complaint) == (2, "")


@pytest.mark.parametrize("line", ["cnn,raw\n", "\n"], ids=["cut", "blank"])
def test_line_broken_in_the_middle_is_refused_and_kept(line: str, path: Path) -> None:
    TABLE.append(path, [a_row()])
    with path.open("a") as file:
        file.write(line)
    TABLE.append(path, [a_row()])
    before = path.read_bytes()
    with pytest.raises(CourseError, match=r"Line 3 of .* is broken: mend it or delete it\."):
        TABLE.recover(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "\n", "\ufeffrecipe,pixels\n", "PK\3\4\0\n"])
def test_other_files_are_refused_and_kept(content: str, path: Path) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(
        CourseError, match=r"does not have the columns .*: name another file with --output"
    ):
        TABLE.recover(path)
    assert path.read_text() == content


def test_the_two_tables_are_told_apart(path: Path) -> None:
    TABLE.append(path, [a_row()])
    with pytest.raises(CourseError, match="does not have the columns"):
        AFTER_EACH_EPOCH.table.read(path)
