"""Which layout of processes and threads trains most networks in a minute. Prints a table.

    python benchmarks/layouts.py               three networks, two rounds
    python benchmarks/layouts.py --rounds 1 cnn

``mnist-lab reproduce`` trains a network a processor, each with one thread, because of this table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from statistics import median

import joblib
from speed import cell

from mnist_lab.recipes import RECIPES

SEEDS = 2  # each recipe trains on raw and on scaled pixels: four networks a call


def measure(recipe: str, jobs: int, threads: int, epochs: int) -> float:
    """Return seconds of a whole call of the command, start of the processes included."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", recipe]
        command += ["--seeds", f"{SEEDS}", "--epochs", f"{epochs}", "--output", f"{folder}/f.csv"]
        command += ["--jobs", f"{jobs}", "--threads", f"{threads}"]
        start = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if result.returncode:
            sys.exit(f"reproduce {recipe} failed:\n{result.stderr[-2000:]}")
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare layouts of processes and threads.")
    parser.add_argument("recipe", nargs="*", default=["fnn_sigmoid", "wide_dropout_ann", "cnn"])
    parser.add_argument("--rounds", type=int, default=2, help="how often (default: 2)")
    parser.add_argument("--epochs", type=int, default=5, help="of each network (default: 5)")
    options = parser.parse_args()
    if unknown := set(options.recipe) - set(RECIPES):
        parser.error(f"no recipe {', '.join(unknown)}: choose from {', '.join(RECIPES)}")
    cores = joblib.cpu_count()
    layouts = [(cores, 1), (1, cores), (cores, cores)]
    found = defaultdict(list)
    for turn in range(options.rounds):
        for recipe in options.recipe:
            for layout in layouts:
                print(f"round {turn + 1} of {options.rounds}: {recipe} {layout}", file=sys.stderr)
                found[recipe, layout].append(measure(recipe, *layout, options.epochs))
    heads = [f"{jobs} processes, {threads} threads each, s" for jobs, threads in layouts]
    print(f"| recipe | {' | '.join(heads)} | fastest |\n|---|{'---|' * len(heads)}---|")
    for recipe in options.recipe:
        values = [found[recipe, layout] for layout in layouts]
        best = min(range(len(layouts)), key=lambda i: median(values[i]))
        print(f"| {recipe} | {' | '.join(map(cell, values))} | {layouts[best]} |")


if __name__ == "__main__":
    main()
