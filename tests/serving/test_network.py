"""The network in its LiteRT file: what it takes, and that threads do not disturb each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from handwriting import HANDWRITINGS, picture

from mnist_lab.pictures import to_mnist
from mnist_lab.serving.network import DETECTOR, DIGITS, Images, Network


@pytest.fixture(scope="module")
def images() -> Images:
    pictures = [
        picture(*strokes) for digits in HANDWRITINGS.values() for strokes in digits.values()
    ]
    return np.stack([to_mnist(content) for content in pictures]).astype(np.float32) / 255


def test_logits_of_many_images_are_those_of_each(images: Images) -> None:
    network = Network()
    together = network.logits(images)
    assert together.shape == (len(images), 10)
    assert together.dtype == np.float32
    assert together.argmax(axis=1).tolist().count(7) < 6
    alone = np.concatenate([network.logits(image[np.newaxis]) for image in images])
    assert np.array_equal(together, alone)
    assert network.logits(images[:0]).shape == (0, 10)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_threads_do_not_disturb_each_other(at_once: int, images: Images) -> None:
    network = Network(at_once=at_once)
    expected = network.logits(images)
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(len(images)), 20))
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda number: network.logits(images[[number]])[0], order))
    assert np.array_equal(found, expected[order])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((28, 28)), "shape"),
        (np.zeros((1, 28, 27)), "shape"),
        (np.zeros((1, 28, 28, 1)), "shape"),
        (np.full((1, 28, 28), 255), "scale them"),
        (np.full((1, 28, 28), -0.1), "scale them"),
        (np.full((1, 28, 28), np.nan), "scale them"),
    ],
)
def test_wrong_images_are_refused(wrong: Images, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Network(at_once=1).logits(wrong)


def test_an_interpreter_comes_back_after_a_mistake(images: Images) -> None:
    network = Network(at_once=1)
    for _ in range(3):
        with pytest.raises(ValueError):
            network.logits(images[:, :27])
    assert network.logits(images[:1]).shape == (1, 10)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Network(tmp_path / "none.tflite")
    for content in (b"", b"no network", DIGITS.read_bytes()[:5000]):
        (tmp_path / "wrong.tflite").write_bytes(content)
        with pytest.raises(ValueError, match="no network of LiteRT: name another file"):
            Network(tmp_path / "wrong.tflite")


def test_a_network_with_other_outputs_is_refused(images: Images) -> None:
    assert Network(DETECTOR, outputs=1).logits(images).shape == (len(images), 1)
    with pytest.raises(ValueError, match="and gives 10 logits"):
        Network(DETECTOR)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    Network()
    assert capfd.readouterr() == ("", "")
