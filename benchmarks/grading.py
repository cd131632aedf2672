"""How fast submissions are graded, and whether memory stays flat. Prints a table.

python benchmarks/grading.py            200 small submissions and 4 with Keras
python benchmarks/grading.py 40 2       40 and 2
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import psutil
from nbformat.v4 import new_code_cell, new_notebook

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/fixtures"))
from grading_fixture import handed_in, save, source

from mnist_lab.course.grading.batch import GradingOptions, NotGraded, grade_class
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.grading.grader import Limits
from mnist_lab.course.sandbox.doctor import choose_isolation

KERAS = (
    "# SETUP\nimport keras\nimport numpy as np",
    """# EXERCISE 02-model
### BEGIN SOLUTION
### STUB: model = None
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
model.compile(loss="mse")
x = np.random.default_rng(0).random((1000, 28, 28), "float32")
_ = model.fit(x, np.zeros((1000, 10)), epochs=1, verbose=0)
### END SOLUTION""",
    """# CHECK 02-model (1 point)
assert model.layers[-1].units == 10, "10 classes need 10 units"
### BEGIN HIDDEN TESTS
found = np.asarray(model.predict(np.zeros((3, 28, 28), "float32"), verbose=0))
assert found.shape == (3, 10), "one row for each image"
### END HIDDEN TESTS""",
)


def measure(task: Any, answer: Any, count: int, jobs: int) -> tuple[float, list[Mark], list[float]]:
    """Return seconds, marks, and MB of the largest process of the grader after each mark."""
    isolation, _ = choose_isolation("auto")
    marks: list[Mark] = []
    sizes: list[float] = []
    ends: list[float] = []

    def graded(mark: Mark | NotGraded) -> None:
        if isinstance(mark, NotGraded):
            raise RuntimeError(f"{mark.student}: {mark.reason} {mark.details}")
        us = psutil.Process()
        marks.append(mark)
        ends.append(time.perf_counter())
        workers = [p for p in us.children() if "bwrap" not in p.name()]
        sizes.append(max(p.memory_info().rss for p in [us, *workers]) / 1e6)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "answers").mkdir()
        for number in range(count):
            save(folder / "answers" / f"learner-{number:03}.ipynb", answer)
        grade_class(
            save(folder / "01_task.ipynb", task),
            folder / "answers",
            folder / "marks.csv",
            GradingOptions(isolation, Limits(threads=max(1, joblib.cpu_count() // jobs)), jobs),
            started=lambda *_: None,
            graded=graded,
        )
    if any(mark.status != "passed" for mark in marks):
        raise ValueError("A right answer did not pass: mend that before measuring.")
    return ends[-1] - ends[0], marks, sizes


def main(small: int = 200, keras: int = 4) -> None:
    """Measure and print."""
    jobs = joblib.cpu_count()
    seconds, _, sizes = measure(source(), handed_in(), small, jobs)
    network = new_notebook(cells=[new_code_cell(cell) for cell in KERAS])
    # The solution itself is handed in: what is measured is the course's part, not the training.
    _, marks, _ = measure(network, network, keras, 1)
    times = sorted(mark.seconds for mark in marks)
    tenth = max(1, small // 10)
    busy = os.getloadavg()[0]
    rows = [
        ("small submissions a minute", f"{60 * (small - 1) / seconds:.0f}", "at least 40"),
        ("Keras submission, median", f"{times[len(times) // 2]:.1f} s", "under 6 s"),
        (f"memory after {tenth}", f"{max(sizes[:tenth]):.0f} MB", ""),
        (f"memory after {small}", f"{max(sizes[-tenth:]):.0f} MB", "flat"),
        ("load of this computer", f"{busy:.1f}", f"{jobs} processors"),
    ]
    for name, value, wanted in rows:
        print(f"{name:30}{value:>10}   {wanted}".rstrip())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
