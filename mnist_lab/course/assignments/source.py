"""Assignments: one source with solutions and hidden tests, and the copy that learners get."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from mnist_lab.course import CourseError
from mnist_lab.course.assignments import markers
from mnist_lab.course.execution.cells import code_cells, tree
from mnist_lab.course.execution.records import KERNELSPEC, LANGUAGE, read_notebook

__all__ = ["Assignment", "Exercise", "learner_copy", "misplaced_marks", "read_assignment"]


@dataclass(frozen=True)
class Exercise:
    """One task: what learners write, and what is asked of it.

    ``source`` and ``check`` are the cells as authored, with solution and hidden tests; ``names``
    are those that the untouched cell binds at its top level, for learners to give them a meaning.
    What else a solution binds there is its own affair.
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


def read_assignment(path: Path) -> Assignment:
    """Read the source of an assignment.

    Raises:
        CourseError: it is no notebook or its marks are at fault: names file, cell and remedy.
    """
    notebook = read_notebook(path)
    for fault in misplaced_marks(notebook):
        raise CourseError(f"{path.name}: {fault}.")
    sources = [cell.source for _, cell in code_cells(notebook)]
    marked = [(mark, source) for source in sources if (mark := markers.find_mark(source))]
    checks = {mark.id: (mark.points, source) for mark, source in marked if mark.kind == "CHECK"}
    exercises = []
    for mark, source in marked:
        if mark.kind == "EXERCISE":
            points, check = checks[mark.id]
            names = _bound_names(markers.stubbed(source, mark.id))
            exercises.append(Exercise(mark.id, source, check, points, names))
    setup = tuple(source for mark, source in marked if mark.kind == "SETUP")
    return Assignment(path.stem, setup, tuple(exercises))


def misplaced_marks(notebook: NotebookNode) -> Iterator[str]:
    """Faults that leave open what is an exercise, a solution or a check: nothing else is asked."""
    exercises: dict[str, int] = {}
    checks: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        where, is_code = f"cell {number}", cell.cell_type == "code"
        for line, form in markers.strange_lines(cell.source, is_code=is_code):
            yield (
                f"{where} has `{line}`, which looks like a mark but is none: "
                f"write `{form}` where such a mark belongs, or use other words"
            )
        if not is_code:
            continue
        mark = markers.find_mark(cell.source) or markers.Mark("unmarked")
        try:
            kinds = {region.kind for region in markers.regions(cell.source)}
        except ValueError as error:
            yield f"{where} {error}"
            continue
        for kind, home in (("SOLUTION", "EXERCISE"), ("HIDDEN TESTS", "CHECK")):
            if kind in kinds and mark.kind != home:
                yield f"{where} has {kind} but is no {home} cell: move it into such a cell"
        yield from (f"{where} {fault}" for fault in _not_python(mark, cell))
        if mark.kind == "EXERCISE" and "SOLUTION" not in kinds:
            yield f"{where} has no solution: put one between `### BEGIN SOLUTION` and its END"
        if mark.kind == "CHECK" and mark.id not in exercises:
            yield (
                f"{where} checks {mark.id}, but no exercise of this name stands before it: move or "
                "rename the check"
            )
        if mark.id:
            seen = exercises if mark.kind == "EXERCISE" else checks
            if seen.setdefault(mark.id, number) != number:
                yield f"{where} has the id {mark.id} of cell {seen[mark.id]}: rename one of them"
    for exercise, number in exercises.items():
        if exercise not in checks:
            yield f"cell {number} has no check: add a cell `# CHECK {exercise} (1 point)`"
    if not exercises:
        yield "it has no exercise: begin a cell with `# EXERCISE 01-name`"


def _not_python(mark: markers.Mark, cell: NotebookNode) -> Iterator[str]:
    parts = {"": cell.source}
    if mark.kind == "EXERCISE":
        parts["without its solution "] = markers.stubbed(cell.source, mark.id)
    if mark.kind == "CHECK":
        parts["without its hidden tests "] = markers.lines_of(cell.source, "")
    for which, source in parts.items():
        try:
            if mark.kind == "unmarked":
                tree(cell)
            else:  # a grader runs it without IPython's magics
                ast.parse(source)
        except SyntaxError as error:
            yield f"{which}is not Python ({error.msg}): mend it"


def learner_copy(notebook: NotebookNode) -> NotebookNode:
    """Return what learners get of a source whose marks are in order; the source stays as it is.

    Solutions become stubs, hidden tests go, visible checks say one line and never raise. Outputs,
    counts and metadata are left out and ids are numbers, so the same source gives the same copy.
    """
    copy: NotebookNode = new_notebook(
        metadata={"kernelspec": KERNELSPEC, "language_info": LANGUAGE}, nbformat_minor=5
    )
    left_open: dict[str, tuple[str, ...]] = {}
    for number, original in enumerate(notebook.cells, start=1):
        cell = deepcopy(original)
        cell.update(id=f"cell-{number:02}", metadata={})
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            mark = markers.find_mark(cell.source)
            if mark and mark.kind == "EXERCISE":
                cell.source = markers.stubbed(cell.source, mark.id)
                left_open[mark.id] = _left_open(cell.source)
            elif mark and mark.kind == "CHECK":
                visible = markers.lines_of(cell.source, "")
                cell.source = markers.guarded(visible, mark.id, left_open[mark.id])
        copy.cells.append(cell)
    return copy


def _bound_names(source: str) -> tuple[str, ...]:
    """Return what a cell defines at its top level: no imports, nothing private."""
    symbols = symtable.symtable(source, "<exercise>", "exec").get_symbols()
    bound = {s.get_name() for s in symbols if s.is_assigned() and not s.is_imported()}
    return tuple(sorted(name for name in bound if not name.startswith("_")))


def _left_open(source: str) -> tuple[str, ...]:
    """Return what an untouched cell binds but gives no value of its own: functions, and None."""
    given = {
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) != "None"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = _bound_names(source)
    return tuple(name for name in names if name not in given) or names
