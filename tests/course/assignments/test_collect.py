"""Submissions are sorted by learner, and nothing hostile in an archive gets its way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from small_course import write_course
from typer.testing import CliRunner

from mnist_lab.course.assignments import archives
from mnist_lab.course.assignments import collect as collecting
from mnist_lab.course.assignments.collect import collect
from mnist_lab.course.cli.main import app

ROOT = Path(__file__).parents[3]
RENAME = (
    "put the learner's name into the name of the file, or say with --pattern where the name stands"
)
OUTSIDE = "would be written outside of the folder: ask the learner for the file itself"
MOODLE = "{}_assignsubmission_file_/01_eda.ipynb"


def make_zip(folder: Path, *entries: tuple[str, str] | tuple[str, str, int]) -> Path:
    """Write an archive of (name, content, day of its change)."""
    path = folder / "answers.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *day in entries:
            info = zipfile.ZipInfo(name, (2026, 11, (day or [1])[0], 12, 0, 0))
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
        (["Group (1)/01_eda.ipynb", "Group (2)/01_eda.ipynb"], ["Group (1)", "Group (2)"]),
        (
            ["Wei (1001).ipynb", "Wei (1002).ipynb", "Wei.ipynb"],
            ["Wei", "Wei (1001)", "Wei (1002)"],
        ),
        (["Group (1).ipynb", "Group (2).ipynb"], ["Group (1)", "Group (2)"]),
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
    assert result.remarks == [
        "ada sent 2 notebooks; the newest counts: ada.ipynb. Left out: ada (1).ipynb."
    ]


def test_pattern_finds_the_learner(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("ada_01_eda.ipynb", "a"), ("7-grace.ipynb", "b"))
    result = collect(source, tmp_path / "out", r"(?P<student>\w+)_01_eda")
    assert names(tmp_path / "out") == {"ada.ipynb": "a"}
    assert result.refused == ["7-grace.ipynb names no learner where the pattern looks: rename it."]


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
    with pytest.raises(ValueError, match="is neither a folder nor a zip file"):
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
        "ada_123 sent 2 notebooks; the newest counts: ada_123_9001_new.ipynb. "
        "Left out: ada_123_9000_old.ipynb."
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
    shown = [name.replace("\\", "/") for name in TRICKS]
    assert result.refused == [f"{name} {OUTSIDE}." for name in shown]
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
    assert result.refused == [
        "link.ipynb is a link or a device, not a file: ask the learner for the file itself."
    ]


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
    assert result.refused[0].startswith("a_bomb.ipynb has more than 1,000 bytes: ask for")
    assert result.refused[1:3] == [
        f"b{n}.ipynb is beyond 2,500 bytes in all: collect it by itself." for n in (2, 3)
    ]
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
        "grace.zip is no notebook (.ipynb): unpack it, and collect what was in it.",
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
    assert result.refused == [f"{name}.ipynb names no learner: {RENAME}." for name in ("?=", "")]


def test_learners_whose_files_would_be_one_are_refused(tmp_path: Path) -> None:
    """A name that had to be changed never takes the place of one that had not."""
    source = make_zip(tmp_path, ("ada.ipynb", "b", 9), ("=ada.ipynb", "c", 10), ("Ada.ipynb", "a"))
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"Ada.ipynb": "a"} and not result.remarks
    assert result.refused == [
        f"{name}.ipynb would be ada.ipynb, like another learner's notebook: rename it."
        for name in ("ada", "=ada")
    ]


@pytest.mark.parametrize(
    "stems",
    [
        ("ada\x01", "ada\x02"),
        ("a" * 210 + "1", "a" * 210 + "2"),
        ("ada ", "ada\u200b"),
        ("a:b", "a?b"),
    ],
)
def test_names_that_clean_to_the_same_text_stay_two(stems: tuple[str, str], tmp_path: Path) -> None:
    source = make_zip(tmp_path, *[(f"{stem}.ipynb", stem) for stem in stems])
    result = collect(source, tmp_path / "out")
    assert len(result.written) == len(result.refused) == 1 and not result.remarks
    assert "like another learner's notebook: rename it." in result.refused[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_in_latin_1_stay_two(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"Ren\xe9.ipynb", b"Ren\xe8.ipynb"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()
    result = call(folder, tmp_path / "out")
    assert result.exit_code == 1 and len(names(tmp_path / "out")) == 1
    assert result.stderr == (
        "Not collected: Ren?.ipynb would be Ren.ipynb, like another learner's notebook: "
        "rename it.\n"
    )


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
        "ada.ipynb: another ada.ipynb is there already. Move that file away, or collect into "
        "another folder."
    ]


def test_folder_of_results_within_the_source_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_text("a")
    for _ in range(2):
        assert collect(tmp_path, tmp_path / "collected").refused == []
        assert names(tmp_path / "collected") == {"ada.ipynb": "a"}


SAKAI = "01 EDA/{}/Submission attachment(s)/01_eda.ipynb"
BLACKBOARD = "01 EDA_{}_attempt_2026-11-{:02}-10-00-00"
# What comes back from a platform: files -> learners with the file that counts, remarks, refusals.
RETURNED = {
    "Sakai": (
        [*map(SAKAI.format, ("Wang, Wei(1001)", "Wang, Wei(1002)")), "01 EDA/grades.csv"],
        {name: SAKAI.format(name) for name in ("Wang, Wei(1001)", "Wang, Wei(1002)")},
        [],
        [],
    ),
    "Sakai, one learner and the feedback": (
        [
            SAKAI.format("Hopper, Grace(7)"),
            "01 EDA/Hopper, Grace(7)/timestamp.txt",
            "01 EDA/Hopper, Grace(7)/Feedback Attachment(s)/z.ipynb",
        ],
        {"Hopper, Grace(7)": SAKAI.format("Hopper, Grace(7)")},
        [],
        [],
    ),
    "Classroom": (
        [
            "01 EDA/Copy of 01_eda.ipynb",
            "01 EDA/Copy of 01_eda (1).ipynb",
            "01 EDA/Ada Lovelace - 01_eda.ipynb",
        ],
        {"Ada Lovelace": "01 EDA/Ada Lovelace - 01_eda.ipynb"},
        [],
        [
            f"01 EDA/{name}.ipynb names no learner: {RENAME}."
            for name in ("Copy of 01_eda", "Copy of 01_eda (1)")
        ],
    ),
    "Classroom, two of one name": (
        ["Wei Wang - 01_eda.ipynb", "Wei Wang - 01_eda (1).ipynb", "Ada - 01_eda.ipynb"],
        {"Ada": "Ada - 01_eda.ipynb"},
        [],
        [
            f"Wei Wang - 01_eda{again}.ipynb may be of another Wei Wang: "
            "give these files different names."
            for again in ("", " (1)")
        ],
    ),
    "Moodle 4": (
        [
            "Ada_1_assignsubmission_file/01_eda.ipynb",
            "Participant_9_assignsubmission_file/x.ipynb",
            "Ada_1_assignsubmission_onlinetext/onlinetext.html",
            "Bob_5_assignsubmission_onlinetext/onlinetext.html",
            "Participant_9_assignsubmission_onlinetext_onlinetext.html",
        ],
        {
            "Ada_1": "Ada_1_assignsubmission_file/01_eda.ipynb",
            "Participant_9": "Participant_9_assignsubmission_file/x.ipynb",
        },
        ["Bob_5 sent no notebook (.ipynb), but Bob_5_assignsubmission_onlinetext/onlinetext.html."],
        [],
    ),
    "Moodle 4, one learner, two notebooks of one time": (
        [f"Ada_1_assignsubmission_file/{name}.ipynb" for name in ("01_eda", "02_fnn")],
        {"Ada_1": "Ada_1_assignsubmission_file/01_eda.ipynb"},
        [
            "Ada_1 sent 2 notebooks; the newest have the same time, and this one counts: "
            "Ada_1_assignsubmission_file/01_eda.ipynb. "
            "Left out: Ada_1_assignsubmission_file/02_fnn.ipynb."
        ],
        [],
    ),
    "Canvas": (
        [
            "hopper_LATE_1234_567890_01_eda-1.ipynb",
            "de_la_cruzana_2345_567891_01_eda.ipynb",
            "doejane_7_12_01_eda.ipynb",
            "yousef_3456_text.html",
            "LATE_anon_Qr34t_5679_01_eda.ipynb",
            "anon_12345_5680_01_eda.ipynb",
        ],
        {
            "hopper_1234": "hopper_LATE_1234_567890_01_eda-1.ipynb",
            "de_la_cruzana_2345": "de_la_cruzana_2345_567891_01_eda.ipynb",
            "doejane_7": "doejane_7_12_01_eda.ipynb",
            "anon_Qr34t": "LATE_anon_Qr34t_5679_01_eda.ipynb",
            "anon_12345": "anon_12345_5680_01_eda.ipynb",
        },
        ["yousef_3456 sent no notebook (.ipynb), but yousef_3456_text.html."],
        [],
    ),
    "Blackboard": (
        [
            f"{BLACKBOARD.format('ada01', 2)}_01_eda.ipynb",
            f"{BLACKBOARD.format('ada01', 1)}_01_eda.ipynb",
            f"{BLACKBOARD.format('hop02', 1)}_eda.ipynb",
            f"{BLACKBOARD.format('hop02', 1)}.txt",
            f"{BLACKBOARD.format('bob', 1)}.txt",
        ],
        {
            "ada01": f"{BLACKBOARD.format('ada01', 2)}_01_eda.ipynb",
            "hop02": f"{BLACKBOARD.format('hop02', 1)}_eda.ipynb",
        },
        [
            f"ada01 sent 2 notebooks; the newest counts: {BLACKBOARD.format('ada01', 2)}_01_eda"
            f".ipynb. Left out: {BLACKBOARD.format('ada01', 1)}_01_eda.ipynb.",
            f"bob sent no notebook (.ipynb), but {BLACKBOARD.format('bob', 1)}.txt.",
        ],
        [],
    ),
    "PowerShell 5": (
        ["all\\Ada\\01_eda.ipynb", "all\\Ada\\draft.ipynb", "all\\Bob\\01_eda.ipynb"],
        {"Ada": "all\\Ada\\01_eda.ipynb", "Bob": "all\\Bob\\01_eda.ipynb"},
        [
            "Ada sent 2 notebooks; the newest have the same time, and this one counts: "
            "all/Ada/01_eda.ipynb. Left out: all/Ada/draft.ipynb."
        ],
        [],
    ),
    "Moodle 3, other files": (
        [
            "\u0141ukasz \u017bak_1_assignsubmission_file_/a.ipynb",
            "\u0141ukasz \u017bak_1_assignsubmission_file_/data.csv",
            "\u0141ukasz \u017bak_1_assignsubmission_file_/data.zip",
            "Ada L_3_assignsubmission_file_/a.pdf",
            "Bob_4_assignsubmission_file_/all.zip",
        ],
        {"\u0141ukasz \u017bak_1": "\u0141ukasz \u017bak_1_assignsubmission_file_/a.ipynb"},
        [
            "\u0141ukasz \u017bak_1 sent other files, too: "
            "\u0141ukasz \u017bak_1_assignsubmission_file_/data.csv, "
            "\u0141ukasz \u017bak_1_assignsubmission_file_/data.zip.",
            "Ada L_3 sent no notebook (.ipynb), but Ada L_3_assignsubmission_file_/a.pdf.",
        ],
        [
            "Bob_4_assignsubmission_file_/all.zip is no notebook (.ipynb): "
            "unpack it, and collect what was in it."
        ],
    ),
    "sections": (
        ["Section A/ada/01_eda.ipynb", "Section A/bob/01_eda.ipynb", "Section B/eve/x.ipynb"],
        {},
        [],
        [
            f"{path} lies in {path[:9]} with the work of others: collect that folder by itself."
            for path in (
                "Section A/ada/01_eda.ipynb",
                "Section A/bob/01_eda.ipynb",
                "Section B/eve/x.ipynb",
            )
        ],
    ),
}


@pytest.mark.parametrize("case", RETURNED)
def test_what_platforms_return(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, counts, remarks, refused = RETURNED[case]
    result = collect(make_zip(tmp_path, *[(path, path) for path in paths]), tmp_path / "out")
    assert names(tmp_path / "out") == {f"{name}.ipynb": path for name, path in counts.items()}
    assert (result.remarks, result.refused) == (remarks, refused)
    monkeypatch.chdir(tmp_path)  # outside a checkout of the course
    again = collect(tmp_path / "answers.zip", tmp_path / "again")
    assert [path.name for path in again.written] == [path.name for path in result.written]


@pytest.mark.parametrize(
    ("placeholder", "stored", "student"),
    [
        (b"Zo__", b"Zo\xc3\xab", "Zo\u00eb"),  # UTF-8, and nothing says so
        (b"Zoe__", b"Zoe\xcc\x88", "Zo\u00eb"),  # as macOS writes it: letter and accent apart
        (b"Zo_", b"Zo\x89", "Zo\u00eb"),  # code page 437, as old programs write it
    ],
)
def test_names_in_zips_that_say_no_encoding(
    placeholder: bytes, stored: bytes, student: str, tmp_path: Path
) -> None:
    source = make_zip(tmp_path, (f"{placeholder.decode()}.ipynb", "z"), ("Ada.ipynb", "a"))
    source.write_bytes(source.read_bytes().replace(placeholder, stored))
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"Ada.ipynb": "a", f"{student}.ipynb": "z"}
    assert not result.refused


@pytest.mark.parametrize(
    "intruder",
    [
        "Grace_2_assignsubmission_file_x.ipynb",
        "Grace/x.ipynb",
        "grace_2_33_01_eda.ipynb",
        "01 EDA_grace_attempt_2027-01-01-10-00-00_x.ipynb",
        "Grace - 01_eda.ipynb",
        "Grace.ipynb",
    ],
)
@pytest.mark.parametrize(
    "form", ["{}_assignsubmission_file_/{}", "{}_assignsubmission_file_{}", "all/{}/{}"]
)
def test_learner_s_folder_decides(form: str, intruder: str, tmp_path: Path) -> None:
    """Whatever Ada calls her files, they are hers, and Grace's stay Grace's."""
    ada, grace = ("Ada_1", "Grace_2") if "assign" in form else ("Ada", "Grace")
    source = make_zip(
        tmp_path,
        (form.format(ada, intruder), "Ada's", 20),
        (form.format(ada, "01_eda.ipynb"), "old", 1),
        (form.format(grace, "01_eda.ipynb"), "Grace's", 2),
    )
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {f"{ada}.ipynb": "Ada's", f"{grace}.ipynb": "Grace's"}
    assert not result.refused and len(result.remarks) == 1


def test_file_does_not_replace_what_a_folder_holds(tmp_path: Path) -> None:
    source = make_zip(
        tmp_path, ("ada/01_eda.ipynb", "a"), ("ada.ipynb", "x", 9), ("bob/b.ipynb", "b")
    )
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"ada.ipynb": "a", "bob.ipynb": "b"} and not result.remarks
    assert result.refused == [
        "ada.ipynb would be ada.ipynb, like another learner's notebook: rename it."
    ]


@pytest.mark.parametrize(
    "stem",
    [
        "01_eda",
        "01_eda (1)",
        "Copy of 01_eda",
        "Copy of 01_eda (2)",
        "Kopie von 01_eda",
        "EDA",
        "01_eda-Copy1",
        "Untitled",
        "Untitled3",
        "03_deep_dropout_ann",
        "01_eda_final_v2",
        "eda_20261101_1530",
        "assignment 1",
        "notebook",
    ],
)
@pytest.mark.parametrize("folder", ["", "01 EDA/", "submissions/week 2/"])
def test_names_of_notebooks_are_nobody_s(folder: str, stem: str, tmp_path: Path) -> None:
    source = make_zip(tmp_path, (f"{folder}{stem}.ipynb", "x"), (f"{folder}Ada.ipynb", "a"))
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"Ada.ipynb": "a"} and not result.remarks
    assert result.refused == [f"{folder}{stem}.ipynb names no learner: {RENAME}."]


def test_names_of_a_fork_s_own_lessons_are_nobody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_course(tmp_path, "06_word_vectors")
    source = make_zip(tmp_path, ("Copy of 06_word_vectors.ipynb", "x"), ("word_ada.ipynb", "a"))
    assert not collect(source, tmp_path / "before").refused
    monkeypatch.chdir(tmp_path)
    result = collect(source, tmp_path / "out")
    assert len(result.refused) == 1 and names(tmp_path / "out") == {"word_ada.ipynb": "a"}


def test_learner_that_grading_would_take_for_a_second_download(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("Group/x.ipynb", "0"), ("Group (1)/x.ipynb", "1"))
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"Group.ipynb": "0"}
    assert result.refused == [
        "Group (1)/x.ipynb would count as a second download of Group.ipynb: rename it."
    ]
    collect(make_zip(tmp_path, ("Group (1)/x.ipynb", "1"), ("Bob/x.ipynb", "2")), tmp_path / "two")
    late = collect(make_zip(tmp_path, ("Group/x.ipynb", "0")), tmp_path / "two")
    assert late.refused == [
        "Group/x.ipynb would be taken for the first download of Group (1).ipynb: rename it."
    ]


def test_nothing_is_lost_without_a_word(tmp_path: Path) -> None:
    """Each file is collected, or stands in what is said."""
    paths = list(dict.fromkeys(path for case in RETURNED for path in RETURNED[case][0]))
    result = collect(make_zip(tmp_path, *[(path, path) for path in paths]), tmp_path / "out")
    said = "\n".join(result.remarks + result.refused)
    collected = set(names(tmp_path / "out").values())
    for path in paths:
        if path.endswith(".ipynb") and "Feedback" not in path:
            assert path in collected or path.replace("\\", "/") in said, path


def test_copies_that_jupyter_keeps_are_no_submissions(tmp_path: Path) -> None:
    source = make_zip(
        tmp_path,
        ("Ada/my digits.ipynb", "a", 1),
        ("Ada/.ipynb_checkpoints/my digits-checkpoint.ipynb", "old", 2),
        ("Bob/.ipynb_checkpoints/x-checkpoint.ipynb", "b"),
    )
    result = collect(source, tmp_path / "out")
    assert names(tmp_path / "out") == {"Ada.ipynb": "a"} and not result.refused
    assert result.remarks == [
        "Bob sent no notebook (.ipynb), but Bob/.ipynb_checkpoints/x-checkpoint.ipynb."
    ]


def test_source_without_notebooks_is_refused(tmp_path: Path) -> None:
    source = make_zip(tmp_path, ("Ada_1_assignsubmission_file_/a.pdf", "x"))
    result = collect(source, tmp_path / "out")
    assert result.refused == [
        f"{source} holds no notebook (.ipynb): name another zip file or folder."
    ]
    assert result.remarks == [
        "Ada_1 sent no notebook (.ipynb), but Ada_1_assignsubmission_file_/a.pdf."
    ]


def test_path_without_end_is_refused(tmp_path: Path) -> None:
    source = make_zip(tmp_path, (f"1-1{' - ' * 9999}.ipynb", "x"), ("ada.ipynb", "a"))
    result = collect(source, tmp_path / "out")
    assert len(result.refused) == 1 and "a path of more than 1,000" in result.refused[0]


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


def test_list_is_complete_where_the_output_knows_few_letters(tmp_path: Path) -> None:
    """On Windows, output to a file has the code page of the country."""
    paths = [f"{name}_assignsubmission_file_/x" for name in ("\u0141ukasz_1", "\u674e\u660e_2")]
    source = make_zip(tmp_path, *[(f"{p}.pdf", "x") for p in paths], (f"{paths[0]}.ipynb", "n"))
    done = subprocess.run(
        [sys.executable, "-m", "mnist_lab.course.cli", "collect", str(source), "out"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "cp1252:backslashreplace", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "\\u0141ukasz_1 sent other files, too: \\u0141ukasz_1_assignsubmission_file_/x.pdf.",
        "\\u674e\\u660e_2 sent no notebook (.ipynb), but "
        "\\u674e\\u660e_2_assignsubmission_file_/x.pdf.",
        "1 notebooks collected in out.",
    ]
