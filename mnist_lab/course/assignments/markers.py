"""The marks of an assignment: which cell is what, and what learners do not get to see.

Marks are source text, never metadata, so they survive every editor. The delimiters of solutions and
hidden tests are nbgrader's.
"""

from __future__ import annotations

import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO

__all__ = [
    "Mark",
    "Region",
    "find_mark",
    "guarded",
    "lines_of",
    "regions",
    "strange_lines",
    "stubbed",
]

FORMS = (
    "# SETUP",
    "# EXERCISE 01-name",
    "# CHECK 01-name (2 points)",
    "### BEGIN SOLUTION",
    "### END SOLUTION",
    "### STUB: name = None",
    "### BEGIN HIDDEN TESTS",
    "### END HIDDEN TESTS",
)
_ID = r"(\d\d(?:-[a-z0-9]+)+)"
_FIRST = re.compile(rf"# (?:SETUP|EXERCISE {_ID}|CHECK {_ID} \((\d+(?:\.\d+)?) points?\))")
_EDGE = re.compile(r"( *)### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")
_STUB = re.compile(r"( *)### STUB:(?: (.*))?")
# Three things look like a mark. They are every comment of three #, the words of a delimiter in any
# spelling, and a comment that begins with almost one of our words and goes on as only a mark does.
_TRIPLE = re.compile(r"\s*###")
_WORDS = re.compile(r"\b(begin|end|start|stop)[\W_]*(solution|hidden)", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#+\s*([A-Za-z]+)\W*(.*)")
_FIRST_WORDS = ("SETUP", "EXERCISE", "CHECK", "STUB", "SOLUTION", "HIDDEN")
_GOES_ON = re.compile(r"\d+ ?[-_]|.*\bpoints?\b")


@dataclass(frozen=True)
class Mark:
    """The first line of a marked cell: kind (SETUP, EXERCISE or CHECK), exercise, points."""

    kind: str
    id: str = ""
    points: float = 0.0


@dataclass(frozen=True)
class Region:
    """Consecutive lines of a cell: visible (kind ""), SOLUTION or HIDDEN TESTS, without edges."""

    kind: str
    indent: str
    lines: tuple[str, ...]


def find_mark(source: str) -> Mark | None:
    """Return the mark in the first line of a cell; None where there is none."""
    match = _FIRST.fullmatch(source.split("\n", 1)[0].rstrip())
    if match is None:
        return None
    kind = match[0].split(" ", 2)[1]
    return Mark(kind, match[1] or match[2] or "", float(match[3] or 0))


def strange_lines(source: str, *, is_code: bool = True) -> Iterator[tuple[str, str]]:
    """Yield each line that looks like a mark but is none, with the form that it resembles."""
    for number, line in enumerate(source.split("\n")):
        text = line.rstrip()
        if not is_code:
            strange = bool(_WORDS.search(text))
        elif number == 0 and _FIRST.fullmatch(text):
            strange = False
        else:
            strange = not (_EDGE.fullmatch(text) or _STUB.fullmatch(text)) and _resembles(text)
        if strange:
            yield text.strip(), get_close_matches(text.strip(), FORMS, 1, cutoff=0.0)[0]


def _resembles(line: str) -> bool:
    if _TRIPLE.match(line) or _WORDS.search(line):
        return True
    comment = _COMMENT.match(line)
    if comment is None or not get_close_matches(comment[1].upper(), _FIRST_WORDS, cutoff=0.7):
        return False
    return comment[1].isupper() or bool(_GOES_ON.match(comment[2]))


def regions(source: str) -> list[Region]:
    """Split a cell at its delimiters; ValueError where they do not pair."""
    found: list[Region] = []
    kind, indent, lines = "", "", list[str]()
    for line in source.split("\n"):
        edge = _EDGE.fullmatch(line.rstrip())
        if edge is None:
            if kind != "SOLUTION" and _STUB.fullmatch(line.rstrip()):
                raise ValueError(
                    f"has `{line.strip()}` outside a solution: move it into the solution"
                )
            lines.append(line)
            continue
        begins = edge[2] == "BEGIN"
        if begins is bool(kind) or (kind and kind != edge[3]):
            open_one = f"inside {kind}" if kind else "with nothing to end"
            raise ValueError(f"has `{line.strip()}` {open_one}: pair each BEGIN with its END")
        found.append(Region(kind, indent, tuple(lines)))
        kind, indent, lines = edge[3] if begins else "", edge[1], []
    if kind:
        raise ValueError(f"has `### BEGIN {kind}` that nothing ends: add `### END {kind}`")
    return [*found, Region("", "", tuple(lines))]


def lines_of(source: str, kind: str) -> str:
    """Return the text of a cell's regions of one kind; "" is what learners see."""
    return "\n".join(line for r in regions(source) if r.kind == kind for line in r.lines)


def stubbed(source: str, exercise: str) -> str:
    """Return an exercise cell as learners get it: each solution is replaced by its stub."""
    lines: list[str] = []
    for region in regions(source):
        if not region.kind:
            lines += region.lines
            continue
        stubs = [match for line in region.lines if (match := _STUB.fullmatch(line.rstrip()))]
        lines += [(stub[1] + (stub[2] or "")).rstrip() for stub in stubs] or [
            f"{region.indent}# YOUR CODE HERE",
            f'{region.indent}raise NotImplementedError("{exercise}")',
        ]
    return "\n".join(lines)


def guarded(visible: str, exercise: str, names: tuple[str, ...]) -> str:
    """Return the visible part of a check as learners get it: it never raises, it says one line.

    Args:
        visible: the check cell without hidden tests; its first line is the mark.
        exercise: id of the exercise.
        names: what the untouched exercise leaves open; not attempted means that every one of
            them still is None or is not there, as a grader sees it, too.
    """
    mark, *lines = visible.rstrip().split("\n")
    inside = _lines_within_strings(visible)
    body = [
        line if not line or number in inside else f"    {line}"
        for number, line in enumerate(lines, start=2)
    ]
    return "\n".join(
        [
            mark,
            "try:",
            f"    if all(globals().get(name) is None for name in {json.dumps(names)}):",
            "        raise NotImplementedError",
            *body,
            "except NotImplementedError:",
            f'    print("{exercise}: not attempted. Write your answer above and run its cell.")',
            "except AssertionError as error:",
            f'    print(f"{exercise}: not yet. {{error}}")',
            "except Exception as error:",
            f'    print(f"{exercise}: not yet. {{type(error).__name__}}: {{error}}")',
            "else:",
            f'    print("{exercise}: correct")',
        ]
    )


def _lines_within_strings(source: str) -> set[int]:
    """Return the numbers of lines whose beginning is part of a string: they cannot be indented."""
    found: set[int] = set()
    begun: list[int] = []  # f-strings, which Python 3.12 splits into tokens
    for token in tokenize.generate_tokens(StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            begun.append(token.start[0])
        first = begun.pop() if kind == "FSTRING_END" else token.start[0]
        found.update(range(first + 1, token.end[0] + 1))
    return found
