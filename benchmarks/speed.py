"""How fast the course is: training, inference, start-up and memory, side by side in one run.

    python benchmarks/speed.py                    all of it, three rounds; prints Markdown tables
    python benchmarks/speed.py --rounds 1 cnn     one recipe, once

Every measurement is a process of its own. A round measures everything once, the next round starts
over, so that a machine that slows down slows all alike: compare within a run only. PyTorch is
measured where it is installed (``pip install torch``). Ctrl-C ends it early: the tables are then of
the rounds that were whole.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from mnist_lab import data, environment
from mnist_lab.recipes import RECIPES

MEASURES = Path(__file__).with_name("measures.py")
OURS = ("ours", "ours, all threads")  # one thread, as reproduce; as many as TensorFlow likes
# The same as ours, but tf.data tunes its input, as in every fit on arrays, and fit may wait for it.
WAYS = ("plain fit", "lessons", *OURS, "ours, input tuned")
# What ours spends its time on: with SGD, Adam is missing; "products" are the matrix products alone;
# with one unit a layer there is next to nothing to compute, and what is left is what steps cost.
PARTS = ("SGD", "products", "one unit a layer")
PYTORCH = ("PyTorch", "PyTorch, 1 thread")
# How many times as fast as plain fit training shall be; no slower than PyTorch it shall be always.
TARGETS = {
    "deep_dropout_ann": 1.8,
    "fnn_sigmoid": 3.5,
    "fnn_softmax": 3.5,
    "wide_dropout_ann": 1.3,
    "dnn_csv": 3.0,
    "cnn": 1.4,
}


Found = dict[tuple[str, ...], list[float]]


def measure(*what: str) -> dict[str, float]:
    """Measure one thing in a fresh process and return its figures by name."""
    environ = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "MPLBACKEND": "agg"}
    command = [sys.executable, str(MEASURES), *what]
    result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(what)} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def cell(values: list[float]) -> str:
    """Write a median with its spread."""
    if not values:
        return "not installed"
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def ratio(found: Found, recipe: str, way: str, other: str = "ours") -> list[float]:
    """Return seconds of a way over seconds of another, round by round."""
    pairs = zip(found[recipe, way, "seconds"], found[recipe, other, "seconds"], strict=False)
    return [one / two for one, two in pairs]


def targets_table(found: Found, recipes: list[str]) -> str:
    """How many times as fast as plain ``fit`` and as PyTorch, beside what we aim at.

    Against PyTorch, both have the number of threads that suits them better.
    """

    def best(recipe: str, ways: tuple[str, ...]) -> str:
        return min(ways, key=lambda way: median(found[recipe, way, "seconds"] or [0]))

    heads = ["recipe", "plain / lessons", "plain / ours", "target", "PyTorch / ours", "target"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name in recipes:
        row = [name, cell(ratio(found, name, "plain fit", "lessons"))]
        rivals = ratio(found, name, best(name, PYTORCH), best(name, OURS))
        for ratios, target in ((ratio(found, name, "plain fit"), TARGETS.get(name)), (rivals, 1.0)):
            met = bool(target and ratios) and ("reached" if median(ratios) >= target else "missed")
            row += [cell(ratios), f"{target:g}, {met}" if met else ""]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def training_table(found: Found, recipes: list[str]) -> str:
    """Seconds of an epoch, each way."""
    ways = WAYS + PYTORCH
    lines = [f"| recipe | {', s | '.join(ways)}, s |", f"|{'---|' * (1 + len(ways))}"]
    for name in recipes:
        seconds = [cell(found[name, way, "seconds"]) for way in ways]
        lines.append(f"| {' | '.join([name, *seconds])} |")
    return "\n".join(lines)


def limits_table(found: Found, recipes: list[str]) -> str:
    """The arithmetic of an epoch, the share of the machine's peak, and peak memory."""
    peak = median(found["peak", "", "gflops"])
    trained = [way for way in WAYS + PYTORCH if found[recipes[0], way, "seconds"]]
    heads = ["recipe", "GFLOP an epoch", f"share of peak: {'; '.join(trained)}"]
    heads += [f"memory: {'; '.join(WAYS)}, MB"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name in recipes:
        work = found[name, "plain fit", "gflop"][0]
        shares = [f"{work / median(found[name, way, 'seconds']) / peak:.1%}" for way in trained]
        memory = [f"{median(found[name, way, 'megabytes']):.0f}" for way in WAYS]
        lines.append(f"| {name} | {work:.0f} | {'; '.join(shares)} | {'; '.join(memory)} |")
    return "\n".join(lines)


def parts_table(found: Found, recipes: list[str]) -> str:
    """Seconds of processors of an epoch: plain ``fit``, ours, and parts of ours."""
    ways = ("plain fit", "ours", *PARTS)
    lines = [f"| recipe | {', s | '.join(ways)}, s |", f"|{'---|' * (1 + len(ways))}"]
    for name in recipes:
        seconds = [found[name, way, "seconds of processors"] for way in ways]
        lines.append(f"| {name} | {' | '.join(cell(s) if s else '' for s in seconds)} |")
    return "\n".join(lines)


def other_table(found: Found) -> str:
    """Everything that is no training, a row each."""
    lines = ["| | median (lowest to highest) |", "|---|---|"]
    for (what, way, name), values in found.items():
        if what not in RECIPES:
            lines.append(f"| {' '.join(filter(None, [what, way]))}: {name} | {cell(values)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the speed of the course.")
    parser.add_argument("recipe", nargs="*", help="names, as cnn; all if none is given")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default: 3)")
    options = parser.parse_args()
    recipes = options.recipe or list(RECIPES)
    if unknown := set(recipes) - set(RECIPES):
        parser.error(f"no recipe {', '.join(unknown)}: choose from {', '.join(RECIPES)}")
    ways = WAYS + PARTS + (PYTORCH if importlib.util.find_spec("torch") else ())
    plan = [("peak", ""), ("python", ""), ("import", ""), ("load", ""), ("first figure", "")]
    plan += [(n, way) for n in recipes for way in ways if (n, way) != ("cnn", "products")]
    plan += [("inference", name) for name in recipes if name in ("fnn_softmax", "cnn")]
    found = defaultdict(list)
    rounds = 0
    with contextlib.suppress(KeyboardInterrupt):  # whole rounds are worth their tables
        while rounds < options.rounds:
            figures = []
            for number, (what, way) in enumerate(plan, 1):
                place = f"round {rounds + 1} of {options.rounds}, {number} of {len(plan)}"
                print(f"{place}: {what} {way}", file=sys.stderr)
                figures.append(measure(what, way))
            for (what, way), named in zip(plan, figures, strict=True):
                for name, value in named.items():
                    found[what, way, name].append(value)
            rounds += 1
    if not rounds:
        sys.exit("Stopped within the first round: there is nothing to show.")
    versions = ", ".join(f"{name} {v}" for name, v in environment.versions().items())
    print(f"{environment.processor()}, {os.cpu_count()} cores; {versions}.", end=" ")
    print(f"{data.load_mnist().source} Medians of {rounds} rounds (lowest to highest).\n")
    print(targets_table(found, recipes) + "\n")
    print(training_table(found, recipes) + "\n")
    print(parts_table(found, recipes) + "\n")
    print(limits_table(found, recipes) + "\n")
    print(other_table(found))


if __name__ == "__main__":
    main()
