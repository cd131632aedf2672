"""Which figures of a sentence must be printed, and what printed number vouches for them."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mnist_lab.course.lint.prose import prose_figures, unprinted_figures, word_count


def lesson(prose: str, printed: str = "", code: str = "x") -> NotebookNode:
    output = new_output("stream", name="stdout", text=printed)
    return new_notebook(cells=[new_markdown_cell(prose), new_code_cell(code, outputs=[output])])


@pytest.mark.parametrize(
    ("prose", "figures"),
    [
        ("It reads 97.1 % of 10,000 images.", ["97.1", "10,000"]),
        ("Ten of 28 rows, 9 of 10 digits.", []),
        ("About 98% or 97 per cent.", ["98", "97"]),
        ("From 71 to 81 %, or 93.7, 94 and 95 %.", ["71", "81", "93.7", "94", "95"]),
        ("Dense 784-392-196.", ["784", "392", "196"]),
        ("60\u202f000 images and 60 of them", ["60\u202f000"]),
        ("Project 000 and 004, float32, 28x28, version 3.13.2.", []),
        ("`Dense(512)` and $x^{1000}$ and $$\\frac{1}{255}$$", []),
        ("```python\nx = 1234\n```", []),
        ("[Here](https://example.org/1234) https://example.org/5678 <img width=640>", []),
        ("Minutes: 150 to read, 20 to do, 2 to run.", []),
        ("## References\nLeCun (1998), pages 2278 to 2324.", []),
        ("## Going further\nIn 1998 there were 70,000 images.", ["70,000"]),
        ("In 1998, there", ["1998"]),
    ],
)
def test_figures_that_look_measured(prose: str, figures: list[str]) -> None:
    assert [figure.text for _, figure in prose_figures(lesson(prose))] == figures


@pytest.mark.parametrize(
    ("prose", "printed"),
    [
        ("97.1 %", "0.9709999918937683"),
        ("97.1 %", "97.11"),
        ("97 %", "accuracy: 97.4 %"),
        ("0.971", "97.1 %"),
        ("0.97", "0.9711"),
        ("10,000 images", "(10000, 28, 28)"),
        ("1,497 images", "1_497"),
        ("669,706", "\x1b[38;5;34m669,706\x1b[0m (2.55 MB)"),
        ("over 98 %", "0.9866"),
        ("almost 98 %", "0.9799"),
        ("about 3,000 ties", "2977"),
        ("roughly 97.1 %", "0.9713"),
        ("at least 90 %", "0.9"),
    ],
)
def test_printed_figures_vouch(prose: str, printed: str) -> None:
    assert list(unprinted_figures(lesson(f"It is {prose}.", printed))) == []


@pytest.mark.parametrize(
    ("prose", "printed"),
    [
        ("97.1 %", "0.9721"),
        ("97.12 %", "97.1"),
        ("0.971", "971"),
        ("60,000 images", "(55000, 28, 28)"),
        ("over 98 %", "0.9799"),
        ("more than 10,000", "9,999"),
        ("under 2 %", "0.0201"),
        ("about 3,000 ties", "2477"),
        ("about 60,000 images", "55000"),
        ("971 errors", "version 2.971.0"),
    ],
)
def test_other_figures_do_not(prose: str, printed: str) -> None:
    (problem,) = unprinted_figures(lesson(f"It is {prose}.", printed))
    assert problem.startswith("cell 1 says ")


def test_tables_count_as_printed() -> None:
    cell = new_code_cell("table")
    html = "<style>.a {width: 640px}</style><td>97.11</td>"
    cell.outputs = [new_output("display_data", data={"text/html": html})]
    notebook = new_notebook(cells=[new_markdown_cell("97.1 % and 640"), cell])
    assert [p[:15] for p in unprinted_figures(notebook)] == ["cell 1 says 640"]


def test_code_and_allowed_figures_count() -> None:
    notebook = lesson("512 units, 97.37 %, 0.1513", code="Dense(512)")
    assert list(unprinted_figures(notebook, allowed={0.9737, 0.1513})) == []
    assert len(list(unprinted_figures(notebook))) == 2


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("A short sentence, isn't it?", 5),
        ("Read [this page](https://example.org/a-b c) <b>now</b>", 4),
        ("Run it:\n```python\nx = 1\n```\ndone", 3),
        ("![Open in Colab](https://example.org/x.svg)", 3),
    ],
)
def test_words(markdown: str, words: int) -> None:
    assert word_count(markdown) == words
