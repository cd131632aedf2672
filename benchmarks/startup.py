"""How soon does a learner see something? Start-up, and the first figure of lesson 1.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from rounds import cell, headline, options, side_by_side, start, table

LESSON = Path(__file__).resolve().parent.parent / "notebooks" / "01_eda.ipynb"


def _first_figure() -> str:
    """Return the code of lesson 1 up to the cell that draws its first figure."""
    import nbformat

    lines = []
    for each in nbformat.read(LESSON, 4).cells:
        if each.cell_type == "code" and "%pip" not in each.source:
            lines.append(each.source)
            if any("image/png" in output.get("data", {}) for output in each.outputs):
                break
    return "\n".join(lines) + "\nimport io; plt.savefig(io.BytesIO())"


# What a fresh interpreter runs.
CODE = {
    "nothing": lambda: "",
    "import mnist_lab": lambda: "import mnist_lab",
    "first figure of lesson 1": _first_figure,
}


def measure(what: str, _: str) -> dict[str, float]:
    """Return the seconds from the start of an interpreter to its end."""
    code = CODE[what]()
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - start}


def main() -> None:
    chosen = options("Measure how soon a learner sees something.", 3)
    found = side_by_side(__file__, [(what, "") for what in CODE], chosen.rounds)
    rows = [[what, cell(values)] for (what, _, _), values in found.items()]
    print(f"{headline(found)}\n\n{table(['a fresh interpreter runs', 's'], rows)}")


if __name__ == "__main__":
    start(measure, main)
