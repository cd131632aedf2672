"""Submissions are sorted by learner, and nothing hostile in an archive gets its way."""

from __future__ import annotations

import os
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mnist_lab.course.assignments import archives
from mnist_lab.course.assignments import collect as collecting
from mnist_lab.course.assignments.collect import collect
from mnist_lab.course.cli.main import app

MOODLE = "{}_assignsubmission_file_/01_eda.ipynb"


def make_zip(folder: Path, *entries: tuple[str, str] | tuple[str, str, int]) -> Path:
    """Write an archive of (name, content, day of its change)."""
    path = folder / "answers.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *day in entries:
            info = zipfile.ZipInfo(name, (2026, 11, *(day or [1]), 12, 0, 0))
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def names(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("paths", "students"),
    [
        (
            [MOODLE.format("Ada Lovelace_1234"), MOODLE.format("Zo\u00eb O'Hara-Li_77")],
            ["Ada Lovelace_1234", "Zo\u00eb O'Hara-Li_77"],
        ),
        (["Ada L_12_assignsubmission_file_01_eda.ipynb"], ["Ada L_12"]),
        (["all/Ada L_12_assignsubmission_file_/my.ipynb"], ["Ada L_12"]),
        (
            ["lovelaceada_12345_678901_01_eda-1.ipynb", "hopper_LATE_1234_567890_x.ipynb"],
            ["hopper_1234", "lovelaceada_12345"],
        ),
        # Two learners of one name stay two.
        (["doejane_111_9001_a.ipynb", "doejane_222_9002_a.ipynb"], ["doejane_111", "doejane_222"]),
        (["ada.ipynb", "grace.IPYNB", "linus.ipynb.txt"], ["ada", "grace", "linus"]),
        (["all/ada/01_eda.ipynb", "all/grace/deep/er/x.ipynb"], ["ada", "grace"]),
        (["all/ada.ipynb", "all/grace.ipynb"], ["ada", "grace"]),
        (["ada_1.ipynb", "__MACOSX/._x", "._y.ipynb", ".ipynb_checkpoints/ada_1.ipynb"], ["ada_1"]),
    ],
)
def test_learners_are_found_in_names(paths: list[str], students: list[str], tmp_path: Path) -> None:
    source = make_zip(tmp_path, *[(path, path) for path in paths])
    result = collect(source, tmp_path / "out")
    assert result.refused == result.remarks == []
    assert [path.stem for path in result.written] == sorted(students)
    assert set(names(tmp_path / "out").values()) <= set(paths)
    with zipfile.ZipFile(source) as archive:  # the same from a folder
        archive.extractall(tmp_path / "unpacked")
    again = collect(tmp_path / "unpacked", tmp_path / "again")
    assert names(tmp_path / "again") == names(tmp_path / "out") and not again.refused


def test_second_download_is_the_same_learner_s(tmp_path: Path) -> None:
    """Also when the first file is the newer one: its copy is all that grading sees."""
    source = make_zip(tmp_path, ("ada.ipynb", "new", 9), ("ada (1).ipynb", "old", 2))
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "new"}
    assert result.remarks == ["ada sent 2 notebooks; the newest counts: ada.ipynb."]


def test_pattern_finds_the_learner(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("ada_01_eda.ipynb", "a"), ("7-grace.ipynb", "b"))
    result = collect(source, tmp_path / "out", r"(?P<student>\w+)_01_eda")
    assert names(tmp_path / "out") == {"ada.ipynb": "a"}
    assert result.refused == ["7-grace.ipynb names no learner: rename it."]


@pytest.mark.parametrize(
    ("pattern", "words"), [("(", "is no regular expression"), ("(ada)", "finds no learner: write")]
)
def test_unfit_pattern_is_said(pattern: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        collect(make_zip(tmp_path), tmp_path / "out", pattern)


@pytest.mark.parametrize("content", [None, b"not a zip", b"PK\x05\x06"])
def test_source_that_is_neither_is_said(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ValueError, match="is no folder and no zip file"):
        collect(tmp_path / "x.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_newest_of_two_submissions_counts_and_is_named(tmp_path: Path) -> None:
    source = make_zip(
        tmp_path,
        ("ada_123_9001_new.ipynb", "new", 20),
        ("ada_123_9000_old.ipynb", "old", 3),
        ("grace_124_9002_x.ipynb", "only"),
    )
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ada_123.ipynb": "new", "grace_124.ipynb": "only"}
    assert result.remarks == [
        "ada_123 sent 2 notebooks; the newest counts: ada_123_9001_new.ipynb."
    ]


def test_newest_of_a_folder_counts(tmp_path: Path) -> None:
    for name, seconds in (("ada/z.ipynb", 1_000_000_000), ("ada/a.ipynb", 1_100_000_000)):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (seconds, seconds))
    (tmp_path / "in/grace.ipynb").write_text("g")
    collect(tmp_path / "in", tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "ada/a.ipynb", "grace.ipynb": "g"}


TRICKS = ["../../evil.ipynb", "/etc/evil.ipynb", "..\\evil.ipynb", "C:\\evil.ipynb", "a/../b.ipynb"]


def test_path_tricks_are_refused_and_the_rest_collected(tmp_path: Path) -> None:
    source = make_zip(tmp_path, *[(name, "evil") for name in TRICKS], ("ada.ipynb", "good"))
    result = collect(source, tmp_path / "deep/er/out")
    assert names(tmp_path / "deep/er/out") == {"ada.ipynb": "good"}
    assert result.refused == [f"{name} would lead out of the archive." for name in TRICKS]
    assert {path.name for path in tmp_path.rglob("*.ipynb")} == {"ada.ipynb"}


def test_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "answers.zip"
    with zipfile.ZipFile(source, "w") as archive:
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("ada.ipynb", "good")
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "good"}
    assert result.refused == ["link.ipynb is a link or a device, not a file."]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/solution.ipynb").write_text("secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ada.ipynb").symlink_to(tmp_path / "secret/solution.ipynb")
    (folder / "all").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "grace.ipynb").write_text("good")
    result = collect(folder, tmp_path / "out")
    assert names(tmp_path / "out") == {"grace.ipynb": "good"}
    assert len(result.refused) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_link_that_waits_in_the_target_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/ada.ipynb").symlink_to(tmp_path / "elsewhere")
    result = collect(make_zip(tmp_path, ("ada.ipynb", "x")), tmp_path / "out")
    assert not (tmp_path / "elsewhere").exists()
    assert "another ada.ipynb is there already" in result.refused[0]


def test_bombs_are_refused_and_the_rest_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    monkeypatch.setattr(collecting, "MOST_BYTES", 1000)
    monkeypatch.setattr(collecting, "MOST_BYTES_IN_ALL", 2500)
    source = make_zip(
        tmp_path,
        ("a_bomb.ipynb", "0" * 1_000_000),
        *[(f"b{n}.ipynb", "1" * 900) for n in range(4)],
        ("c_liar.ipynb", "2" * 5000),
    )
    data = bytearray(source.read_bytes())
    place = data.rindex(b"c_liar.ipynb") - 46  # its place in the directory: declare 10 bytes
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    source.write_bytes(data)
    result = collect(source, tmp_path / "out")
    assert list(names(tmp_path / "out")) == ["b0.ipynb", "b1.ipynb"]
    assert result.refused[0] == "a_bomb.ipynb has more than 1,000 bytes."
    assert result.refused[1:3] == [f"b{n}.ipynb is beyond 2,500 bytes in all." for n in (2, 3)]
    assert result.refused[3].startswith("c_liar.ipynb cannot be read")


def test_damaged_and_encrypted_entries_are_refused(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("ada.ipynb", "good"), ("bad.ipynb", "x" * 99), ("c.ipynb", "y"))
    data = bytearray(source.read_bytes())
    data[data.index(b"bad.ipynb") + 9] ^= 0xFF  # its first compressed byte
    data[data.rindex(b"c.ipynb") - 46 + 8] |= 1  # encrypted, says the directory
    data[data.index(b"c.ipynb") - 30 + 6] |= 1
    source.write_bytes(data)
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "good"}
    assert ["cannot be read" in line for line in result.refused] == [True, True]


def test_other_files_are_named(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("ada.pdf", "x"), ("grace.zip", "y"), ("linus.ipynb", "no JSON"))
    result = collect(source, tmp_path / "out")
    assert result.refused == [
        "ada.pdf is no notebook (.ipynb).",
        "grace.zip is no notebook (.ipynb).",
    ]
    assert names(tmp_path / "out") == {"linus.ipynb": "no JSON"}  # the grader says what is wrong


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("ada\x1b[31m\r\nred", "ada[31mred"),
        ("=HYPERLINK(A1)", "HYPERLINK(A1)"),
        ("-rf", "rf"),
        ("@ada", "ada"),
        ("..hidden", "hidden"),
        ("a\u202egnp.b", "agnp.b"),
        ('a:b*c?"<d>|', "a_b_c___d__"),
        ("x" * 300, "x" * 200),
        ("\u0065\u0301va", "\u00e9va"),
    ],
)
def test_names_are_made_harmless(name: str, harmless: str, tmp_path: Path) -> None:
    result = collect(make_zip(tmp_path, (f"{name}.ipynb", "x")), tmp_path / "out")
    assert list(names(tmp_path / "out")) == [f"{harmless}.ipynb"], result.refused


def test_name_of_nothing_is_refused(tmp_path: Path) -> None:
    result = collect(make_zip(tmp_path, ("a/\x07=.ipynb", "x"), ("b.ipynb", "y")), tmp_path / "out")
    assert names(tmp_path / "out") == {"a.ipynb": "x", "b.ipynb": "y"}
    source = make_zip(tmp_path, ("\x07=.ipynb", "x"), (".ipynb", "y"))
    result = collect(source, tmp_path / "out")
    assert result.refused == [f"{name}.ipynb names no learner: rename it." for name in ("?=", "")]


def test_learners_whose_files_would_be_one_are_refused(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("Ada.ipynb", "a"), ("ada.ipynb", "b", 9), ("=ada.ipynb", "c", 10))
    result = collect(source, tmp_path / "out")
    assert len(result.written) == 1 and len(result.refused) == 2
    assert all("as another learner's" in line for line in result.refused)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first = make_zip(tmp_path, ("ada.ipynb", "a"), ("grace.ipynb", "b"))
    collect(first, tmp_path / "out")
    assert collect(first, tmp_path / "out").remarks == [
        "ada.ipynb was collected before.",
        "grace.ipynb was collected before.",
    ]
    again = collect(make_zip(tmp_path, ("ada.ipynb", "other")), tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "a", "grace.ipynb": "b"}
    assert again.refused == [
        "ada.ipynb: another ada.ipynb is there already; move that, or collect elsewhere."
    ]


def test_folder_of_results_within_the_source_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_text("a")
    for _ in range(2):
        assert collect(tmp_path, tmp_path / "collected").refused == []
        assert names(tmp_path / "collected") == {"ada.ipynb": "a"}


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["collect", *map(str, arguments)])


def test_command_reports(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("ada.ipynb", "a"), ("no\x1b[2Jtes.txt", "b"))
    result = call(source, tmp_path / "out")
    assert (result.exit_code, result.stdout) == (
        1,
        f"1 notebooks collected in {tmp_path / 'out'}.\n",
    )
    assert result.stderr == "Not collected: no?[2Jtes.txt is no notebook (.ipynb).\n"
    assert call(make_zip(tmp_path, ("ada.ipynb", "a")), tmp_path / "new").exit_code == 0
    assert call(tmp_path / "none.zip", tmp_path / "out").exit_code == 2
