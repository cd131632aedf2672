"""Lints of an assignment's source; each takes a notebook and yields one sentence a fault."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from mnist_lab.course import marks
from mnist_lab.course.cells import code_cells, tree

__all__ = ["misplaced_marks", "weak_cells"]


def misplaced_marks(notebook: NotebookNode) -> Iterator[str]:
    """Faults that leave open what is an exercise, a solution or a check: nothing else is asked."""
    exercises: dict[str, int] = {}
    checks: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        where, is_code = f"cell {number}", cell.cell_type == "code"
        for line, form in marks.strange_lines(cell.source, is_code=is_code):
            yield (
                f"{where} has `{line}`, which looks like a mark but is none: "
                f"write `{form}` where it belongs, or use other words"
            )
        if not is_code:
            continue
        mark = marks.find_mark(cell.source) or marks.Mark("unmarked")
        try:
            kinds = {region.kind for region in marks.regions(cell.source)}
        except ValueError as error:
            yield f"{where} {error}"
            continue
        for kind, home in (("SOLUTION", "EXERCISE"), ("HIDDEN TESTS", "CHECK")):
            if kind in kinds and mark.kind != home:
                yield f"{where} has {kind} but is no {home} cell: move it into one"
        yield from (f"{where} {fault}" for fault in _not_python(mark, cell))
        if mark.kind == "EXERCISE" and "SOLUTION" not in kinds:
            yield f"{where} has no solution: put it between `### BEGIN SOLUTION` and its END"
        if mark.kind == "CHECK" and mark.id not in exercises:
            yield f"{where} checks {mark.id}, which does not stand before it: move or rename it"
        if mark.id:
            seen = exercises if mark.kind == "EXERCISE" else checks
            if seen.setdefault(mark.id, number) != number:
                yield f"{where} has the id {mark.id} of cell {seen[mark.id]}: rename one of them"
    for exercise, number in exercises.items():
        if exercise not in checks:
            yield f"cell {number} has no check: add a cell `# CHECK {exercise} (1 point)`"
    if not exercises:
        yield "it has no exercise: begin a cell with `# EXERCISE 01-name`"


def _not_python(mark: marks.Mark, cell: NotebookNode) -> Iterator[str]:
    parts = {"": cell.source}
    if mark.kind == "EXERCISE":
        parts["without its solution "] = marks.stubbed(cell.source, mark.id)
    if mark.kind == "CHECK":
        parts["without its hidden tests "] = marks.lines_of(cell.source, "")
    for which, source in parts.items():
        try:
            if mark.kind == "unmarked":
                tree(cell)
            else:  # a grader runs it without IPython's magics
                ast.parse(source)
        except SyntaxError as error:
            yield f"{which}is not Python ({error.msg}): mend it"


def weak_cells(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Stubs that stop a notebook, ids of other assignments, checks that cannot fail or help."""
    number_of_file = name.partition("_")[0]
    for number, cell in code_cells(notebook):
        mark = marks.find_mark(cell.source)
        if mark and mark.id and not mark.id.startswith(f"{number_of_file}-"):
            yield f"cell {number} has the id {mark.id}: let it begin with {number_of_file}-"
        if mark and mark.kind == "EXERCISE":
            for region in marks.regions(cell.source):
                stubs = any("### STUB:" in line for line in region.lines)
                if region.kind and not region.indent and not stubs:
                    yield (
                        f"cell {number} has a solution at top level, without which it would stop "
                        "the notebook: add `### STUB: name = None` to the solution"
                    )
        if mark and mark.kind == "CHECK":
            yield from (f"cell {number} {fault}" for fault in _weak_check(mark, cell.source))


def _weak_check(mark: marks.Mark, source: str) -> Iterator[str]:
    if not mark.points:
        yield "gives no points: give some"
    everything, visible = _asserts(source), _asserts(marks.lines_of(source, ""))
    if not visible:
        yield "has no visible assert: add one"
    if len(everything) == len(visible):
        yield "has no hidden assert: add one between BEGIN and END HIDDEN TESTS"
    for name in sorted(_imported(source) & {"keras", "tensorflow"}):
        yield f"imports {name}: ask the answer for values, a grader keeps such objects away"
    for node in everything:
        if isinstance(node.test, ast.Tuple | ast.Constant):
            yield f"asserts `{ast.unparse(node.test)}`, which cannot fail: assert a comparison"
    for node in visible:
        if node.msg is None:
            test = ast.unparse(node.test)
            yield f"asserts `{test}` without a message: say what was found and what to do"


def _asserts(source: str) -> list[ast.Assert]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


def _imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}
