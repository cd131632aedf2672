"""A small assignment that passes every lint, for tests that break it and see one complain."""

from __future__ import annotations

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TITLE = """\
# Exercises 1 · A good assignment

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mnist-lab/mnist-lab/blob/v0.1.0/exercises/01_good.ipynb)

Two exercises: 5 points, about 15 minutes. They go with
[lesson 1](https://colab.research.google.com/github/mnist-lab/mnist-lab/blob/v0.1.0/notebooks/01_good.ipynb)."""
INSTALL = """\
# Set-up: run this first. On Colab it installs the course helpers; elsewhere it does nothing.
import importlib.util
if importlib.util.find_spec("mnist_lab") is None:
    %pip install -q "https://github.com/mnist-lab/mnist-lab/archive/refs/tags/v0.1.0.zip\""""
SETUP = """\
# SETUP
import numpy as np

images = np.arange(48, dtype=np.uint8).reshape(3, 4, 4) * 5"""
NORMALISE_TEXT = """\
## 1. Small numbers (2 points, 5 minutes)

**Goal.** Write `normalise`, which brings pixels to numbers from 0 to 1.

**Expected result.** The largest pixel of `images` becomes 0.92.

<details><summary>Hint 1: the range</summary>How large can a pixel be?</details>
<details><summary>Hint 2: the type</summary>Which <code>dtype</code> holds fractions?</details>"""
NORMALISE = '''\
# EXERCISE 01-normalise
def normalise(images):
    """Return float32 images in [0, 1]."""
    ### BEGIN SOLUTION
    return images.astype("float32") / 255.0
    ### END SOLUTION'''
NORMALISE_CHECK = '''\
# CHECK 01-normalise (2 points)
scaled = normalise(images)
note = f"""{1 +
1} lines"""
assert scaled.max() <= 1.0, (
    f"the largest is {scaled.max()}: divide by 255"
)
### BEGIN HIDDEN TESTS
fifth = normalise(np.full((1, 1, 1), 51, np.uint8))
assert abs(float(fifth[0, 0, 0]) - 0.2) < 1e-6, "51 of 255 is a fifth"
### END HIDDEN TESTS'''
COUNT_TEXT = """\
## 2. Bright pixels (3 points, 10 minutes)

**Goal.** Count the pixels of `images` above 100, as `bright`, and list them as `brightest`.

**Expected result.** There are 27 of them.

<details><summary>Hint 1: compare</summary>What is the sum of True and False?</details>
<details><summary>Hint 2: a list</summary>Arrays can be lists, too.</details>"""
COUNT = """\
# EXERCISE 01-count
limit = 100
### BEGIN SOLUTION
### STUB: bright = None
### STUB: brightest = []
bright = int((images > limit).sum())
brightest = images[images > limit].tolist()
### END SOLUTION"""
COUNT_CHECK = """\
# CHECK 01-count (3 points)
assert bright == 27, f"you count {bright}, not 27: take those above {limit}"
### BEGIN HIDDEN TESTS
assert sorted(brightest)[:2] == [105, 110], "100 itself is not above 100"
### END HIDDEN TESTS
assert len(brightest) == bright, f"the list has {len(brightest)} entries: list every pixel counted"
"""


def build() -> NotebookNode:
    """Return the assignment, with metadata and outputs as an editor leaves them."""
    texts = {"title", "normalise-text", "count-text"}
    sources = {
        "title": TITLE,
        "install": INSTALL,
        "setup": SETUP,
        "normalise-text": NORMALISE_TEXT,
        "normalise": NORMALISE,
        "normalise-check": NORMALISE_CHECK,
        "count-text": COUNT_TEXT,
        "count": COUNT,
        "count-check": COUNT_CHECK,
    }
    cells = []
    for name, source in sources.items():
        if name in texts:
            cells.append(new_markdown_cell(source, id=name))
        else:
            output = new_output("stream", text="secret output\n")
            cells.append(new_code_cell(source, id=name, execution_count=7, outputs=[output]))
        cells[-1].metadata["tags"] = ["secret-tag"]
    kernel = {"display_name": "mine", "language": "python", "name": "mine"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "mnist_lab": {"run": 1}})


def save(notebook: NotebookNode, path: object) -> None:
    """Write a notebook as Jupyter does."""
    nbformat.write(notebook, path)
