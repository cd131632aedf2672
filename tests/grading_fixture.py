"""A small assignment of three exercises (5 points), and notebooks that learners might hand in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnist_lab.course.assignments import learner_copy

SETUP = "# SETUP\nimport numpy as np\n\nimages = np.full((2, 3, 3), 51, np.uint8)"
SCALE = '''# EXERCISE 01-scale
def scale(images):
    """Return images in [0, 1]."""
    ### BEGIN SOLUTION
    return images / 255
    ### END SOLUTION'''
CHECK_SCALE = """# CHECK 01-scale (2 points)
assert scale(images).max() <= 1, "divide by 255"
### BEGIN HIDDEN TESTS
drawn = np.random.default_rng().integers(1, 256, (2, 5))
assert np.allclose(scale(drawn), drawn / 255), "other images come out wrong"
### END HIDDEN TESTS"""
COUNT = """# EXERCISE 01-count
def count(labels):
    ### BEGIN SOLUTION
    return np.bincount(labels, minlength=10).tolist()
    ### END SOLUTION"""
CHECK_COUNT = """# CHECK 01-count (2 points)
assert count(np.array([1, 1, 3])) == [0, 2, 0, 1, 0, 0, 0, 0, 0, 0], "count each of ten digits"
### BEGIN HIDDEN TESTS
assert sum(count(np.arange(7))) == 7, "every label counts"
### END HIDDEN TESTS"""
BRIGHTEST = """# EXERCISE 01-brightest
### BEGIN SOLUTION
### STUB: brightest = None
brightest = int(images.max())
### END SOLUTION"""
CHECK_BRIGHTEST = """# CHECK 01-brightest (1 point)
assert brightest == 51, f"brightest is {brightest}, not 51"
### BEGIN HIDDEN TESTS
assert type(brightest) is int, "give a whole number"
### END HIDDEN TESTS"""

# What an untroubled learner writes: not the model solution.
RIGHT = {
    "01-scale": "# EXERCISE 01-scale\ndef scale(images):\n    return np.multiply(images, 1 / 255)",
    "01-count": "# EXERCISE 01-count\ndef count(labels):\n"
    "    return [int((labels == digit).sum()) for digit in range(10)]",
    "01-brightest": "# EXERCISE 01-brightest\nbrightest = 51",
}
SCALE_MARK = "# EXERCISE 01-scale\n"


def source() -> Any:
    cells = (SETUP, SCALE, CHECK_SCALE, COUNT, CHECK_COUNT, BRIGHTEST, CHECK_BRIGHTEST)
    return new_notebook(cells=[new_markdown_cell("# Digits"), *map(new_code_cell, cells)])


def handed_in(**answers: str) -> Any:
    """The learner's copy, answered rightly but for the exercises given as ``scale=...``."""
    notebook = learner_copy(source())
    given = RIGHT | {f"01-{name}": text for name, text in answers.items()}
    for cell in notebook.cells:
        for exercise, text in given.items():
            if cell.source.startswith(f"# EXERCISE {exercise}\n"):
                cell.source = text
    return notebook


def save(path: Path, notebook: Any) -> Path:
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path
