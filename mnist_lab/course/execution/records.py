"""Notebooks as files: read, saved, compared; and what earlier runs left in notebooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mnist_lab._files import write_text
from mnist_lab.course import CourseError
from mnist_lab.course.execution.cells import tags
from mnist_lab.course.execution.kernels import PACKAGE
from mnist_lab.course.execution.pointers import without_pointers

__all__ = [
    "earlier_runs",
    "read_notebook",
    "recorded_seconds",
    "run_digest",
    "save_notebook",
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


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook, with ids of cells and the course's kernel.

    Raises:
        CourseError: the file is no notebook or is not there.
    """
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        notebook = nbformat.v4.upgrade(notebook)
    except FileNotFoundError:
        raise CourseError(f"{path} is not there: restore it from the repository.") from None
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"{path} is not a notebook: restore it from the repository.") from error
    notebook.metadata.update({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    return notebook


def save_notebook(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook as Jupyter does, all of it or nothing."""
    write_text(path, nbformat.writes(notebook) + "\n")


def source_digest(notebook: NotebookNode) -> str:
    """Return the SHA-256 of what a reader would run: cell types, sources and tags.

    Outputs do not count, nor does the repository that badge and set-up line point at.
    """
    cells = [
        [cell.cell_type, without_pointers(cell.source), sorted(tags(cell))]
        for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def run_digest(
    notebook: NotebookNode,
    parameters: Mapping[str, Any],
    is_mnist: bool,
    versions: Mapping[str, str],
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


def earlier_runs(output: Path, lessons: Iterable[str]) -> dict[str, NotebookNode]:
    """Return name -> executed notebook with its record, as earlier runs left them."""
    found = {}
    for name in lessons:
        with suppress(CourseError):  # whatever else lies there will be replaced
            notebook = read_notebook(output / f"{name}.ipynb")
            if "run" in notebook.metadata.get("mnist_lab", {}):
                found[name] = notebook
    return found


def recorded_seconds(
    earlier: NotebookNode | None, is_mnist: bool, parameters: Mapping[str, Any]
) -> float | None:
    """Return the seconds that the last run took if a new one will be alike, else None."""
    record = {} if earlier is None else dict(earlier.metadata.mnist_lab)
    last = (record.get("is_mnist"), record.get("parameters"), record.get("failure"))
    return float(record["seconds"]) if last == (is_mnist, dict(parameters), None) else None
