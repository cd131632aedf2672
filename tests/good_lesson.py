"""A small lesson that passes every gate, for tests that break it and see a gate close.

Its cells have telling ids. ``build`` gives the sources; ``execute`` adds the outputs of a run on
the bundled sample, so that no test needs MNIST.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import cycle, islice
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mnist_lab.course.execute import refresh_lesson, source_digest

SEEN = "Here the reader looks at a picture guesses what comes next runs one cell and compares "
FILLER = " ".join(islice(cycle(SEEN.split()), 85)) + "."
IGNORED = "nbval-ignore-output"

TITLE = """\
# 2 · A good lesson

[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mnist-lab/mnist-lab/blob/v0.1.0/notebooks/02_good.ipynb)"""
AIMS = """\
**You will be able to**
- look at digits before you train anything,
- build a dense network,
- say how good it is.

You need nothing but a little Python. Minutes: 15 to read, 20 to do, 2 to run."""
SET_UP = """\
# Set-up: run this first. On Colab it installs the course helpers; elsewhere it does nothing.
import importlib.util
if importlib.util.find_spec("mnist_lab") is None:
    %pip install -q "https://github.com/mnist-lab/mnist-lab/archive/refs/tags/v0.1.0.zip\""""
PARAMETERS = """\
EPOCHS = 10  # passes over the training set
SEED = 0  # start of every random choice"""
IMPORTS = """\
from mnist_lab import data, evaluation, plots
from mnist_lab.environment import quiet_start, report

with quiet_start():
    import keras

plots.use_style()
digits = data.load_mnist()
report(digits)"""
SHAPES = """\
print("training images:", digits.x_train.shape, digits.x_train.dtype)
print("test images:    ", digits.x_test.shape, digits.x_test.dtype)
print("first labels:   ", digits.y_train[:10])
assert digits.x_train.max() > 1"""
GRID = """\
figure = plots.digit_grid(
    digits.x_train[:10],
    titles=digits.y_train[:10],
    title="Ten digits of the training set",
)
print("fingerprint:", plots.fingerprint(figure))"""
GRID_TEXT = """\
*Figure.* Ten handwritten digits in a row, dark on white, each under its label.

There are 1,497 pictures to learn from."""
PIXELS = """\
ink = digits.x_train.sum(dtype="int64")
print("all training pixels add up to", ink)
print("all test pixels add up to", digits.x_test.sum(dtype="int64"))"""
SCALE = """\
x_train = digits.x_train.astype("float32") / 255
x_test = digits.x_test.astype("float32") / 255
print("smallest pixel:", x_train.min())
print("largest pixel: ", x_train.max())"""
MODEL = """\
keras.utils.set_random_seed(SEED)
model = keras.Sequential([keras.Input(shape=(28, 28))])
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))"""
STRUCTURE = """\
for layer in model.layers[1:]:
    print("units:", layer.units, layer.activation.__name__)
print("parameters:", f"{model.count_params():,}")
assert model.output_shape == (None, 10)"""
TRAIN = """\
model.compile(
    optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
history = model.fit(
    x_train, digits.y_train, epochs=EPOCHS, batch_size=32, validation_split=0.1, verbose=0
)"""
CHECK = """\
loss, accuracy = model.evaluate(x_test, digits.y_test, verbose=0)
errors = round((1 - accuracy) * len(x_test))
evaluation.check_band("test accuracy", accuracy, 0.93, 1.0)
assert errors < 30"""
HEADLINE = """\
learned = accuracy > 0.9
word = "reads" if learned else "does not read"
print(f"The network {word} more than 90 % of the test digits.")"""
STRUCTURE_TEXT = f"The network has 42,310 parameters, over 40,000. {FILLER}"
QUIZ = f"""\
**You can now** look, build and judge.

## Self-quiz
Why is there a test set?
<details><summary>Answer</summary>To judge what training never saw.</details>

{FILLER}"""


def _code(name: str, source: str, *tags: str) -> NotebookNode:
    return new_code_cell(source, id=name, metadata={"tags": list(tags)} if tags else {})


def _text(name: str, source: str) -> NotebookNode:
    return new_markdown_cell(source, id=name)


def build() -> NotebookNode:
    """Return the lesson without outputs."""
    cells = [
        _text("title", TITLE),
        _text("aims", AIMS),
        _code("set-up", SET_UP),
        _code("parameters", PARAMETERS, "parameters"),
        _code("imports", IMPORTS, IGNORED),
        _text("look", f"## What is in the data?\n\n{FILLER}"),
        _code("shapes", SHAPES),
        _text("before-grid", FILLER),
        _code("grid", GRID),
        _text("grid-text", f"{GRID_TEXT} {FILLER}"),
        _code("pixels", PIXELS),
        _text("idea", f"## Small numbers\n\n{FILLER}"),
        _code("scale", SCALE),
        _text("network", f"## A network\n\n{FILLER}"),
        _code("model", MODEL, "taught-fnn_softmax"),
        _text("count", FILLER),
        _code("structure", STRUCTURE),
        _text("structure-text", STRUCTURE_TEXT),
        _code("train", TRAIN, IGNORED),
        _text("judge", FILLER),
        _code("check", CHECK),
        _text("errors", f"## Errors\n\n{FILLER}"),
        _code("headline", HEADLINE, "headline"),
        _text("exercises", f"## Exercises\n\n{FILLER}"),
        _text("quiz", QUIZ),
        _text("further", f"## Going further\n\nLeCun and others wrote in 1998. {FILLER}"),
        _text("glossary", f"## Glossary\n\n*Epoch*: one pass over the training set. {FILLER}"),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def edited(notebook: NotebookNode, old: str, new: str) -> NotebookNode:
    """Return a copy with the first ``old`` in the sources replaced by ``new``; outputs stay."""
    copy = deepcopy(notebook)
    for cell in copy.cells:
        if old in cell.source:
            cell.source = cell.source.replace(old, new, 1)
            return copy
    raise ValueError(f"No cell contains {old!r}: break the lesson where it is whole.")


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with an id."""
    return next(cell for cell in notebook.cells if cell.id == name)


def on_sample(notebook: NotebookNode) -> NotebookNode:
    """Return a copy that always works on the bundled sample."""
    return edited(notebook, "data.load_mnist()", "data.load_sample()")


def without_network(notebook: NotebookNode) -> NotebookNode:
    """Return a copy that ends before the network, so that it starts in no time."""
    copy = edited(notebook, "\nwith quiet_start():\n    import keras\n", "")
    names = [cell.id for cell in copy.cells]
    copy.cells = copy.cells[: names.index("pixels") + 1]
    return copy


def execute(notebook: NotebookNode) -> NotebookNode:
    """Return the lesson with the outputs of a run on the sample, stamped as if committed."""
    run = refresh_lesson(on_sample(notebook), {"data": "the sample"}, timeout=120)
    assert "failure" not in run.metadata.mnist_lab, run.metadata.mnist_lab
    for done, original in zip(run.cells, notebook.cells, strict=True):
        done.source = original.source
    run.metadata.mnist_lab.sources = source_digest(notebook)
    return run


def save(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook as Jupyter does."""
    nbformat.write(notebook, path)


def read(path: Path) -> NotebookNode:
    """Read a notebook that ``save`` wrote."""
    return nbformat.read(path, as_version=4)
