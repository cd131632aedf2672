"""Measurements side by side: each in a process of its own, all of them once in every round.

A computer that slows down slows all of them alike, so numbers of one run may be compared, and
numbers of two runs may not. Ctrl-C ends a run early; its tables are of the rounds that were whole.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from mnist_lab import data, environment
from mnist_lab.recipes import RECIPES

__all__ = [
    "Found",
    "cell",
    "headline",
    "options",
    "round_number",
    "side_by_side",
    "start",
    "table",
]

# The environment variable that tells the process of a measurement which round it is in.
ROUND = "BENCHMARK_ROUND"

# Subject, way and name of the figure; one value a round.
Found = Mapping[tuple[str, str, str], list[float]]


def start(measure: Callable[[str, str], dict[str, float]], main: Callable[[], None]) -> None:
    """Run a script: as the process of one measurement, or as the one that starts them all."""
    if sys.argv[1:2] == ["--measure"]:
        subject, way = sys.argv[2:]
        print(json.dumps(measure(subject, way)))
    else:
        main()


def options(description: str, rounds: int, recipes: Sequence[str] = ()) -> argparse.Namespace:
    """Read ``rounds`` from the command line and, where some are the default, ``recipe`` names."""
    parser = argparse.ArgumentParser(description=description)
    if recipes:
        listed = " ".join(recipes) if len(recipes) < len(RECIPES) else "all"
        said = f"names of recipes, as cnn (default: {listed})"
        parser.add_argument("recipe", nargs="*", default=list(recipes), help=said)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"how many (default: {rounds})")
    found = parser.parse_args()
    if unknown := set(getattr(found, "recipe", ())) - set(RECIPES):
        parser.error(f"no recipe {', '.join(unknown)}: choose from {', '.join(RECIPES)}")
    if found.rounds < 1:
        parser.error("there must be one round at least: correct --rounds")
    return found


def side_by_side(script: str, plan: Sequence[tuple[str, str]], rounds: int) -> Found:
    """Measure each subject in each way, round by round, and return all figures."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    whole = 0
    with contextlib.suppress(KeyboardInterrupt):
        while whole < rounds:
            figures = []
            for number, (subject, way) in enumerate(plan, 1):
                place = f"round {whole + 1} of {rounds}, {number} of {len(plan)}"
                print(f"{place}: {subject} {way}", file=sys.stderr)
                figures.append(_in_a_process(script, subject, way, whole))
            for (subject, way), named in zip(plan, figures, strict=True):
                for name, value in named.items():
                    found[subject, way, name].append(value)
            whole += 1
    if not whole:
        sys.exit("Stopped within the first round: there is nothing to show.")
    return found


def round_number() -> int:
    """Return the number of the round, from 0: a seed that is another one in each round."""
    return int(os.environ.get(ROUND, "0"))


def _in_a_process(script: str, subject: str, way: str, number: int) -> dict[str, float]:
    environ = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "MPLBACKEND": "agg", ROUND: str(number)}
    command = [sys.executable, script, "--measure", subject, way]
    result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    if result.returncode:
        sys.exit(f"{subject} {way} failed:\n{result.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return figures


def cell(values: Sequence[float]) -> str:
    """Write a median with its spread."""
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def headline(found: Found) -> str:
    """Say on what was measured, and how often."""
    rounds = len(next(iter(found.values())))
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions().items())
    computer = f"{environment.processor()}, {os.cpu_count()} cores"
    source = data.load_mnist().source
    return f"{computer}; {versions}. {source} Medians of {rounds} rounds (lowest to highest)."
