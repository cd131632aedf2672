"""The list of lessons: ``course.toml``, which also names the repository and the tag of the badges.

Nothing else in the course lists lessons: commands, lints, pages and tests ask here.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution.pointers import Pointer

__all__ = [
    "FILE",
    "Course",
    "Lesson",
    "Minutes",
    "add_lesson",
    "choose",
    "find_course",
    "point_at",
    "read_course",
]

FILE = "course.toml"
_NAME = re.compile(r"\d\d_[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Minutes:
    """How many minutes a reader needs to read a lesson, to work on it, and to run it."""

    read: int
    do: int
    run: int

    def __str__(self) -> str:
        return f"Minutes: {self.read} to read, {self.do} to do, {self.run} to run."


@dataclass(frozen=True)
class Lesson:
    """What the course knows of a lesson before it opens the notebook.

    Attributes:
        name: name of its files without their ending, such as ``02_fnn``.
        title: what its heading says after the number.
        summary: what a reader learns in it, one clause.
        minutes: how long a reader needs.
        tensorflow: whether it needs TensorFlow.
        packages: what its set-up cell installs beside the course, because Colab lacks it.
        bounds: bounds of the lints that differ for it, ``(lowest, highest)`` by their name.
    """

    name: str
    title: str
    summary: str
    minutes: Minutes
    tensorflow: bool = True
    packages: tuple[str, ...] = ()
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The number in its name and its heading."""
        return int(self.name[:2])

    @property
    def heading(self) -> str:
        """What its page is headed with, such as ``2 · Dense networks``."""
        return f"{self.number} · {self.title}"


@dataclass(frozen=True)
class Course:
    """A checkout of the course: its folder, where its badges point, and its lessons in order."""

    folder: Path
    pointer: Pointer
    lessons: tuple[Lesson, ...]

    @property
    def notebooks(self) -> Path:
        """Folder of the lessons."""
        return self.folder / "notebooks"

    @property
    def assignments(self) -> Path:
        """Folder of the sources of the assignments."""
        return self.folder / "assignments"

    @property
    def exercises(self) -> Path:
        """Folder of the copies that learners get."""
        return self.folder / "exercises"


def choose(lessons: Sequence[Lesson], wanted: Sequence[str]) -> list[Lesson]:
    """Return the lessons wanted, in their order; all of them if none is named.

    Raises:
        CourseError: a name (``02_fnn``, ``2`` or a path) is no lesson's.
    """
    chosen: set[str] = set()
    for text in wanted:
        stem = Path(text).stem
        found = {x.name for x in lessons if stem in (x.name, x.name[:2], x.name[:2].lstrip("0"))}
        if not found:
            names = ", ".join(lesson.name for lesson in lessons)
            raise CourseError(f"There is no lesson {text!r}: choose from {names}.")
        chosen |= found
    return [lesson for lesson in lessons if lesson.name in chosen or not wanted]


def find_course(start: Path) -> Course:
    """Return the course that a folder belongs to; CourseError if it belongs to none."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return read_course(folder)
    raise CourseError("This folder is not in a copy of the course: go to a folder that is.")


def read_course(folder: Path) -> Course:
    """Read ``course.toml`` in a folder.

    Raises:
        CourseError: the file is not there, is not TOML, or lacks something; the sentence says what.
    """
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"There is no {path}: restore it from the repository.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not TOML ({error}): mend that line.") from None
    try:
        pointer = Pointer.parse(f"{table['repository']}@{table['tag']}")
        lessons = tuple(_lesson(entry) for entry in table.get("lesson", ()))
    except KeyError as error:
        raise CourseError(f"{path} lacks the entry {error}: add it.") from None
    except TypeError as error:
        raise CourseError(f"{path} has an entry of a wrong kind ({error}): mend it.") from None
    names = [lesson.name for lesson in lessons]
    if names != sorted(set(names)) or len({name[:2] for name in names}) < len(names):
        raise CourseError(f"{path} lists lessons twice or out of order: sort them by number.")
    return Course(folder, pointer, lessons)


def _lesson(entry: Mapping[str, Any]) -> Lesson:
    if not _NAME.fullmatch(entry["name"]):
        raise CourseError(
            f"{entry['name']!r} is no name of a lesson: write two digits and a word, as 02_fnn."
        )
    known = dict(entry)
    known["minutes"] = Minutes(**entry["minutes"])
    known["packages"] = tuple(entry.get("packages", ()))
    bounds = entry.get("bounds", {})
    known["bounds"] = {name: (float(low), float(high)) for name, (low, high) in bounds.items()}
    return Lesson(**known)


def add_lesson(folder: Path, lesson: Lesson) -> None:
    """Add a lesson to ``course.toml``; what stands there keeps its form and its comments.

    Raises:
        CourseError: a lesson of that number is listed, or the last one has a higher number.
    """
    if not _NAME.fullmatch(lesson.name):
        raise CourseError(
            f"{lesson.name!r} is no name of a lesson: write two digits and a word, as 02_fnn."
        )
    path = folder / FILE
    course = read_course(folder)
    if course.lessons and lesson.number <= course.lessons[-1].number:
        last = course.lessons[-1].name
        raise CourseError(f"{lesson.name} does not follow {last}: give it a higher number.")
    lines = ["", "[[lesson]]"]
    lines += [f"{key} = {json.dumps(getattr(lesson, key))}" for key in ("name", "title", "summary")]
    minutes = lesson.minutes
    lines.append(f"minutes = {{ read = {minutes.read}, do = {minutes.do}, run = {minutes.run} }}")
    if not lesson.tensorflow:
        lines.append("tensorflow = false")
    if lesson.packages:
        lines.append(f"packages = {json.dumps(list(lesson.packages))}")
    if lesson.bounds:
        bounds = (f"{name} = [{low:g}, {high:g}]" for name, (low, high) in lesson.bounds.items())
        lines.append(f"bounds = {{ {', '.join(bounds)} }}")
    write_text(path, path.read_text(encoding="utf-8").rstrip("\n") + "\n" + "\n".join(lines) + "\n")
    read_course(folder)  # complains at once if this wrote anything that it cannot read


def point_at(folder: Path, pointer: Pointer) -> bool:
    """Name another repository and tag in ``course.toml``; say whether anything changed."""
    path = folder / FILE
    before = path.read_bytes().decode("utf-8")  # not read_text, which would change line ends
    after = re.sub(
        r'(?m)^(repository *= *)"[^"]*"', rf'\g<1>"{pointer.owner}/{pointer.repo}"', before
    )
    after = re.sub(r'(?m)^(tag *= *)"[^"]*"', rf'\g<1>"{pointer.tag}"', after)
    if after != before:
        write_text(path, after)
    return after != before
