"""Which sentences are too long to be read once, and which words of a glossary are its terms."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from mnist_lab.course.lint.language import MOST_WORDS, glossary_terms, long_sentences

LONG = "word " * MOST_WORDS


def lengths(text: str) -> list[int]:
    return [words for words, _ in long_sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG}. {LONG}!",
        f"Is it {LONG[:-10]}? {LONG}",
        f"# {LONG}\n{LONG}\n\n{LONG}",
        f"- {LONG}\n- {LONG}\n1. {LONG}",
        f"| {LONG} | {LONG} |\n| {LONG} |",
        f"```\n{LONG} {LONG}\n```",
        f"<summary>{LONG}</summary>{LONG}",
        f"<!-- {LONG} {LONG} -->",
        f"{LONG[:-10]} `a b c d e f` [one](https://example.org/a/b/c/d).",
        f"{LONG[:-5]} 97.1 % * +",
    ],
)
def test_sentences_that_can_be_read_once(text: str) -> None:
    assert lengths(text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{LONG} more.", 31),
        (f"{LONG}: more; more", 32),
        (f"- {LONG}\n  more", 31),
        (f"{LONG}\nmore", 31),
        (f"{LONG} 0.5 `code`", 32),
        (f"Well. {LONG} [one more](https://example.org)", 32),
    ],
)
def test_sentences_that_cannot(text: str, words: int) -> None:
    assert lengths(text) == [words]


def test_terms_of_a_glossary() -> None:
    glossary = "- **Unit**: a sum.\n- **ReLU, sigmoid**: two. **Loss:** one; a **`.keras` file**."
    cells = ["**Not** here.", f"## Glossary\n\n{glossary}\n\n## Going further\n\n**Nor** here."]
    notebook = new_notebook(cells=[new_markdown_cell(cell) for cell in cells])
    assert glossary_terms(notebook) == ["Unit", "ReLU", "sigmoid", "Loss", ".keras file"]
