"""The shipped networks, run by LiteRT: no TensorFlow is needed, and an image takes well under 1 ms.

An interpreter of LiteRT computes in its own memory, so two threads must never share one. There is
one interpreter for each processor. A thread takes an interpreter for one image and puts it back, so
as many images are computed at once as there are processors, and all other threads wait. LiteRT lets
other threads of Python run while it computes.

Each image is computed alone. A batch would be hardly faster on one processor, would need memory for
its size, and could change an answer: some forms of quantisation scale a batch as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mnist_lab import CLASSES, IMAGE_SHAPE
from mnist_lab.environment import quiet_start

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

__all__ = ["DETECTOR", "DIGITS", "Images", "Logits", "Network", "processors"]

Images = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float32]

DIGITS = Path(__file__).with_name("digits.tflite")  # gives ten logits, one for each digit
DETECTOR = Path(__file__).with_name("detector.tflite")  # gives one: whether there is a digit


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux; a container may have fewer than the computer
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Network:
    """A network in a LiteRT file, which any number of threads may ask at once.

    Args:
        path: a file whose network takes float32 of shape (1, 28, 28, 1) in 0..1. The default is
            the network that the package ships to read digits.
        outputs: how many logits the network gives for an image.
        at_once: how many images are computed at the same time. The default is the number of
            processors.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file holds no network of LiteRT, or one that takes or gives something else.
    """

    def __init__(
        self, path: Path = DIGITS, outputs: int = CLASSES, at_once: int | None = None
    ) -> None:
        content = path.read_bytes()
        self.outputs = outputs
        self._free: SimpleQueue[Interpreter] = SimpleQueue()
        for _ in range(at_once or processors()):
            self._free.put(_interpreter(content, path, outputs))

    def logits(self, images: Images) -> Logits:
        """Return the logits of images.

        Args:
            images: float32 of shape (n, 28, 28) in 0..1, in the form of MNIST: paper 0, ink 1.

        Returns:
            float32 of shape (n, outputs).

        Raises:
            ValueError: the images have another shape or are not in 0..1.
        """
        images = np.asarray(images, np.float32)
        if images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE:
            raise ValueError(f"Images of shape {images.shape}: pass images of shape (n, 28, 28).")
        if images.size and not (images.min() >= 0 and images.max() <= 1):  # NaN fails both
            raise ValueError(
                f"Pixels run from {images.min():g} to {images.max():g}: scale them to 0..1."
            )
        found = np.empty((len(images), self.outputs), np.float32)
        with self._taken() as interpreter:
            entrance = interpreter.get_input_details()[0]["index"]
            exit_ = interpreter.get_output_details()[0]["index"]
            for row, image in zip(found, images, strict=True):
                interpreter.set_tensor(entrance, image[np.newaxis, :, :, np.newaxis])
                interpreter.invoke()
                row[:] = interpreter.get_tensor(exit_)[0]
        return found

    @contextmanager
    def _taken(self) -> Iterator[Interpreter]:
        """Lend an interpreter that no other thread has; wait until one is free."""
        interpreter = self._free.get()
        try:
            yield interpreter
        finally:
            self._free.put(interpreter)


def _interpreter(content: bytes, path: Path, outputs: int) -> Interpreter:
    """Return an interpreter that is ready for one image and uses one thread."""
    with quiet_start():  # compiled code would write a line about XNNPACK to the terminal
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path} holds no network of LiteRT: name another file.") from error
    forms = [
        (tuple(details[0]["shape"]), np.dtype(details[0]["dtype"]).name)
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    ]
    if forms != [((1, *IMAGE_SHAPE, 1), "float32"), ((1, outputs), "float32")]:
        raise ValueError(
            f"The network in {path} takes and gives {forms}: name a file that takes float32 of "
            f"shape (1, 28, 28, 1) and gives {outputs} logits."
        )
    return interpreter
