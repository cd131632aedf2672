"""The four forms of a network: what the converter did, and how far each is from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_lab import data, models
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments import export as experiment
from mnist_lab.course.experiments.export import (
    FORMS,
    Form,
    as_table,
    compare,
    convert,
    convert_all,
    examples,
    load,
    logits,
)

SAMPLE = data.load_sample()
IMAGES = SAMPLE.x_test[:200, ..., None] / np.float32(255)
# How far a logit may be off at most, and in how many of the images another digit may win. Logits
# of this network run from about -10 to 20.
ALLOWED: dict[Form, tuple[float, int]] = {
    "float32": (0.001, 0),
    "float16": (0.1, 1),
    "dynamic": (1.5, 3),
    "int8": (12.0, 6),  # the ranges are those of 500 digits, and larger numbers are cut
}


@pytest.fixture(scope="module")
def model() -> Any:
    return models.best()


@pytest.fixture(scope="module")
def files(model: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[Form, bytes]:
    folder = tmp_path_factory.mktemp("export")
    made = convert_all(model, SAMPLE, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{form}.tflite": file for form, file in made.items()
    }
    return made


def details(file: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load(file).get_tensor_details()
    return found


@pytest.mark.parametrize("form", FORMS)
def test_each_form_agrees_with_the_network(form: Form, model: Any, files: Any) -> None:
    wanted = model.predict(IMAGES, verbose=0)
    found = logits(load(files[form]), IMAGES)
    off, others = ALLOWED[form]
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() <= off
    assert (found.argmax(axis=1) != wanted.argmax(axis=1)).sum() <= others


def test_the_forms_differ_in_size_as_their_numbers_do(files: Any) -> None:
    size = {form: len(file) / len(files["float32"]) for form, file in files.items()}
    assert size["float16"] == pytest.approx(0.5, abs=0.02)
    assert size["dynamic"] == pytest.approx(0.25, abs=0.02)
    assert size["int8"] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("form", FORMS)
def test_any_number_of_images_may_be_read_at_a_time(form: Form, files: Any) -> None:
    """And how an image is read does not depend on the images beside it."""
    interpreter = load(files[form])
    together = logits(interpreter, IMAGES[:7])
    alone = np.concatenate([logits(interpreter, IMAGES[n : n + 1]) for n in range(7)])
    assert np.abs(together - alone).max() <= 1e-4


def test_weights_of_eight_bits_have_a_scale_for_each_kernel(files: Any) -> None:
    """In the form dynamic, the converter leaves the 800 weights of the first convolution alone."""
    for form, kernels in (("dynamic", {64, 96, 128, 10}), ("int8", {32, 64, 96, 128, 10})):
        scales = {
            tensor["shape"][0]: len(tensor["quantization_parameters"]["scales"])
            for tensor in details(files[form])
            if tensor["dtype"] is np.int8 and len(tensor["shape"]) > 1 and tensor["shape"][0] > 1
        }
        assert scales == {kernel: kernel for kernel in kernels}


def activations(file: bytes) -> set[str]:
    """The types of what flows between the layers: tensors of one image."""
    return {
        np.dtype(tensor["dtype"]).name
        for tensor in details(file)
        if len(tensor["shape"]) == 4 and tensor["shape"][0] == 1
    }


def test_only_int8_computes_with_numbers_whose_range_is_fixed(files: Any) -> None:
    assert "int8" in activations(files["int8"])
    for form in ("float32", "float16", "dynamic"):
        assert activations(files[form]) == {"float32"}


def test_the_same_network_gives_the_same_file(model: Any, files: Any) -> None:
    assert convert(model, "dynamic", examples(SAMPLE)) == files["dynamic"]


def test_nothing_is_printed(model: Any, capfd: pytest.CaptureFixture[str]) -> None:
    logits(load(convert(model, "dynamic", examples(SAMPLE))), IMAGES[:1])
    assert capfd.readouterr() == ("", "")


def test_the_comparison_has_a_row_for_each_way(model: Any, files: Any) -> None:
    few = data.Digits(
        SAMPLE.x_train, SAMPLE.y_train, SAMPLE.x_test[:50], SAMPLE.y_test[:50], "few", False
    )
    rows = compare(model, {"dynamic": files["dynamic"]}, few, rounds=1)
    assert [row.way for row in rows] == [
        "Keras predict",
        "Keras direct call",
        "Keras compiled function",
        "LiteRT dynamic",
    ]
    first, *_, last = rows
    assert (first.size, last.size) == (None, len(files["dynamic"]))
    assert first.against.p_value == 1
    for row in rows:
        assert row.errors == (row.read != few.y_test).sum() < 10
        gained = row.against.only_second - row.against.only_first
        assert row.errors == first.errors - gained
        assert row.one > 0 and row.many > 0
    lines = as_table(rows).splitlines()
    assert len(lines) == 5
    assert f"{len(files['dynamic']) / 1e3:.0f}" in lines[-1].split()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no.weights.h5", "--rung", "wide"], "There is no file no.weights.h5: name a file"),
        (["no.weights.h5"], "go together: name both"),
        (["--rung", "wide"], "go together: name both"),
        (["{text}", "--rung", "top"], "There is no rung 'top': choose from cnn,"),
        (["{text}", "--rung", "wide"], "has no weights of a network of the rung 'wide'"),
        (["{other}", "--rung", "four_epochs"], "no weights of a network of the rung 'four_epochs'"),
        (["--ship"], "name its WEIGHTS and its --rung"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "start_tensorflow", lambda _: None)  # it has started here
    text = tmp_path / "text.weights.h5"
    text.write_text("These are no weights.")
    named = [argument.format(text=text, other=models.BEST) for argument in arguments]
    result = CliRunner().invoke(app, ["export", *named, "--output", str(tmp_path / "export")])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert sentence in said
    assert said.startswith("mnist-lab: ")
    assert not (tmp_path / "export").exists()
