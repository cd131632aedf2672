"""Assignments: one source with solutions and hidden tests, and the copy that learners get."""

from __future__ import annotations

import symtable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from mnist_lab.course import assignment_lints, learner_lints, marks
from mnist_lab.course.cells import code_cells
from mnist_lab.course.records import KERNELSPEC, LANGUAGE, read_lesson

__all__ = ["Assignment", "Exercise", "learner_copy", "lint", "read"]


@dataclass(frozen=True)
class Exercise:
    """One task: what learners write, and what is asked of it.

    ``source`` and ``check`` are the cells as authored, with solution and hidden tests; ``names``
    are those that the solution binds at the top level of its cell.
    """

    id: str
    source: str
    check: str
    points: float
    names: tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """The marked cells of one source: sources of the SETUP cells, and exercises in their order."""

    name: str
    setup: tuple[str, ...]
    exercises: tuple[Exercise, ...]


def read(path: Path) -> Assignment:
    """Read the source of an assignment.

    Raises:
        ValueError: it is no notebook or its marks are at fault: names file, cell and remedy.
    """
    notebook = read_lesson(path)
    for fault in assignment_lints.misplaced_marks(notebook):
        raise ValueError(f"{path.name}: {fault}.")
    sources = [cell.source for _, cell in code_cells(notebook)]
    marked = [(mark, source) for source in sources if (mark := marks.find_mark(source))]
    checks = {mark.id: (mark.points, source) for mark, source in marked if mark.kind == "CHECK"}
    exercises = []
    for mark, source in marked:
        if mark.kind == "EXERCISE":
            points, check = checks[mark.id]
            exercises.append(Exercise(mark.id, source, check, points, _bound_names(source)))
    setup = tuple(source for mark, source in marked if mark.kind == "SETUP")
    return Assignment(path.stem, setup, tuple(exercises))


def lint(path: Path) -> list[str]:
    """Return everything that is wrong with an assignment and its learner copy, a sentence each."""
    try:
        notebook = read_lesson(path)
    except ValueError as error:
        return [str(error)]
    found = list(assignment_lints.misplaced_marks(notebook))
    if not found:
        copy = learner_copy(notebook)
        found += [
            f"{exercise.id} defines no name that could be checked: let its cell define one"
            for exercise in read(path).exercises
            if not exercise.names
        ]
        found += assignment_lints.weak_cells(notebook, path.stem)
        found += learner_lints.leaks(notebook, copy)
        found += learner_lints.unexplained(copy, path.stem)
    return [f"{path.name}: {fault}." for fault in found]


def learner_copy(notebook: NotebookNode) -> NotebookNode:
    """Return what learners get of a source whose marks are in order; the source stays as it is.

    Solutions become stubs, hidden tests go, visible checks say one line and never raise. Outputs,
    counts and metadata are left out and ids are numbers, so the same source gives the same copy.
    """
    copy: NotebookNode = new_notebook(  # type: ignore[no-untyped-call]
        metadata={"kernelspec": KERNELSPEC, "language_info": LANGUAGE}, nbformat_minor=5
    )
    defined: dict[str, tuple[str, ...]] = {}
    for number, original in enumerate(notebook.cells, start=1):
        cell = deepcopy(original)
        cell.update(id=f"cell-{number:02}", metadata={})
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            mark = marks.find_mark(cell.source)
            if mark and mark.kind == "EXERCISE":
                cell.source = marks.stubbed(cell.source, mark.id)
                defined[mark.id] = _bound_names(cell.source)
            elif mark and mark.kind == "CHECK":
                visible = marks.lines_of(cell.source, "")
                cell.source = marks.guarded(visible, mark.id, defined[mark.id])
        copy.cells.append(cell)
    return copy


def _bound_names(source: str) -> tuple[str, ...]:
    """Return what a cell defines at its top level: no imports, nothing private."""
    symbols = symtable.symtable(source, "<exercise>", "exec").get_symbols()
    bound = {s.get_name() for s in symbols if s.is_assigned() and not s.is_imported()}
    return tuple(sorted(name for name in bound if not name.startswith("_")))
