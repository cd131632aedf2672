"""The ladder of lesson 6, rung by rung: from the CNN of lesson 4 to networks that beat it.

The measurements are in ``results/ladder.csv``, which ``mnist-lab reproduce --ladder`` wrote. The
last sixth of the training images served to choose. The test images saw finished networks once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mnist_lab import models, reproduction
from mnist_lab.augmentation import USUAL, Distortion
from mnist_lab.recipes import RECIPES, TEST_ACCURACY, VALIDATION_ACCURACY

if TYPE_CHECKING:
    import keras
    import pandas as pd

__all__ = [
    "DOUBTFUL_LABELS",
    "FILE",
    "READINGS",
    "RUNGS",
    "TRIED",
    "Rung",
    "Split",
    "climb",
    "measured",
    "published",
    "trainings",
]

FILE = Path(__file__).with_name("results") / "ladder.csv"
# Which images judge: the last sixth of the training images, or the test images.
Split = Literal["validation", "test"]
READINGS = ("one view", "nine views")  # how a network reads an image


@dataclass(frozen=True)
class Rung:
    """One way to train a network. Up to four epochs, one change leads from rung to rung.

    Attributes:
        name: of the rung, in the file and on the command line.
        change: words for readers: what is new.
        build: returns the fresh, uncompiled network, which ends in logits.
        epochs: how often the network sees each training image.
        peak: the learning rate rises from 0 to this value in the first quarter of all steps, and
            falls to 0 along a cosine. None: Adam's own constant rate of 0.001.
        distortion: of the training images, another one in each epoch.
        averaging: the share of the old average of the weights that is kept in a step; None: the
            weights of the last step are the result.
        renewed: whether the statistics of batch normalisation are taken anew after the training.
            Those that the training leaves belong to the weights of its last steps, and not to
            their average.
        batch_size: images in a step.
    """

    name: str
    change: str
    build: Callable[[], keras.Sequential]
    epochs: int = 1
    peak: float | None = None
    distortion: Distortion | None = None
    averaging: float | None = None
    renewed: bool = False
    batch_size: int = 128


def _cnn() -> keras.Sequential:
    return models.logits_model(models.cnn())


_CONVOLUTIONS = Rung("convolutions", "convolutions, no wide dense layer", models.convnet)
_SCHEDULE = replace(
    _CONVOLUTIONS, name="schedule", change="a learning rate that rises and falls", peak=0.005
)
_AUGMENTATION = replace(_SCHEDULE, name="augmentation", change="distorted images", distortion=USUAL)
_FOUR_EPOCHS = replace(_AUGMENTATION, name="four_epochs", change="four epochs", epochs=4)
_WIDE = replace(
    _FOUR_EPOCHS,
    name="wide",
    change="wider, averaged weights, twelve epochs",
    build=models.wide_convnet,
    epochs=12,
    distortion=Distortion(affine=0.15),
    averaging=0.999,
)

_RENEWED = replace(
    _WIDE, name="renewed", change="batch statistics of the averaged weights", renewed=True
)

RUNGS: dict[str, Rung] = {
    rung.name: rung
    for rung in (
        Rung("cnn", "the CNN of lesson 4, one epoch", _cnn),
        Rung("batchnorm", "batch normalisation", models.batchnorm_cnn),
        _CONVOLUTIONS,
        _SCHEDULE,
        _AUGMENTATION,
        _FOUR_EPOCHS,
        _WIDE,
        _RENEWED,
    )
}

TRIED: dict[str, Rung] = {
    "four_epochs_plain": replace(
        _FOUR_EPOCHS, name="four_epochs_plain", change="no distortion", distortion=None
    ),
    "long": replace(_WIDE, name="long", change="forty epochs", epochs=40),
    "vgg": replace(
        _RENEWED, name="vgg", change="two convolutions in full resolution", build=models.vgg
    ),
}
"""Other trainings that were measured, to judge one change by itself."""

DOUBTFUL_LABELS: dict[int, tuple[int, int, int]] = {
    947: (0, 9, 5),
    1621: (2, 6, 3),
    1901: (2, 4, 3),
    2130: (2, 9, 2),
    2462: (0, 0, 4),
    2597: (0, 3, 4),
    2654: (0, 1, 2),
    3520: (2, 4, 0),
    3558: (1, 0, 4),
    5937: (1, 3, 3),
    6651: (0, 6, 5),
    6783: (2, 6, 3),
    8527: (2, 9, 2),
    9679: (2, 3, 0),
    9729: (2, 6, 3),
}
"""The test images of MNIST whose label most people do not give: image number -> answers.

Five people looked at each image. The numbers are: how many gave the label; the other digit that
they were offered; and how many gave this digit. The rest gave neither. Source: Northcutt, Athalye
and Mueller, "Pervasive label errors in test sets destabilize machine learning benchmarks" (2021),
whose authors publish the answers in github.com/cleanlab/label-errors, folder ``mturk``. They asked
about those images only that their own networks doubted.
"""


def measured(path: Path = FILE) -> pd.DataFrame:
    """Return the measured networks, one row a reading; columns as in the CSV file."""
    import pandas as pd

    return pd.read_csv(path)


def trainings(frame: pd.DataFrame, split: Split, reading: str = "one view") -> pd.DataFrame:
    """Choose the trainings of rungs that were judged in one way, each seed once.

    Args:
        frame: what :func:`measured` returned. Trainings with another number of epochs than their
            rung has are left out.
        split: which images judge.
        reading: one of :data:`READINGS`, or that of an ensemble: "5 networks, one view".

    Returns:
        The rows of the frame in the order of the ladder, with one more column: ``seconds``, the
        processor seconds of the training.
    """
    import pandas as pd

    found = []
    for rung in RUNGS.values():
        form = (rung.name, split, reading, rung.epochs)
        own = frame[(frame[["recipe", "split", "reading", "epochs"]] == form).all(axis=1)]
        found.append(own.drop_duplicates("seed"))
    rows = pd.concat(found)
    return rows.assign(seconds=rows["processor_seconds"], misread=rows["misread"].fillna(""))


def climb(frame: pd.DataFrame, split: Split, reading: str = "one view") -> pd.DataFrame:
    """Sum up the rungs over their seeds, and judge each step against the scatter of the seeds.

    Args:
        frame, split, reading: as for :func:`trainings`. Rungs with one seed only are left out.

    Returns:
        A row a rung, in the order of the ladder: ``change``, words; ``seeds``; ``errors``, mean,
        and ``sd``, their standard deviation; ``fewer``, how many errors fewer than on the rung
        below; ``standard errors``, the same divided by its standard error, where less than about 2
        is within the noise; and ``seconds``, the median processor seconds of a training.
    """
    import pandas as pd

    rows = []
    for name, own in trainings(frame, split, reading).groupby("recipe", sort=False):
        if len(own) > 1:
            rows.append(
                {
                    "change": RUNGS[str(name)].change,
                    "seeds": len(own),
                    "errors": own["errors"].mean(),
                    "sd": own["errors"].std(),
                    "seconds": own["seconds"].median(),
                }
            )
    found = pd.DataFrame(rows, index=range(1, len(rows) + 1))
    variance = found["sd"] ** 2 / found["seeds"]
    found["fewer"] = -found["errors"].diff()
    found["standard errors"] = found["fewer"] / np.sqrt(variance + variance.shift())
    return found[["change", "seeds", "errors", "sd", "fewer", "standard errors", "seconds"]]


def published() -> pd.DataFrame:
    """Return the published accuracies of the five projects, and what a rebuild of them takes.

    Returns:
        A row a project, under the name of its repository: ``errors`` of 10,000, from the best test
        accuracy that it reports, or from the validation accuracy where it reports no other; and
        ``seconds``, the median time in which one thread of a processor, not always the same one,
        trained that recipe on scaled pixels.
    """
    import pandas as pd

    trained = reproduction.reproduction()
    rows: dict[str, dict[str, float]] = {}
    for recipe in RECIPES.values():
        for claim in recipe.claims:
            if claim.metric not in (TEST_ACCURACY, VALIDATION_ACCURACY):
                continue
            own = trained[(trained["recipe"] == recipe.name) & (trained["pixels"] == "scaled")]
            row = {"errors": 10_000 * (1 - claim.value), "seconds": own["seconds"].median()}
            known = rows.setdefault(recipe.repository, row)
            if row["errors"] < known["errors"]:
                rows[recipe.repository] = row
    return pd.DataFrame.from_dict(rows, orient="index").round({"errors": 0})
