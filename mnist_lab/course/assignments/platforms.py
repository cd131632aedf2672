"""Whose a submitted file is, read from its path alone.

Every learning platform writes the learner into the path in its own form, and :data:`FORMS` has one
entry a form, with an example. The order of trust:

1. a folder that a platform made for a learner (the first one from the left),
2. a plain folder whose name names somebody,
3. a file name in the form of a platform,
4. a plain file name that names somebody.

So a learner's folder decides, whatever the learner calls the files in it. A number that the
platform adds tells learners of one name apart, so it stays in the name. What none of these finds
names no learner: nobody is guessed.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from posixpath import commonpath

from mnist_lab.course.assignments.archives import DOWNLOADED_AGAIN, NOTEBOOK, first_download

__all__ = ["FORMS", "NAMELESS", "Form", "Owner", "by_pattern", "owners"]

NAMELESS = (
    "names no learner: put the learner's name into the name of the file, "
    "or say with --pattern where the name stands"
)

_NUMBER = r"[1-9]\d{0,18}"  # a database's: never with a zero in front
_STAMP = r"(?P<time>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)"
_DATE = r"(?P<time>[^/]*?\b\d{4},? \d{1,2}[-_.:]?\d\d(?: [AP]M)?)"


@dataclass(frozen=True)
class Form:
    """How a platform names a file, or the folder of a learner; with an example.

    The groups of the pattern are ``student``; ``number``, which belongs to the learner; ``time`` or
    ``upload``, which grow from attempt to attempt; and ``file``, the learner's own name for it.
    """

    platform: str
    example: str
    pattern: re.Pattern[str]

    @property
    def is_folder(self) -> bool:
        """Whether the form is the name of a folder."""
        return self.pattern.pattern.startswith("(?:^|/)")


def _form(platform: str, example: str, pattern: str) -> Form:
    return Form(platform, example, re.compile(pattern, re.IGNORECASE))


FORMS = (
    # Folders. Moodle 3 ends the name with an underscore, and Moodle 4 does not. Where it makes no
    # folders for learners, it puts the name in front of the name of a learner's own folder.
    _form(
        "Moodle",
        "Ada Lovelace_12345_assignsubmission_file/01_eda.ipynb",
        r"(?:^|/)(?P<student>[^/]+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_[^/]*)?/",
    ),
    _form(
        "Sakai",
        "Lovelace, Ada(1003)/Submission attachment(s)/01_eda.ipynb",
        r"(?:^|/)(?P<student>[^/]+\([^/()]+\))/(?:(?:Submission|Feedback) attachment\(s\)/"
        r"|(?:timestamp|comments)\.txt$|[^/]*(?:submission|feedback)Text\.html$)",
    ),
    _form(
        "Brightspace",
        "12345-6789 - Ada Lovelace - Nov 1, 2026 330 PM/01_eda.ipynb",
        rf"(?:^|/)(?P<number>\d+)-\d+ - (?P<student>[^/]+?) - {_DATE}/",
    ),
    _form(
        "nbgrader",  # its exchange; a course of nbgrader has plain folders
        "ada+01_eda+2026-11-01 15:30:00 UTC/01_eda.ipynb",
        r"(?:^|/)(?P<student>[^/+]+)\+[^/+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d.?\d\d.?\d\d)[^/]*/",
    ),
    # Files: everything in one folder.
    _form(
        "Moodle",
        "Ada Lovelace_12345_assignsubmission_file_01_eda.ipynb",
        r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+_(?P<file>.+)",
    ),
    _form(
        "Blackboard",  # its "student" is "assignment_username": see _without_assignment
        "01 EDA_ada01_attempt_2026-11-01-15-30-00_01_eda.ipynb",
        rf"(?P<student>.+?)_attempt_{_STAMP}(?:_(?P<file>.+)|\.txt)",
    ),
    _form(
        "Brightspace",
        "12345-6789 - Ada Lovelace - Nov 1, 2026 330 PM - 01_eda.ipynb",
        rf"(?P<number>\d+)-\d+ - (?P<student>.+?) - {_DATE} - (?P<file>.+)",
    ),
    _form(
        "Canvas, anonymous",
        "LATE_anon_Xy12z_5678_01_eda.ipynb",
        r"(?:LATE_)?(?P<student>anon_[a-z0-9]+|student[ _]?\d+(?!_\d+_[1-9]\d*_))_(?:LATE_)?"
        rf"(?P<upload>{_NUMBER})_(?P<file>.+)",
    ),
    _form(
        "Canvas",
        "lovelaceada_LATE_12345_678901_01_eda.ipynb",
        rf"(?P<student>\w+?)(?:_LATE)?_(?P<number>{_NUMBER})_(?P<upload>{_NUMBER})_(?P<file>.+)",
    ),
    _form(
        "Canvas",
        "lovelaceada_12345_text.html",
        rf"(?P<student>\w+?)(?:_LATE)?_(?P<number>{_NUMBER})_(?:text|link)\.html",
    ),
    _form(
        "Google Classroom",
        "Ada Lovelace - 01_eda.ipynb",
        r"(?P<student>.+) - (?P<file>.+)",
    ),
)
# Teams: Ada Lovelace/01 EDA/Version 2/01_eda.ipynb. The learner's folder is a plain one.
_VERSION = re.compile(r"(?:^|/)Version (\d{1,9})(?=/)", re.IGNORECASE)

# Words of names that say what a file is, not whose. A folder or a file with no other word than
# these, the names of notebooks and short numbers names nobody.
_THINGS = """
    copy of kopie von copie de di copia cópia kopia untitled unbenannt sin titulo título sans titre
    notebook notebooks jupyter colab ipynb python exercise exercises assignment assignments
    homework hw lab labs task tasks sheet project submission submissions submitted submit working
    solution solutions solved answer answers final finished done draft notes scratch new old latest
    version v ver rev attempt attempts try test backup my download downloads file files folder
    upload uploads attachment attachments all work week lesson lessons course students
    participants learners groups teams mnist part result results checkpoint checkpoints late
    canvas moodle blackboard sakai brightspace classroom
"""
_GROUP = re.compile(r"(?:class|course|group|gruppe|section|seminar|team|tutorial)\b", re.IGNORECASE)
_DAY = re.compile(r"(?:19|20)\d{4}(?:\d\d){0,4}")  # 202611, 20261101, 20261101153000
_DATED = re.compile(  # number_upload of a name that Canvas did not give
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])_\d+"
    r"|(?:[0-2]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d_\d+"
    r"|\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])_(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?"
    r"|(?:19|20)\d\d_(?:[1-9]|1[0-2])(?:[0-3]\d)?"
)
_COPIED = re.compile(r"\(\d+\)$|^(?:copy|copie|c[oó]pia|kopie|kopia)\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Owner:
    """Whose a file is: a learner, or nobody and the reason (``problem``).

    ``source`` is what says so: a platform, ``"folder"``, ``"file"`` or ``"pattern"``. Two files are
    of one learner if both ``source`` and ``student`` are equal. ``attempt`` grows with each attempt
    of a learner; ``file`` is the name that the learner gave.
    """

    student: str
    source: str
    file: str
    attempt: tuple[int, ...] = ()
    problem: str = ""


def by_pattern(paths: Sequence[str], pattern: re.Pattern[str]) -> list[Owner]:
    """Return the owner of each path as the groups ``student`` and ``number`` of a pattern say."""
    found = []
    for path in map(_normal, paths):
        match = pattern.search(path)
        student = _student(match) if match else ""
        problem = "" if student else "names no learner where the pattern looks: rename it"
        found.append(Owner(student, "pattern", PurePosixPath(path).name, problem=problem))
    return found


def owners(paths: Sequence[str], lessons: Collection[str]) -> list[Owner]:
    """Return the owner of each path.

    Args:
        paths: all paths of one source, with forward slashes. They are looked at together: other
            files tell whether a folder is a learner's, and whether a platform gave the numbers.
        lessons: names of the notebooks that were handed out, as ``01_eda``: they name nobody.
    """
    names = _Names(lessons)
    places = [PurePosixPath(_normal(path)) for path in paths]
    top = _top(places)
    found = {i: o for i, place in enumerate(places) if (o := _of_platform_folder(place))}
    folders = {
        i: folder
        for i, place in enumerate(places)
        if i not in found and (folder := _naming_folder(place, top, names))
    }
    crowded = _crowded(places, folders, names)
    for i, folder in folders.items():
        owner = Owner(folder[-1], "folder", places[i].name, _version(places[i]))
        if folder in crowded:
            problem = f"lies in {folder[-1]} with the work of others: collect that folder by itself"
            owner = replace(owner, student="", problem=problem)
        found[i] = owner
    free = [i for i in range(len(places)) if i not in found]
    forms = {i: o for i in free if (o := _of_platform_file(places[i].name, names))}
    found |= _checked_together(forms, names)
    plain = [i for i in free if i not in found]
    found |= zip(plain, _of_plain_files([places[i] for i in plain], top, names), strict=True)
    return [found[i] for i in range(len(places))]


class _Names:
    """Tells names of people from names of things."""

    def __init__(self, lessons: Collection[str]) -> None:
        phrases = {" ".join(w for w in _words(x) if not w.isdigit()) for x in lessons}
        self._things = set(_THINGS.split())
        self._phrases = sorted(phrases - {""}, key=len, reverse=True)

    def someone(self, text: str) -> bool:
        """Say whether the name of a folder, or of a file without its ending, can be a learner's."""
        if re.fullmatch(r"[1-9]\d*|\d{3,}", text.strip()):  # a learner's number and nothing else
            return True
        left = f" {' '.join(_words(text))} "
        for phrase in self._phrases:
            left = left.replace(f" {phrase} ", " ")
        return any(
            len(word) >= 5 and not _DAY.fullmatch(word)
            if word.isdigit()
            else word not in self._things
            for word in left.split()
        )


def _is_notebook(place: PurePosixPath) -> bool:
    return bool(NOTEBOOK.search(place.name)) and ".ipynb_checkpoints" not in place.parts


def _normal(path: str) -> str:
    return unicodedata.normalize("NFC", path)  # macOS writes letters and accents apart


def _words(text: str) -> list[str]:
    """Return the words of a name in small letters, without numbers at their edges."""
    tokens = re.findall(r"[^\W_]+", text.casefold())
    return [token.strip("0123456789") or token for token in tokens]


def _student(match: re.Match[str]) -> str:
    return "_".join(filter(None, (match["student"], match.groupdict().get("number"))))


def _owner(form: Form, match: re.Match[str], file: str) -> Owner:
    groups = match.groupdict()
    attempt = (int(groups["upload"]),) if groups.get("upload") else _time(groups.get("time") or "")
    return Owner(_student(match), form.platform, groups.get("file") or file, attempt)


def _time(text: str) -> tuple[int, ...]:
    """Return (year, month, day, hour, minute, ...); () for a form that is not known."""
    if re.match(r"\d{4}-\d\d-\d\d[- ]", text):
        return tuple(map(int, re.findall(r"\d{4}(?=-)|\d\d", text)))
    clock = re.search(r"(\d{4}),? (\d{1,2})[-_.:]?(\d\d)(?: ([AP])M)?$", text, re.IGNORECASE)
    day = re.search(r"\b\d{1,2}\b", text)
    month = re.search("|".join(_MONTHS), text.casefold())
    if not (clock and day and month):
        return ()
    hour = int(clock[2])
    if clock[4]:
        hour = hour % 12 + (12 if clock[4] in "pP" else 0)
    return (int(clock[1]), _MONTHS.index(month[0]) + 1, int(day[0]), hour, int(clock[3]))


def _version(place: PurePosixPath) -> tuple[int, ...]:
    return tuple(map(int, _VERSION.findall(str(place))[-1:]))


def _top(places: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """Return the folder that holds everything: it is nobody's.

    The folder of a single notebook may be a learner's. A file beside everything, as a list of
    grades, does not count.
    """
    notebooks = [place.parent for place in places if _is_notebook(place)]
    folders = {str(p) for p in notebooks} | {str(p.parent) for p in places if p.parent.parts}
    top = PurePosixPath(commonpath(folders)) if folders else PurePosixPath()
    return () if notebooks == [top] else top.parts


def _of_platform_folder(place: PurePosixPath) -> Owner | None:
    matches = [(f, m) for f in FORMS if f.is_folder and (m := f.pattern.search(str(place)))]
    if not matches:
        return None
    form, match = min(matches, key=lambda found: found[1].start())
    return _owner(form, match, place.name)


def _naming_folder(
    place: PurePosixPath, top: tuple[str, ...], names: _Names
) -> tuple[str, ...] | None:
    """Return the path of the first folder below the top that names somebody."""
    folders = place.parent.parts
    for i in range(len(top), len(folders)):
        if names.someone(folders[i]):
            return folders[: i + 1]
    return None


def _crowded(
    places: Sequence[PurePosixPath], folders: Mapping[int, tuple[str, ...]], names: _Names
) -> set[tuple[str, ...]]:
    """Return the folders that hold the work of several, though they seem to be a learner's.

    Signs of it are folders that name different people (unless other learners have such folders,
    too: then these are titles) and files in the form of a platform. In a folder such as
    "Section B", plain files that name different people are a sign as well.
    """
    signs: dict[tuple[str, ...], set[str]] = defaultdict(set)
    homes: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for i, folder in folders.items():
        if not _is_notebook(places[i]):
            continue
        inner, stem = places[i].parts[len(folder)], _title(places[i].name)
        form = _of_platform_file(places[i].name, names)
        if inner != places[i].name and names.someone(inner):
            signs[folder].add(inner)
            homes[inner].add(folder)
        elif form:
            signs[folder].add(form.student)
        elif _GROUP.match(folder[-1]) and names.someone(stem):
            signs[folder].add(stem)
    several = {f: [sign for sign in found if len(homes[sign]) < 2] for f, found in signs.items()}
    crowded = {folder for folder, found in several.items() if len(found) > 1}
    if any(_GROUP.match(folder[-1]) for folder in crowded):  # then all of them are sections
        crowded |= {folder for folder in signs if _GROUP.match(folder[-1])}
    return crowded


def _of_platform_file(file: str, names: _Names) -> Owner | None:
    for form in FORMS:
        match = None if form.is_folder else form.pattern.fullmatch(file)
        if match and _is_credible(form, match, names):
            return _owner(form, match, file)
    return None


def _is_credible(form: Form, match: re.Match[str], names: _Names) -> bool:
    """Say whether a form that other names can have by chance is from the platform here."""
    groups = match.groupdict()
    if form.platform == "Canvas":
        numbers = f"{groups['number']}_{groups.get('upload')}"
        return names.someone(groups["student"]) and not _DATED.fullmatch(numbers)
    if form.platform == "Google Classroom":
        title = NOTEBOOK.sub("", groups["file"])
        return names.someone(groups["student"]) and not names.someone(title)
    return True


def _checked_together(found: Mapping[int, Owner], names: _Names) -> dict[int, Owner]:
    """Return the owners of files in forms of platforms, after a look at all of them."""
    # Canvas gives each upload its own number. Where two files share one, Canvas did not name them.
    # Small numbers stand in names by chance: maria_1_3_lopez and maria_1_4_silva are two.
    canvas = {
        (o.attempt, o.student, _title(o.file)) for o in found.values() if o.source == "Canvas"
    }
    uploads = Counter(attempt for attempt, *_ in canvas if attempt)
    people = Counter(
        student for attempt, student, title in canvas if attempt < (1000,) and names.someone(title)
    )
    # Drive numbers files of one name, and two learners may have one name.
    titles = Counter((owner.source, owner.student, _title(owner.file)) for owner in found.values())
    users = {owner.student for owner in found.values() if owner.source == "Blackboard"}
    checked = {}
    for i, owner in found.items():
        if owner.source == "Canvas" and max(uploads[owner.attempt], people[owner.student]) > 1:
            continue
        if owner.source == "Blackboard":
            owner = replace(owner, student=_without_assignment(owner.student, users))
        many = titles[owner.source, owner.student, _title(owner.file)] > 1
        if owner.source == "Google Classroom" and many:
            problem = f"may be of another {owner.student}: give these files different names"
            owner = replace(owner, student="", problem=problem)
        checked[i] = owner
    return checked


def _title(file: str) -> str:
    return DOWNLOADED_AGAIN.sub("", NOTEBOOK.sub("", file))


def _without_assignment(text: str, texts: Collection[str]) -> str:
    """Return the user of "assignment_user"; either part may have underscores.

    What all have in common is the assignment's name, so users that differ stay different.
    """
    if len(texts) == 1:
        return text.rpartition("_")[2]
    shared = os.path.commonprefix(list(texts))  # noqa: RUF071, it compares texts and not paths
    return text[shared.rfind("_") + 1 :]


def _of_plain_files(
    places: Sequence[PurePosixPath], top: tuple[str, ...], names: _Names
) -> list[Owner]:
    stems: dict[PurePosixPath, set[str]] = defaultdict(set)
    for place in places:
        stems[place.parent].add(NOTEBOOK.sub("", place.name))
    found = []
    for place in places:
        stem = first_download(NOTEBOOK.sub("", place.name), stems[place.parent])
        student = stem if names.someone(stem) else ""
        problem = "" if student else NAMELESS
        found.append(Owner(student, "file", place.name, problem=problem))
    # One folder holds everything, and no file names anybody: then the folder may be a learner's.
    # But numbered files and copies can come from many learners who got the same notebook.
    notebooks = [owner for place, owner in zip(places, found, strict=True) if _is_notebook(place)]
    copied = any(_COPIED.search(NOTEBOOK.sub("", owner.file)) for owner in notebooks)
    named = any(owner.student for owner in notebooks)
    folder = next(filter(names.someone, reversed(top)), "")
    if folder and not copied and not named:
        return [Owner(folder, "folder", place.name, _version(place)) for place in places]
    return found
