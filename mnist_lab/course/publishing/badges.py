"""Where readers open and install the course: the Colab badges and the set-up lines.

All of them point at one tag of one repository. Files are edited as text, so that nothing but the
pointers changes, not even a space of a notebook's JSON.
"""

from __future__ import annotations

from pathlib import Path

from mnist_lab._files import write_text
from mnist_lab.course.execution.catalogue import FILE, Course, point_at
from mnist_lab.course.execution.pointers import BADGE, INSTALL, Pointer, redirected

__all__ = ["disagreements", "find_pointers", "repoint"]

PATTERNS = ("README.md", "notebooks/*.ipynb", "assignments/*.ipynb", "exercises/*.ipynb")


def _course_files(folder: Path) -> list[Path]:
    return [path for pattern in PATTERNS for path in sorted(folder.glob(pattern))]


def _read(path: Path) -> str:
    # Not read_text: it would turn the line ends of a Windows checkout into others.
    return path.read_bytes().decode("utf-8")


def find_pointers(folder: Path) -> list[tuple[Path, Pointer]]:
    """Return every Colab badge and set-up line of the course in ``folder``: file and target."""
    return [
        (path, Pointer(match[2], match[3], match[5]))
        for path in _course_files(folder)
        for pattern in (BADGE, INSTALL)
        for match in pattern.finditer(_read(path))
    ]


def repoint(folder: Path, pointer: Pointer) -> list[Path]:
    """Point every badge, every set-up line and ``course.toml`` of a course at one tag.

    Returns the files that changed; a second call changes none.
    """
    changed = [folder / FILE] if point_at(folder, pointer) else []
    for path in _course_files(folder):
        before = _read(path)
        after = redirected(before, pointer)
        if after != before:
            write_text(path, after)
            changed.append(path)
    return changed


def disagreements(course: Course, expected: Pointer | None = None) -> list[str]:
    """Say which badges and set-up lines of a course do not point where they should.

    Args:
        course: the course as ``course.toml`` lists it.
        expected: where all should point; by default where ``course.toml`` does.

    Returns:
        One sentence per fault: a pointer to another repository or tag, a badge that opens another
        notebook or none that exists, a notebook without badge or set-up line.
    """
    folder, target = course.folder, expected or course.pointer
    found = [(folder / FILE, course.pointer), *find_pointers(folder)]
    faults = [
        f"{path.relative_to(folder).as_posix()} points at {pointer}, not at {target}."
        for path, pointer in found
        if pointer != target
    ]
    for path in _course_files(folder):
        name, text = path.relative_to(folder).as_posix(), _read(path)
        opened = [match[6] for match in BADGE.finditer(text)]
        faults += [
            f"{name} opens {o}, which is not there." for o in opened if not (folder / o).is_file()
        ]
        shown = name.replace("assignments/", "exercises/")  # what its learners open
        if path.suffix == ".ipynb" and shown not in opened:
            faults.append(f"{name} has no Colab badge that opens {shown}.")
        if path.suffix == ".ipynb" and not INSTALL.search(text):
            faults.append(f"{name} has no set-up line that installs the course.")
    return faults
