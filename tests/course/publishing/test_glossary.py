"""What a glossary says of a term, and which words of a lesson lead to it."""

from __future__ import annotations

from pathlib import Path

import good_lesson
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from mnist_lab.course.execution.catalogue import Lesson, read_course
from mnist_lab.course.lint.language import glossary_terms
from mnist_lab.course.publishing.glossary import glossary_of, glossary_page, joined, linked

COURSE = read_course(Path(__file__).resolve().parents[3])
ITEMS = """\
## Glossary

- **Epoch**: all images once.
- **Tie**: two share
  the largest output. **Lucky tie**: a good one.
- **Precision** of 3: a share.
- **Kernel:** an array; a **`.keras` file**.

## Going further

- **Not** a term."""


def found() -> dict[str, dict[str, str]]:
    return glossary_of(new_notebook(cells=[new_markdown_cell(ITEMS)]), "02_good")


def test_items_of_a_glossary() -> None:
    ties = "**Tie**: two share the largest output. **Lucky tie**: a good one."
    kernel = "**Kernel:** an array; a **`.keras` file**."
    assert found() == {
        "Epoch": {"02_good": "All images once."},
        "Tie": {"02_good": ties},
        "Lucky tie": {"02_good": ties},
        "Precision": {"02_good": "Of 3: a share."},
        "Kernel": {"02_good": kernel},
        ".keras file": {"02_good": kernel},
    }


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_no_term_of_a_lesson_is_lost(lesson: Lesson) -> None:
    notebook = good_lesson.read(COURSE.notebooks / f"{lesson.name}.ipynb")
    terms = {term.casefold() for term in glossary_terms(notebook)}
    assert {term.casefold() for term in glossary_of(notebook, lesson.name)} == terms
    assert terms


def test_two_lessons_explain_one_term_together() -> None:
    both = joined([found(), {"epoch": {"03_next": "Again."}}])
    assert both["Epoch"] == {"02_good": "All images once.", "03_next": "Again."}
    assert "epoch" not in both
    page = glossary_page(both, {"02_good": "2 · Good", "03_next": "3 · Next"})
    terms = [line for line in page.splitlines()[5:-1] if not line.startswith(" ") and line]
    assert terms == ["Epoch", ".keras file", "Kernel", "Lucky tie", "Precision", "Tie"]
    assert "  Again. [3 · Next](notebooks/03_next.ipynb)" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One epoch. The epoch.", "One {term}`epoch <Epoch>`. The epoch."),
        ("**Lucky ties** are ties.", "**{term}`Lucky ties <Lucky tie>`** are {term}`ties <Tie>`."),
        ("A necktie, tie-break, `tie`.", "A necktie, tie-break, `tie`."),
        ("## The tie\n\nA tie.", "## The tie\n\nA {term}`tie <Tie>`."),
        ("See [the tie](a.md), $tie$.", "See [the tie](a.md), $tie$."),
        ("<details><summary>Tie</summary>A tie.</details>",) * 2,
        ("```\ntie\n```\nA tie.", "```\ntie\n```\nA {term}`tie <Tie>`."),
    ],
)
def test_first_use_of_a_term_is_a_link(text: str, expected: str) -> None:
    assert linked([text, "Nothing."], found()) == [expected, "Nothing."]


def test_only_the_first_cell_gets_the_link() -> None:
    assert linked(["A tie.", "A tie."], found()) == ["A {term}`tie <Tie>`.", "A tie."]
    assert linked(["A tie."], {}) == ["A tie."]
