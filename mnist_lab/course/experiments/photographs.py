"""How many photographed digits the shipped network reads, and how many after naive shrinking."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from mnist_lab._files import write_text
from mnist_lab.course.experiments.pages import KINDS, PLAIN, photograph
from mnist_lab.course.experiments.shipped import answers
from mnist_lab.course.experiments.training import PROVENANCE, provenance
from mnist_lab.data import Digits
from mnist_lab.pictures import PictureError, to_mnist

__all__ = [
    "AS_THEY_ARE",
    "COLUMNS",
    "FILE",
    "Shots",
    "as_tutorials_do",
    "choose",
    "judge",
    "measure",
    "photograph_all",
    "write",
]

Grey = npt.NDArray[np.uint8]

FILE = Path(__file__).parents[2] / "results" / "photographs.csv"
AS_THEY_ARE = "as MNIST has them"
COLUMNS = (
    "kind",  # of page, or AS_THEY_ARE for the digits before they are photographed
    "digits",  # how many were photographed, each another test image
    "right",  # answered, and right
    "wrong",  # answered, and wrong
    "unsure",  # not answered, because the network is not sure
    "refused",  # not read: to_mnist says what disturbs
    "read",  # what the network would answer is right, sure or not
    "naive",  # right after the picture was shrunk to 28x28 and inverted; no answer is refused
    *PROVENANCE,
)


def choose(digits: Digits, number: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return the numbers of test images, drawn without replacement."""
    rng = np.random.default_rng(seed)
    return rng.permutation(len(digits.y_test))[:number]


def as_tutorials_do(picture: Grey | bytes) -> Grey:
    """Shrink a picture to 28x28 pixels and invert it: what most tutorials do with a photograph."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else None
    shrunk = (image or Image.fromarray(np.asarray(picture))).convert("L").resize((28, 28))
    return np.asarray(ImageOps.invert(shrunk), np.uint8)


@dataclass(frozen=True)
class Shots:
    """Photographs of digits on one kind of page, brought to 28x28 in two ways.

    Attributes:
        kind: of page, or :data:`AS_THEY_ARE`.
        seen: what ``to_mnist`` made of the photographs that it did not refuse, uint8 (k, 28, 28).
        kept: their numbers among the digits, int64 of shape (k,).
        shrunk: all photographs, made small and inverted, uint8 (n, 28, 28); None for digits that
            were not photographed.
        labels: of all digits, of shape (n,).
    """

    kind: str
    seen: Grey
    kept: npt.NDArray[np.int64]
    shrunk: Grey | None
    labels: npt.NDArray[np.uint8]


def photograph_all(images: Grey, labels: npt.NDArray[np.uint8], kind: str) -> Shots:
    """Photograph digits on one kind of page.

    Args:
        images: test digits, uint8 of shape (n, 28, 28).
        labels: of shape (n,).
        kind: one of :data:`mnist_lab.course.experiments.pages.KINDS`.
    """
    rng = np.random.default_rng(0)
    seen, kept, shrunk = [], [], []
    for place, image in enumerate(images):
        picture = photograph(image, kind, rng)
        shrunk.append(as_tutorials_do(picture))
        try:
            seen.append(to_mnist(picture))
        except PictureError:
            continue
        kept.append(place)
    stack = np.asarray(seen, np.uint8).reshape(-1, 28, 28)
    return Shots(kind, stack, np.array(kept, np.int64), np.asarray(shrunk), labels)


def judge(shots: Shots) -> dict[str, Any]:
    """Read photographs with the shipped networks, and count; see :data:`COLUMNS`."""
    read, reasons = answers(shots.seen)
    right = read == shots.labels[shots.kept]
    sure = np.array([reason is None for reason in reasons], dtype=bool)
    naive: int | str = ""
    if shots.shrunk is not None:
        naive = int((answers(shots.shrunk)[0] == shots.labels).sum())
    return {
        "kind": shots.kind,
        "digits": len(shots.labels),
        "right": int((right & sure).sum()),
        "wrong": int((~right & sure).sum()),
        "unsure": int((~sure).sum()),
        "refused": len(shots.labels) - len(shots.kept),
        "read": int(right.sum()),
        "naive": naive,
    }


def measure(digits: Digits, number: int, others: int) -> Iterator[dict[str, Any]]:
    """Photograph test digits on each kind of page, and read the photographs.

    Args:
        digits: whose test images are photographed.
        number: how many test images on the pages that people are asked for.
        others: how many of the same images on all other pages.

    Yields:
        A row for the digits as they are, then one for each kind; see :data:`COLUMNS`.
    """
    chosen = choose(digits, number)
    origin = provenance(digits)
    images, labels = digits.x_test[chosen], digits.y_test[chosen]
    yield judge(Shots(AS_THEY_ARE, images, np.arange(len(chosen)), None, labels)) | origin
    for kind in KINDS:
        of = slice(number if kind in PLAIN else others)
        yield judge(photograph_all(images[of], labels[of], kind)) | origin


def write(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write rows to a CSV file, whole or not at all."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())
