"""From a picture or from 28x28 numbers to an answer: the digit, its probabilities, sure or not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mnist_lab import IMAGE_SHAPE
from mnist_lab.pictures import PictureError, to_mnist
from mnist_lab.serving.network import DETECTOR, Images, Network
from mnist_lab.serving.refusal import probabilities, reasons

__all__ = ["Answer", "Reader"]


class Answer(BaseModel):
    """What the network says of one image."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    digit: int
    """The most probable digit. Use it only where the network is sure."""
    probabilities: list[float]
    """Ten probabilities, one for each digit from 0 to 9. They add up to 1."""
    sure: bool
    """False where the network had better refuse: somebody should look at the picture."""
    reason: str | None
    """Why the network is not sure, in one sentence. It is null where the network is sure."""
    image: list[list[int]]
    """The image that the network saw: 28 rows of 28 levels, from 0 (paper) to 255 (full ink)."""


@dataclass(frozen=True)
class Reader:
    """Reads pictures and images with the two networks that look at each of them.

    Attributes:
        digits: says which digit an image shows.
        detector: says whether an image shows a digit at all.
    """

    digits: Network = field(default_factory=Network)
    detector: Network = field(default_factory=lambda: Network(DETECTOR, outputs=1))

    def picture(self, picture: bytes | str) -> Answer:
        """Read one handwritten digit in a picture.

        Args:
            picture: the content of a picture file, or a data URL. Nothing else: text that comes
                over the network must never be opened as a path.

        Raises:
            PictureError: no digit can be read in the picture; one sentence says why.
        """
        if isinstance(picture, str) and not picture.startswith("data:"):
            raise PictureError(
                "The text of the picture is no data URL: send data:image/png;base64, and the "
                "picture."
            )
        return self._answer(to_mnist(picture).astype(np.float32) / 255)

    def numbers(self, numbers: npt.ArrayLike) -> Answer:
        """Read an image that is in the form of MNIST.

        The image goes to the networks as it is. The largest number tells the range: a largest
        number up to 1 means 0..1, and a larger one means 0..255.

        Args:
            numbers: 28 rows of 28 numbers, in 0..1 or in 0..255: paper 0, full ink 1 or 255.

        Raises:
            PictureError: the numbers have another shape, are outside 0..255, or are all 0.
        """
        try:
            image = np.asarray(numbers, np.float32)
        except ValueError:  # rows of different lengths, or something else than numbers
            image = np.empty(0, np.float32)
        if image.shape != IMAGE_SHAPE:
            raise PictureError(
                "The image does not have 28 rows of 28 numbers: send it in this shape."
            )
        low, high = float(image.min()), float(image.max())
        if not (low >= 0 and high <= 255):  # NaN fails both
            raise PictureError(f"The numbers run from {low:g} to {high:g}: scale them to 0..255.")
        if high == 0:
            raise PictureError("All numbers are 0, so there is no ink: send the image of a digit.")
        return self._answer(image / np.float32(1 if high <= 1 else 255))

    def _answer(self, image: Images) -> Answer:
        """Return the answer for one image of shape (28, 28) in 0..1."""
        logits = self.digits.logits(image[np.newaxis])
        (reason,) = reasons(logits, self.detector.logits(image[np.newaxis]))
        return Answer(
            digit=int(logits[0].argmax()),
            probabilities=probabilities(logits)[0].round(6).tolist(),
            sure=reason is None,
            reason=reason,
            image=np.rint(image * 255).astype(np.uint8).tolist(),
        )
