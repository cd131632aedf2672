"""A network as LiteRT files, in four forms of its numbers, and what each form costs and gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mnist_lab import models
from mnist_lab._files import replacing
from mnist_lab.course import CourseError
from mnist_lab.course.experiments.ladder import of_rung
from mnist_lab.course.experiments.training import start_tensorflow
from mnist_lab.data import Digits
from mnist_lab.environment import quietly
from mnist_lab.evaluation import PairedTest, mcnemar

__all__ = [
    "FORMS",
    "Form",
    "Row",
    "as_table",
    "compare",
    "convert",
    "convert_all",
    "examples",
    "load",
    "logits",
    "network",
]

Array = npt.NDArray[Any]

Form = Literal["float32", "float16", "dynamic", "int8"]
"""How the file stores numbers.

``float32``: as the network has them. ``float16``: the weights take half of the bytes, and become
float32 again when they are used. ``dynamic``: the weights are whole numbers of 8 bits, with a scale
for each kernel, and what flows between the layers gets its range anew for each image. The converter
leaves weights of under 1,024 numbers in float32, as those of the first convolution here. ``int8``:
all weights have 8 bits, and all that flows between the layers, in ranges that training images show.
"""
FORMS: tuple[Form, ...] = get_args(Form)

EXAMPLES = 500  # training images that show the ranges of all layers
BATCH = 1000  # images in one call, where many are read


def network(weights: Path | None, rung: str | None) -> Any:
    """Return the network to export.

    Args:
        weights: file that ``mnist-lab reproduce --ladder --keep`` wrote; None: the network of
            :func:`mnist_lab.models.best`.
        rung: whose network it is.

    Raises:
        CourseError: there is no such rung or file, or the weights are of another network.
    """
    if (weights is None) != (rung is None):
        raise CourseError(
            "A file of weights and the rung that it belongs to go together: name both, or neither."
        )
    if weights is None or rung is None:
        start_tensorflow(1)
        return models.best()
    build = of_rung(rung).build
    if not weights.is_file():
        raise CourseError(f"There is no file {weights}: name a file of weights.")
    start_tensorflow(1)
    model = build()
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError):
        raise CourseError(
            f"{weights} has no weights of a network of the rung {rung!r}: name the rung that they "
            "were trained on, and a file whose name ends in .weights.h5."
        ) from None
    return model


def convert(model: Any, form: Form, examples: Array) -> bytes:
    """Return the network as a LiteRT file.

    Batch normalisation becomes part of the convolutions before it. The file takes any number of
    images at a time, and its inputs and outputs are float32 in each form.

    Args:
        model: a Keras network with input (batch, 28, 28, 1).
        form: of the numbers in the file.
        examples: float32 training images of shape (n, 28, 28, 1), in 0..1. They show how large the
            numbers between the layers become, so only ``int8`` looks at them. A converter that has
            to optimise and gets no examples makes the form ``dynamic``, without a word.
    """
    import tensorflow as tf

    with quietly():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if form != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if form == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if form == "int8":
            converter.representative_dataset = lambda: ([image[None]] for image in examples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        file: bytes = converter.convert()
    return file


def examples(digits: Digits) -> Array:
    """Return training images that show the ranges of all layers, float32 (n, 28, 28, 1) in 0..1."""
    return digits.x_train[:EXAMPLES, ..., None] / np.float32(255)


def convert_all(model: Any, digits: Digits, folder: Path) -> dict[Form, bytes]:
    """Write the network in every form to a folder, as ``float32.tflite`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = examples(digits)
    files = {form: convert(model, form, shown) for form in FORMS}
    for form, file in files.items():
        with replacing(folder / f"{form}.tflite") as target:
            target.write(file)
    return files


def load(file: bytes | Path) -> Any:
    """Return an interpreter of a LiteRT file, ready for one image, on one thread, with XNNPACK.

    Raises:
        CourseError: the package ai-edge-litert is not installed.
    """
    try:
        with quietly():
            from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise CourseError(
            "The package ai-edge-litert is missing: install mnist-lab with the extra [serve]."
        ) from None
    content = file if isinstance(file, bytes) else file.read_bytes()
    with quietly():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


def logits(interpreter: Any, images: Array) -> Array:
    """Read images with a LiteRT file.

    Args:
        interpreter: what :func:`load` returned.
        images: float32 of shape (n, 28, 28, 1), in 0..1.

    Returns:
        float32 of shape (n, outputs of the network).
    """
    taken = interpreter.get_input_details()[0]
    given = interpreter.get_output_details()[0]["index"]
    found = []
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        if tuple(interpreter.get_input_details()[0]["shape"]) != part.shape:
            interpreter.resize_tensor_input(taken["index"], part.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], part)
        interpreter.invoke()
        found.append(interpreter.get_tensor(given))
    return np.concatenate(found)


@dataclass(frozen=True)
class Row:
    """What was measured of one way to ask the network.

    Attributes:
        way: the file's form, or how Keras was called.
        size: of the file in bytes, or None for Keras.
        read: digits that it gave for the test images, int64 of shape (n,).
        errors: how many of them are wrong.
        against: McNemar's test of Keras' ``predict``, first, against this way, second.
        one: seconds of processor time for one image, the median of many calls.
        many: seconds of processor time for all test images, the median of the rounds.
    """

    way: str
    size: int | None
    read: npt.NDArray[np.int64]
    errors: int
    against: PairedTest
    one: float
    many: float


def _litert(form: Form) -> str:
    return f"LiteRT {form}"


def _in_batches(call: Callable[[Array], Any]) -> Callable[[Array], Array]:
    def ask(images: Array) -> Array:
        starts = range(0, len(images), BATCH)
        return np.concatenate([call(images[s : s + BATCH]).numpy() for s in starts])

    return ask


def _ways(model: Any, files: dict[Form, bytes]) -> dict[str, Callable[[Array], Array]]:
    """Return every way to ask, each a function of images that gives logits."""
    import tensorflow as tf

    compiled = tf.function(model, reduce_retracing=True)
    ways: dict[str, Callable[[Array], Array]] = {
        "Keras predict": lambda images: model.predict(images, batch_size=BATCH, verbose=0),
        "Keras direct call": _in_batches(lambda images: model(images, training=False)),
        "Keras compiled function": _in_batches(
            lambda images: compiled(tf.constant(images), training=False)
        ),
    }
    for form, file in files.items():
        # Two interpreters, because one that changes its number of images must plan its memory anew.
        single, several = load(file), load(file)

        def ask(images: Array, single: Any = single, several: Any = several) -> Array:
            return logits(single if len(images) == 1 else several, images)

        ways[_litert(form)] = ask
    return ways


def compare(model: Any, files: dict[Form, bytes], digits: Digits, rounds: int = 3) -> list[Row]:
    """Ask the network in every way, side by side: each way once in each round, on one thread.

    The seconds are those of the processor, which other programs on the computer disturb little.

    Args:
        model: the network.
        files: what :func:`convert` made of it.
        digits: whose test images are read.
        rounds: how often everything is measured, after one round that does not count.
    """
    images = digits.x_test[..., None] / np.float32(255)
    ways = _ways(model, files)
    one: dict[str, list[float]] = {way: [] for way in ways}
    many: dict[str, list[float]] = {way: [] for way in ways}
    read = {}
    for _ in range(rounds + 1):
        for way, ask in ways.items():
            for image in images[:20, None]:
                start = time.process_time()
                ask(image)
                one[way].append(time.process_time() - start)
            start = time.process_time()
            read[way] = ask(images).argmax(axis=1)
            many[way].append(time.process_time() - start)
    first = read["Keras predict"]
    sizes = {_litert(form): len(file) for form, file in files.items()}
    return [
        Row(
            way,
            sizes.get(way),
            read[way],
            int((read[way] != digits.y_test).sum()),
            mcnemar(digits.y_test, first, read[way]),
            median(one[way][20:]),
            median(many[way][1:]),
        )
        for way in ways
    ]


def as_table(rows: list[Row]) -> str:
    """Return the rows as a table for people."""
    heads = ["way", "kB", "errors", "only Keras right", "only this right", "p-value"]
    heads += ["one image, ms", f"{len(rows[0].read):,} images, s"]
    cells = [
        [
            row.way,
            "" if row.size is None else f"{row.size / 1e3:.0f}",
            str(row.errors),
            str(row.against.only_first),
            str(row.against.only_second),
            f"{row.against.p_value:.2f}",
            f"{1e3 * row.one:.3f}",
            f"{row.many:.2f}",
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [heads, *cells]
    )
