"""The shipped files are those of the record, and read digits as the record says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_lab import data, serving

FOLDER = Path(serving.__path__[0])
RECORD: dict[str, Any] = json.loads((FOLDER / "digits.json").read_text(encoding="utf-8"))
FILES = {"digits.tflite": RECORD, "detector.tflite": RECORD["detector"]}
SAMPLE = data.load_sample()

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs the extra [serve]")


def outputs(name: str, images: Any) -> Any:
    """What a file gives for uint8 images of shape (n, 28, 28)."""
    interpreter = litert.Interpreter(model_path=str(FOLDER / name), num_threads=1)
    entrance = interpreter.get_input_details()[0]["index"]
    exit_ = interpreter.get_output_details()[0]["index"]
    found = []
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000, ..., None] / np.float32(255)
        interpreter.resize_tensor_input(entrance, part.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(entrance, part)
        interpreter.invoke()
        found.append(interpreter.get_tensor(exit_))
    return np.concatenate(found)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_the_recorded_one(name: str) -> None:
    content = (FOLDER / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == FILES[name]["sha256"]
    assert len(content) == FILES[name]["bytes"]


def test_the_files_are_small() -> None:
    assert sum(found["bytes"] for found in FILES.values()) < 400_000


def test_the_record_belongs_to_the_weights_that_the_package_has() -> None:
    weights = FOLDER.parent / "results" / RECORD["network"]["weights"]
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == RECORD["network"]["sha256"]


@pytest.mark.parametrize(("name", "width"), [("digits.tflite", 10), ("detector.tflite", 1)])
def test_one_image_and_many_give_the_same(name: str, width: int) -> None:
    images = SAMPLE.x_test[:5]
    together = outputs(name, images)
    assert (together.shape, together.dtype) == ((5, width), np.float32)
    alone = np.concatenate([outputs(name, image[None]) for image in images])
    assert np.abs(together - alone).max() <= 1e-4


def test_digits_of_the_sample_are_read() -> None:
    """They were written with another pen, and enlarged from 8x8."""
    read = outputs("digits.tflite", SAMPLE.x_test).argmax(axis=1)
    assert (read == SAMPLE.y_test).mean() > 0.93


def test_misread_test_images_are_the_recorded_ones() -> None:
    """Another processor may round a close call otherwise, but not several of them."""
    try:
        digits = data.load_mnist(allow_sample=False)
    except data.DataError:
        pytest.skip("the record is of MNIST, and it is not here")
    misread = np.flatnonzero(
        outputs("digits.tflite", digits.x_test).argmax(axis=1) != digits.y_test
    )
    recorded = {int(number) for number in RECORD["test"]["misread"].split()}
    assert len(recorded) == RECORD["test"]["errors"]
    assert len(recorded ^ set(misread.tolist())) <= 4
