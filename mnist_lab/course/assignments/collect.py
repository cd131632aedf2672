"""Submissions as a learning platform hands them out -> one notebook per learner in a folder.

:mod:`~mnist_lab.course.assignments.platforms` reads from the path of a file whose file it is.
Nothing is merged or left out without a word: a remark or a refusal names every file that is not
copied. The only exception is what a platform wrote for a learner whose notebook was found.
"""

from __future__ import annotations

import lzma
import os
import re
import unicodedata
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mnist_lab._files import replacing
from mnist_lab.course import CourseError
from mnist_lab.course.assignments import archives, platforms
from mnist_lab.course.assignments.archives import (
    DOWNLOADED_AGAIN,
    LONGEST_NAME,
    MOST_BYTES,
    NOTEBOOK,
    Entry,
    first_download,
)
from mnist_lab.course.assignments.platforms import Owner
from mnist_lab.course.execution.catalogue import find_course
from mnist_lab.course.execution.kernels import PACKAGE

__all__ = ["Collected", "collect"]

MOST_BYTES_IN_ALL = 4_000_000_000
_MOST_LISTED = 20  # files in one remark, beside notebooks

# What platforms and Jupyter write beside the work of learners: text fields, receipts, lists.
_BESIDES = re.compile(
    r"(?:^|/)(?:onlinetext\.html?|grades\.(?:csv|xlsx?)|index\.html|(?:timestamp|comments)\.txt"
    r"|[^/]*(?:submission|feedback)Text\.html|[^/]*_assignsubmission_onlinetext_[^/]*"
    r"|[^/]*_attempt_[\d-]+\.txt|[^/]*_\d+_(?:text|link)\.html)$"
    r"|/Feedback attachment\(s\)/|(?:^|/)\.ipynb_checkpoints/",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(r"\.(?:zip|rar|7z|tar|tgz|tar\.\w+)$", re.IGNORECASE)
# What reading can raise: damaged, encrypted, compressed by an unknown method, gone meanwhile.
_UNREADABLE = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass
class Collected:
    """What became of the submissions: files written, remarks and refusals, each a sentence."""

    written: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass
class _Learner:
    """A learner's notebooks, and the paths of other files."""

    notebooks: list[tuple[Entry, Owner]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


# Who says whose a file is, and the learner: files are of one learner if these are equal.
_Key = tuple[str, str]


def collect(source: Path, folder: Path, pattern: str | None = None) -> Collected:
    """Copy the newest notebook of every learner to ``<folder>/<student>.ipynb``.

    Args:
        source: a zip file from a learning platform, or a folder of downloads.
        folder: where the notebooks go; made if need be. What is there is never overwritten.
        pattern: regular expression that finds the learner in a path within the source: its group
            ``student``, and ``number``, if it has one, is put behind. By default the forms of
            learning platforms; then a learner's own folder; then the name of the file.

    Raises:
        CourseError: the source is neither a zip file nor a folder, or the pattern is unfit.
    """
    checked = None if pattern is None else _checked(pattern)
    result = Collected()
    with archives.entries(source, besides=folder) as entries:
        fit = []
        for entry in entries:
            if fault := archives.fault(entry):
                result.refused.append(f"{_shown(entry.path)} {fault}.")
            else:
                fit.append(entry)
        paths, lessons = [entry.path for entry in fit], _lessons()
        owners = (
            platforms.owners(paths, lessons)
            if checked is None
            else platforms.by_pattern(paths, checked)
        )
        learners = _by_learner(zip(fit, owners, strict=True), result)
        if not any(learner.notebooks for learner in learners.values()) and not result.refused:
            result.refused.append(
                f"{source} holds no notebook (.ipynb): name another zip file or folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
        _copy_newest(learners, folder, lessons, result)
    return result


def _checked(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"{pattern!r} is no regular expression ({error}): mend it.") from None
    if "student" not in compiled.groupindex:
        raise CourseError(f"{pattern!r} finds no learner: write (?P<student>...) around the name.")
    return compiled


def _lessons() -> list[str]:
    """Return the names of the lessons of the course here, or of the one that is installed."""
    for place in (Path.cwd(), PACKAGE):
        with suppress(CourseError, OSError):
            return [lesson.name for lesson in find_course(place).lessons]
    return []


def _by_learner(owned: Iterable[tuple[Entry, Owner]], result: Collected) -> dict[_Key, _Learner]:
    learners: dict[_Key, _Learner] = defaultdict(_Learner)
    for entry, owner in owned:
        where, is_besides = _shown(entry.path), bool(_BESIDES.search(entry.path))
        is_notebook = bool(NOTEBOOK.search(entry.path)) and not is_besides
        is_named = bool(owner.student and _file_name(owner.student))
        if is_notebook and is_named:
            learners[owner.source, owner.student].notebooks.append((entry, owner))
        elif is_notebook:
            result.refused.append(f"{where} {_shown(owner.problem or platforms.NAMELESS)}.")
        elif is_named and owner.source != "file":
            learners[owner.source, owner.student].others.append(entry.path)
        elif not is_besides:
            result.refused.append(f"{where} is no notebook (.ipynb){_advice(entry.path)}.")
    return dict(learners)


def _copy_newest(
    learners: dict[_Key, _Learner], folder: Path, lessons: Sequence[str], result: Collected
) -> None:
    shared = Counter(
        owner.file.casefold() for learner in learners.values() for _, owner in learner.notebooks
    )
    names = _distinct_names(learners, folder, result)
    total = 0
    for key, name in names.items():
        learner = learners[key]
        _remark_others(name, learner, result)
        if not learner.notebooks:
            continue
        newest = _newest(name, learner, shared, lessons, result)
        where = _shown(newest.path)
        try:
            content = newest.read()
        except _UNREADABLE as error:
            result.refused.append(
                f"{where} cannot be read ({_shown(str(error))}): ask the learner for it again."
            )
            continue
        total += len(content)
        if len(content) > MOST_BYTES:
            result.refused.append(
                f"{where} unpacks to more than {MOST_BYTES:,} bytes: ask for it without outputs."
            )
        elif total > MOST_BYTES_IN_ALL:
            result.refused.append(
                f"{where} is beyond {MOST_BYTES_IN_ALL:,} bytes in all: collect it by itself."
            )
        else:
            _keep(content, folder / f"{name}.ipynb", where, result)


def _distinct_names(
    learners: dict[_Key, _Learner], folder: Path, result: Collected
) -> dict[_Key, str]:
    """Return the names of the files to write; refuse learners whose files would count as one.

    What a platform or a folder says goes before the name of a file. A name that needs no change
    goes before a name that needs one. So nobody can take a place by naming a file cleverly.
    """

    def rank(key: _Key) -> tuple[bool, int, bool, str]:
        source, student = key
        trust = ("folder", "file").index(source) + 1 if source in ("folder", "file") else 0
        return (not learners[key].notebooks, trust, _file_name(student) != student, student)

    there = {path.stem.casefold(): path.name for path in folder.glob("*.ipynb")}
    again = {DOWNLOADED_AGAIN.sub("", x): x for x in there if DOWNLOADED_AGAIN.search(x)}
    files = [f"{_file_name(key[1])}.ipynb" for key in learners if learners[key].notebooks]
    taken = there | {file.removesuffix(".ipynb").casefold(): file for file in files}
    claims: dict[str, _Key] = {}
    names: dict[_Key, str] = {}
    for key in sorted(learners, key=rank):
        name = _file_name(key[1])
        folded = name.casefold()
        if not learners[key].notebooks:
            if folded in claims:
                learners[claims[folded]].others += learners[key].others
            else:
                names[key] = name
            continue
        if claims.setdefault(folded, key) != key:
            reason = f"would be {name}.ipynb, like another learner's notebook: rename it"
        elif (first := first_download(folded, taken)) != folded:
            reason = f"would count as a second download of {taken[first]}: rename it"
        elif folded in again:
            reason = f"would be taken for the first download of {there[again[folded]]}: rename it"
        else:
            names[key] = name
            continue
        paths = [entry.path for entry, _ in learners[key].notebooks] + learners[key].others
        result.refused += [f"{_shown(path)} {reason}." for path in paths]
    return names


def _remark_others(name: str, learner: _Learner, result: Collected) -> None:
    """Name the files of a learner that are no notebooks; refuse what may hold the only notebook."""
    others = sorted(learner.others)
    if learner.notebooks:
        if others := [path for path in others if not _BESIDES.search(path)]:
            result.remarks.append(f"{name} sent other files, too: {_listed(others)}.")
    elif packed := [path for path in others if _ARCHIVE.search(path)]:
        result.refused += [f"{_shown(p)} is no notebook (.ipynb){_advice(p)}." for p in packed]
    else:
        result.remarks.append(f"{name} sent no notebook (.ipynb), but {_listed(others)}.")


def _advice(path: str) -> str:
    return ": unpack it, and collect what was in it" if _ARCHIVE.search(path) else ""


def _newest(
    name: str,
    learner: _Learner,
    shared: Mapping[str, int],
    lessons: Sequence[str],
    result: Collected,
) -> Entry:
    """Return the newest notebook, and remark which others there are.

    Where time decides nothing, the name does: one that others hand in, too, before one that only
    this learner has, and the name of a lesson before other names.
    """

    def rank(notebook: tuple[Entry, Owner]) -> tuple[object, ...]:
        entry, owner = notebook
        file = owner.file.casefold()
        lesson = min((i for i, x in enumerate(lessons) if x in file), default=len(lessons))
        return (owner.attempt, entry.changed, shared[file], -lesson, entry.path)

    *older, newest = sorted(learner.notebooks, key=rank)
    if older:
        tied = rank(older[-1])[:2] == rank(newest)[:2]
        which = (
            "the newest have the same time, and this one counts" if tied else "the newest counts"
        )
        left_out = ", ".join(_shown(entry.path) for entry, _ in older)
        result.remarks.append(
            f"{name} sent {len(learner.notebooks)} notebooks; {which}: {_shown(newest[0].path)}. "
            f"Left out: {left_out}."
        )
    return newest[0]


def _keep(content: bytes, path: Path, where: str, result: Collected) -> None:
    if not os.path.lexists(path):
        with replacing(path) as file:
            file.write(content)
        result.written.append(path)
    elif path.is_file() and path.read_bytes() == content:
        result.remarks.append(f"{path.name} was collected before.")
    else:
        result.refused.append(
            f"{where}: another {path.name} is there already. Move that file away, or collect into "
            "another folder."
        )


def _file_name(student: str) -> str:
    """Return a learner's name as every file system takes it, without what could steer anything.

    Control characters go, and so do marks that turn the direction of writing; a name begins
    neither like an option, nor like a hidden file, nor like a formula.
    """
    kept = "".join(c for c in student if not unicodedata.category(c).startswith("C"))
    plain = re.sub(r'[<>:"/\\|?*]', "_", " ".join(kept.split())).lstrip("-=+@. ")
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(". ")


def _shown(text: str) -> str:
    """Return a text of unknown origin so that printing it does nothing to a terminal."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME // 2]}...{plain[-LONGEST_NAME // 2 :]}"


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _MOST_LISTED
    text = ", ".join(map(_shown, paths[:_MOST_LISTED]))
    return f"{text} and {more} more" if more > 0 else text
