"""Seen in full once, imported afterwards: what a lesson teaches is what the package holds.

A docstring says ``Taught in: 02_fnn``; there the cell tagged ``taught-NAME`` builds the same
``model``, or defines a function of the same name that does the same.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import good_lesson
import matplotlib.pyplot as plt
import numpy as np
import pytest
from good_lesson import edited
from matplotlib.figure import Figure
from nbformat import NotebookNode

from mnist_lab import models, plots
from mnist_lab.augmentation import random_places
from mnist_lab.course.execution.cells import code_cells, tags, tree
from mnist_lab.evaluation import count_ties

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
MODULES = (
    "augmentation",
    "calibration",
    "data",
    "environment",
    "evaluation",
    "explanation",
    "models",
    "pictures",
    "plots",
    "recipes",
    "selection",
    "selective",
)


def taught() -> Iterator[tuple[Callable[..., Any], str]]:
    """Every public function of the package that a lesson teaches, and that lesson's name."""
    for name in MODULES:
        module = import_module(f"mnist_lab.{name}")
        for function in (getattr(module, public) for public in module.__all__):
            if lesson := re.search(r"Taught in: (\w+)", inspect.getdoc(function) or ""):
                yield function, lesson[1]


def run_cell(lesson: NotebookNode, tag: str) -> dict[str, Any]:
    """Return the names that the cell with a tag defines, run with the lesson's imports only."""
    cells = [cell for _, cell in code_cells(lesson)]
    (chosen,) = (cell for cell in cells if tag in tags(cell))
    names: dict[str, Any] = {}
    for cell in cells:
        nodes = list(ast.walk(tree(cell)))
        imports: list[ast.stmt] = [
            node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        body = tree(cell).body if "parameters" in tags(cell) else imports
        exec(compile(ast.Module(body, []), "imports", "exec"), names)
    exec(compile(tree(chosen), tag, "exec"), names)
    return names


def structure(model: Any) -> list[Any]:
    """Everything about the layers of a network but their names."""
    layers = model.get_config()["layers"]
    return [(layer["class_name"], {**layer["config"], "name": ""}) for layer in layers]


def same(one: Any, other: Any) -> bool:
    """Say whether two results of a function are the same: figures, networks or arrays."""
    if isinstance(one, Figure):
        return plots.fingerprint(one) == plots.fingerprint(other)
    if hasattr(one, "get_config"):
        weights = zip(one.get_weights(), other.get_weights(), strict=True)
        return structure(one) == structure(other) and all(np.array_equal(a, b) for a, b in weights)
    return np.array_equal(one, other)


IMAGES = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
CLASSES = np.array([7, 0, 3])
LOGITS = np.random.default_rng(1).normal(0, 3, (40, 10))
HISTORY = {"loss": [0.5, 0.2], "accuracy": [0.8, 0.9], "val_loss": [0.4, 0.3]}


def small_network() -> Any:
    """A network with a layer "maps" of feature maps; its random weights are always alike."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(4, 5, strides=2, padding="same", activation="relu", name="maps"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


# Arguments with which a function of the package and that of the lesson are compared.
EXAMPLES: dict[str, Callable[[], list[tuple[Any, ...]]]] = {
    "choose_on_halves": lambda: [(LOGITS > 1, 7), (LOGITS > 2, 5, 3)],
    "confusion_heatmap": lambda: [(np.arange(100).reshape(10, 10),)],
    "count_ties": lambda: [([[0.0, 1.0, 1.0], [0.5, 0.2, 0.2], [1.0, 1.0, 1.0]],), ([[1.0, 0.0]],)],
    "deletion_curve": lambda: [
        (small_network(), IMAGES, CLASSES, IMAGES[..., 0].round(1), [0, 5, 700]),
    ],
    "fit_temperature": lambda: [(LOGITS[:, ::2].argmax(axis=1), LOGITS)],
    "grad_cam": lambda: [(small_network(), IMAGES, CLASSES, "maps")],
    "gradients": lambda: [(small_network(), IMAGES, CLASSES)],
    "look_up": lambda: [(IMAGES, random_places(IMAGES, (3, 4)))],
    "random_places": lambda: [(IMAGES, (1, 2))],
    "learning_curves": lambda: [(HISTORY,), ({**HISTORY, "val_accuracy": [0.7, 0.8]},)],
    "logits_model": lambda: [(models.fnn_sigmoid(),), (models.fnn_softmax(),)],
    "simulate_choice": lambda: [(3.0, 2.0, 5), (1.0, 4.0, 9, 20, 7)],
    "occlusion": lambda: [
        (small_network(), IMAGES, CLASSES),
        (small_network(), IMAGES, CLASSES, 9),
    ],
}


def assert_same(lesson: NotebookNode, function: Callable[..., Any]) -> None:
    name = function.__name__
    names = run_cell(lesson, f"taught-{name}")
    if function.__module__ == models.__name__ and not inspect.signature(function).parameters:
        assert structure(names["model"]) == structure(function())
    else:
        for arguments in EXAMPLES[name]():
            assert same(names[name](*arguments), function(*arguments))


@pytest.fixture(autouse=True)
def no_windows() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("function", "lesson"), [pytest.param(*pair, id=pair[0].__name__) for pair in taught()]
)
def test_lesson_and_package_agree(function: Callable[..., Any], lesson: str) -> None:
    assert_same(good_lesson.read(NOTEBOOKS / f"{lesson}.ipynb"), function)


def test_good_lesson_agrees() -> None:
    assert_same(good_lesson.build(), models.fnn_softmax)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Dense(50", "Dense(51"),
        ('"softmax"', '"sigmoid"'),
        ("layers.Flatten()", "layers.Reshape((784,))"),
        ("(28, 28)", "(28, 28, 1)"),
    ],
)
def test_another_network_is_noticed(old: str, new: str) -> None:
    with pytest.raises(AssertionError):
        assert_same(edited(good_lesson.build(), old, new), models.fnn_softmax)


TIES = """\
import numpy as np


def count_ties(outputs):
    scores = np.asarray(outputs)
    return int(((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())"""


@pytest.mark.parametrize(("old", "new"), [("> 1)", "> 2)"), (".max(axis=1", ".max(axis=0")])
def test_another_function_is_noticed(old: str, new: str) -> None:
    lesson = edited(good_lesson.build(), good_lesson.PIXELS, TIES)
    good_lesson.cell(lesson, "pixels").metadata.tags = ["taught-count_ties"]
    assert_same(lesson, count_ties)
    with pytest.raises(AssertionError):
        assert_same(edited(lesson, old, new), count_ties)


def test_a_figure_or_network_with_other_content_is_noticed() -> None:
    other = np.arange(100)[::-1].reshape(10, 10)
    pictures = [plots.confusion_heatmap(m) for m in (other, other, other.T)]
    assert same(pictures[0], pictures[1])
    assert not same(pictures[0], pictures[2])
    network = models.fnn_softmax()
    assert same(network, network)
    assert not same(network, models.fnn_softmax())  # other random weights
