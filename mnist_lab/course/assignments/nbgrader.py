"""An assignment as nbgrader wants it: the same cells with its metadata."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from mnist_lab.course.assignments import markers
from mnist_lab.course.assignments.source import read_assignment
from mnist_lab.course.execution import records

__all__ = ["export", "nbgrader_source"]


def export(source: Path, folder: Path) -> Path:
    """Write ``<folder>/source/<name>/<name>.ipynb`` and return its path.

    Raises CourseError when a mark in the source is at fault.
    """
    read_assignment(source)
    path = folder / "source" / source.stem / source.name
    path.parent.mkdir(parents=True, exist_ok=True)
    records.save_notebook(path, nbgrader_source(records.read_notebook(source)))
    return path


def nbgrader_source(notebook: NotebookNode) -> NotebookNode:
    """Add nbgrader's metadata to a notebook whose marks are in order, and return it.

    Set-up cells become read-only, exercises are answers that nbgrader clears, checks are tests that
    give the points. Whatever else a cell stored is left out.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        cell.update(outputs=[], execution_count=None)
        if mark := markers.find_mark(cell.source):
            cell.metadata = {"nbgrader": _metadata(mark, number)}
    return notebook


def _metadata(mark: markers.Mark, number: int) -> dict[str, object]:
    metadata: dict[str, object] = {
        "schema_version": 3,
        "grade_id": f"{mark.kind.lower()}-{mark.id or number}",
        "grade": mark.kind == "CHECK",
        "solution": mark.kind == "EXERCISE",
        "locked": mark.kind != "EXERCISE",
        "task": False,
    }
    return metadata | ({"points": mark.points} if mark.kind == "CHECK" else {})
