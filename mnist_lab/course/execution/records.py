"""Notebooks as files: read, saved, compared; and what earlier runs left in theirs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution.kernels import PACKAGE
from mnist_lab.course.execution.pointers import without_pointers

__all__ = [
    "earlier_runs",
    "executed_cells",
    "expected_seconds",
    "read_lesson",
    "run_digest",
    "save_lesson",
    "save_pictures",
    "source_digest",
]

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
# No version: it would differ between machines on which the same outputs come out.
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}


def read_lesson(path: Path) -> Any:
    """Read a notebook, with ids of cells and the course's kernel; CourseError if it is none."""
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        notebook = nbformat.v4.upgrade(notebook)  # type: ignore[no-untyped-call]
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"{path} is not a notebook: restore it from the repository.") from error
    notebook.metadata.update({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    return notebook


def save_lesson(path: Path, notebook: Any) -> None:
    """Write a notebook as Jupyter does, all of it or nothing."""
    write_text(path, nbformat.writes(notebook) + "\n")  # type: ignore[no-untyped-call]


def save_pictures(folder: Path, notebook: Any) -> set[str]:
    """Write the pictures that the README shows, those of cells tagged as below; return the tags."""
    saved = set()
    for cell in executed_cells(notebook):
        for tag in {"cover", "verdicts"} & set(cell.metadata.get("tags", [])):
            pictures = [output.get("data", {}).get("image/png") for output in cell.outputs]
            (folder / f"{tag}.png").write_bytes(base64.b64decode(next(filter(None, pictures))))
            saved.add(tag)
    return saved


def executed_cells(notebook: Any) -> list[Any]:
    """Return the cells that a kernel executes, in order: code cells that are not blank."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def source_digest(notebook: Any) -> str:
    """Return the SHA-256 of what a reader would run: cell types, sources and tags.

    Outputs do not count, nor does the repository that badge and set-up line point at.
    """
    cells = [
        [cell.cell_type, without_pointers(cell.source), sorted(cell.metadata.get("tags", []))]
        for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def run_digest(
    notebook: Any, parameters: Mapping[str, Any], is_mnist: bool, versions: Mapping[str, str]
) -> str:
    """Return the SHA-256 of all that a run's results depend on: a finished run is not repeated.

    One bit stands for the digits, because their content is proved before they are used.
    """
    digest = hashlib.sha256(source_digest(notebook).encode())
    digest.update(json.dumps([dict(parameters), is_mnist, dict(versions)]).encode())
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE)
        if path.suffix in {".py", ".csv"} and name.parts[0] != "course":
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _own_estimate(lesson: Any) -> float:
    """Return the seconds that a lesson itself says it takes; a minute if it says nothing."""
    text = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    match = re.search(r"Minutes: .*?(\d+) to run", text)
    return 60.0 * float(match[1]) if match else 60.0


def earlier_runs(output: Path, lessons: Iterable[str]) -> dict[str, Any]:
    """Return name -> executed notebook with its record, as earlier runs left them."""
    found = {}
    for name in lessons:
        with suppress(FileNotFoundError, ValueError):  # whatever else lies there will be replaced
            notebook = read_lesson(output / f"{name}.ipynb")
            if "run" in notebook.metadata.get("mnist_lab", {}):
                found[name] = notebook
    return found


def expected_seconds(lesson: Any, earlier: Any | None, is_mnist: bool, parameters: Any) -> float:
    """Return the seconds that a run will take: as many as the last one, if that was alike."""
    record = {} if earlier is None else dict(earlier.metadata.mnist_lab)
    last = (record.get("is_mnist"), record.get("parameters"), record.get("failure"))
    alike = last == (is_mnist, parameters, None)
    return float(record["seconds"]) if alike else _own_estimate(lesson)
