"""With how many processes and threads does ``mnist-lab reproduce`` end first?

python benchmarks/layouts.py                 three networks, two rounds
python benchmarks/layouts.py --rounds 1 cnn
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

import joblib
from rounds import cell, headline, options, side_by_side, start, table

RECIPES = ["fnn_sigmoid", "wide_dropout_ann", "cnn"]
SEEDS = 2  # each recipe trains on raw and on scaled pixels: four networks a call
EPOCHS = 5  # of each network


def measure(recipe: str, layout: str) -> dict[str, float]:
    """Return the seconds of a whole call of the command, start of its processes included."""
    jobs, threads = layout.split(" x ")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", recipe]
        command += ["--seeds", f"{SEEDS}", "--epochs", f"{EPOCHS}", "--output", f"{folder}/f.csv"]
        command += ["--jobs", jobs, "--threads", threads]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return {"seconds": time.perf_counter() - start}


def main() -> None:
    chosen = options("Compare layouts of processes and threads.", 2, RECIPES)
    cores = joblib.cpu_count()
    layouts = [f"{jobs} x {threads}" for jobs, threads in ((cores, 1), (1, cores), (cores, cores))]
    plan = [(recipe, layout) for recipe in chosen.recipe for layout in layouts]
    found = side_by_side(__file__, plan, chosen.rounds)
    rows = []
    for recipe in chosen.recipe:
        seconds = {layout: found[recipe, layout, "seconds"] for layout in layouts}
        fastest = min(layouts, key=lambda layout: median(seconds[layout]))
        rows.append([recipe, *map(cell, seconds.values()), fastest])
    heads = ["recipe", *(f"{layout}, s" for layout in layouts), "fastest"]
    print(f"{headline(found)} Processes x threads in each.\n\n{table(heads, rows)}")


if __name__ == "__main__":
    start(measure, main)
