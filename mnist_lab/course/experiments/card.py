"""The model card of the shipped network: every figure comes from a record or a table of results."""

from __future__ import annotations

import csv
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from mnist_lab.course.experiments import photographs
from mnist_lab.course.experiments.pages import PLAIN
from mnist_lab.evaluation import wilson_interval
from mnist_lab.serving.refusal import RECORD

__all__ = ["CARD", "card"]

CARD = RECORD.with_name("MODEL_CARD.md")
WIDTH = 100  # characters of a line

# Kinds of picture in the record.
LETTERS = ("letters that look like digits", "letters that do not look like digits")
DRAWN, SCIKIT_LEARN = "digits drawn with a round pen", "digits of scikit-learn"


def _filled(text: str) -> str:
    """Break the lines of Markdown anew, except those of tables, headings and commands."""
    blocks = []
    for block in text.split("\n\n"):
        if block.startswith(("|", "#", "<!--", "```")):
            blocks.append(block)
            continue
        items = re.split(r"\n(?=- )", block)
        indent = "  " if block.startswith("- ") else ""
        blocks.append(
            "\n".join(
                textwrap.fill(
                    " ".join(item.split()),
                    WIDTH,
                    subsequent_indent=indent,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for item in items
            )
        )
    return "\n\n".join(blocks) + "\n"


def _share(part: int, whole: int, digits: int = 1) -> str:
    """Write a percentage with its 95 % interval."""
    low, high = (f"{100 * end:.{digits}f}" for end in wilson_interval(part, whole))
    return f"{100 * part / whole:.{digits}f} % ({low} to {high} %)"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _strangers(record: dict[str, Any]) -> str:
    rows = []
    for name, found in record["strangers"].items():
        pictures, right = found["pictures"], found["right"]
        refused = found["not_read"] + found["unsure"]
        wrong = pictures - refused - (right or 0)
        rows.append(
            [
                name,
                pictures,
                _share(refused, pictures),
                "" if right is None else right,
                wrong,
            ]
        )
    heads = ["pictures", "number", "no answer", "answered right", "answered wrong"]
    return _table(heads, rows)


def _mistakes(strangers: dict[str, Any], *names: str) -> str:
    """List how often signs were answered as digits that they are not."""
    return ", ".join(
        f"{what} ({often})" for name in names for what, often in strangers[name]["mistakes"].items()
    )


def _aim(strangers: dict[str, Any]) -> str:
    """Say how many of 26 letters and 200 scribbles get no answer."""

    def refused(*names: str) -> tuple[int, int]:
        found = [strangers[name] for name in names]
        return (
            sum(one["not_read"] + one["unsure"] for one in found),
            sum(one["pictures"] for one in found),
        )

    letters = refused(*LETTERS)
    scrawl = refused("scribbles")
    together = (26 * letters[0] / letters[1] + 200 * scrawl[0] / scrawl[1]) / 226
    return (
        f"Of the letters, {_share(*letters)} get no answer, and of the scribbles "
        f"{_share(*scrawl)}. Of 26 letters and 200 scribbles together, "
        f"{100 * together:.0f} % get none."
    )


def _photographs(path: Path) -> str:
    """Return the section on photographs, or a sentence where there is no table yet."""
    if not path.is_file():
        return "No photographs were measured yet: `mnist-lab photographs` does so."
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    body = []
    for row in rows:
        whole = int(row["digits"])
        answered = int(row["right"]) + int(row["wrong"])
        body.append(
            [
                f"**{row['kind']}**" if row["kind"] in PLAIN else row["kind"],
                row["digits"],
                _share(int(row["read"]), whole),
                _share(answered, whole),
                row["wrong"],
                row["refused"],
                "" if row["naive"] == "" else _share(int(row["naive"]), whole),
            ]
        )
    heads = ["page", "digits", "read right", "answered", "answered wrong", "picture refused"]
    return f"""Test digits were drawn large on pages, photographed by a program, and brought back to
MNIST's form by `mnist_lab.pictures.to_mnist`. The kinds in bold are those that people are asked
for. A ballpoint is drawn as the middle line of thick strokes, and one that skips has gaps where the
thick stroke becomes wider or narrower: small loops are lost, and strokes with them. *Read right*
counts also digits that the network is not sure of. The last column has the same
photographs, shrunk to 28 by 28 pixels and inverted, as most tutorials do.

{_table([*heads, "read right after shrinking"], body)}"""


def card(record: dict[str, Any], table: Path = photographs.FILE) -> str:
    """Return the model card in Markdown.

    Args:
        record: content of ``digits.json``.
        table: of photographs, as ``mnist-lab photographs`` writes it.
    """
    network, detector = record["network"], record["detector"]
    test, chosen, origin = record["test"], record["validation"], record["made_with"]
    strangers = record["strangers"]
    images = test["images"]
    answered = images - test["refused"]
    valid = chosen["images"]
    valid_answered = valid - chosen["refused"]
    change = chosen["largest_change_of_a_logit"]
    smaller, alike = chosen["errors_of_four_epochs"], chosen["errors_of_the_rung"]
    of_the_rung = ""
    if alike:
        average = f"{mean(alike):.1f} (mean of {len(alike)} seeds)"
        of_the_rung = f", and the networks of the twin's rung misread {average}"
    size, its_size = (f"{found['bytes'] / 1e3:.0f} kB" for found in (record, detector))
    return _filled(f"""# Model card: the network of the service

<!-- mnist-lab export --ship writes this file. Change the command, not the file. -->

## What it is for

It reads one handwritten digit, in an image of 28 by 28 pixels in the form of MNIST, and it is made
for teaching. It must not decide anything that matters to a person, such as a sum of money or a
mark. `mnist_lab.pictures.to_mnist` brings a drawing or a photograph to the form that it needs.

## What it is

- `{record["file"]}` ({size}) gives ten logits. It is the network of the rung `{network["recipe"]}`
  of lesson 6, from seed {network["seed"]}, with {
        network["parameters"]:,} parameters. It saw MNIST's
  {network["trained_on"]:,} training images in {network["epochs"]} epochs, distorted anew in each.
- `{detector["file"]}` ({its_size}) says whether an image shows a digit at all. It has
  {detector["parameters"]:,} parameters. It was trained on some of MNIST's first
  {detector["trained_on"]:,} training images, on drawn digits, drawn letters and scribbles, and on
  digits of MNIST that lie on their side.
- Quantisation of both files: {record["quantisation"]}.

## How well it reads

All figures in brackets are 95 % intervals over the choice of the images.

{
        _table(
            ["MNIST's test images", "result"],
            [
                ["right, if all get an answer", _share(images - test["errors"], images, 2)],
                ["the same with weights in float32", _share(images - network["errors"], images, 2)],
                ["get no answer", _share(test["refused"], images, 2)],
                ["wrong, of those that get an answer", _share(test["wrong"], answered, 3)],
            ],
        )
    }

## When it gives no answer

There is no answer where the detector gives less than {record["detector_threshold"]:.2f}. There is
none either where the largest probability, at a temperature of {record["temperature"]:g}, is below
{record["threshold"]:.4f}. The aims are that at most 1 in 1,000 answers is wrong, that under 2 % of
the digits get no answer, and that at least 80 % of letters and scribbles get none.

The network was trained on all training images, so its own errors on them flatter it. The limits
come from a twin: a network of the rung `{chosen["twin"]["rung"]}`, trained on
{chosen["twin"]["trained_on"]:,} images in {chosen["twin"]["epochs"]} epochs. It misreads {
        chosen["errors"]["float32"]
    } of the other
{valid:,} in float32 and {chosen["errors"]["dynamic"]} in the form of the file. The smaller network
that would fit in float32 misreads {mean(smaller):.1f} of the same images (mean of {len(smaller)}
seeds){of_the_rung}.
The rung was chosen on these images, and the seed before the test. Two forms of the file are small
enough. With 8 bits throughout, the twin misreads {chosen["errors"]["int8"]} images, but a logit
changes by up to {change["int8"]:.1f}. In the form that was chosen, a logit changes by up to {
        change["dynamic"]:.1f}, and the limits need logits
that can be trusted. With the limits, the twin refuses {
        _share(chosen["refused"], valid, 2)
    } and misreads {chosen["wrong"]} of the
{valid_answered:,} images that it answers.

## Where it fails, and what it refuses

{_strangers(record)}

{_aim(strangers)}

The letters and scribbles of this table come from another hand than those that the detector saw:
each letter has other strokes, and the scribbles are made in another way. The letters that look like
digits are O, I, S and Z. The intervals take each drawing by itself, although one letter in ten
handwritings is nearly one drawing. The digits of scikit-learn were written by other people, and
have been enlarged from 8 by 8 pixels.

Letters that were answered: {_mistakes(strangers, *LETTERS)}.

Digits that were answered wrong, drawn with a round pen: {_mistakes(strangers, DRAWN) or "none"}; of
scikit-learn: {_mistakes(strangers, SCIKIT_LEARN) or "none"}.

## Photographs

{_photographs(table)}

## How it was made

```console
$ mnist-lab reproduce --ladder {network["recipe"]} --seeds 1 --keep mnist_lab/results
$ mnist-lab reproduce --ladder {chosen["twin"]["rung"]} --seeds 1 --validation --keep build/twin
$ mnist-lab export build/twin/NAME.weights.h5 --rung {chosen["twin"]["rung"]} --ship
$ mnist-lab photographs
```

Python {origin["python"]}, TensorFlow {origin["tensorflow"]}, Keras {origin["keras"]}, NumPy
{origin["numpy"]}, on {origin["processor"]}. `digits.json` has the digests of all files, and the
numbers of the misread test images.

## Licence

MIT, as the package. MNIST was made by Yann LeCun, Corinna Cortes and Christopher J. C. Burges. No
image of MNIST is in these files.
""")
