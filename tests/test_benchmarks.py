"""Each benchmark runs, measures what it says and judges by medians."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
QUESTIONS = sorted(BENCHMARKS.glob("*.md"))


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        env=os.environ | {"MNIST_LAB_DATA": "sample"},
        capture_output=True,
        text=True,
        check=False,
    )


def table(result: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """Return the rows of the table that was printed, with its heads and without its rule."""
    assert result.returncode == 0, result.stderr
    lines = [line.strip("|\n").split("|") for line in result.stdout.splitlines() if "|" in line]
    return [[cell.strip() for cell in line] for line in lines if "---" not in line[0]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that imports a benchmark, as its own process would."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def imported(name: str) -> ModuleType:
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return imported


@pytest.mark.slow
def test_training_has_a_row_for_each_recipe_with_all_ways() -> None:
    heads, row = table(run("training.py", "--rounds", "1", "fnn_softmax"))
    cells = dict(zip(heads, row, strict=True))
    assert cells["recipe"] == "fnn_softmax"
    ways = ("plain fit, s", "lessons, s", "ours, s", "ours, input tuned, s")
    assert all(float(cells[way]) > 0 for way in ways)
    assert cells["plain fit / ours"].split(";")[1].split()[:2] == ["target", "3.5"]


@pytest.mark.slow
def test_inference_has_a_row_for_each_number_of_images() -> None:
    heads, *rows = table(run("inference.py", "--rounds", "1", "fnn_softmax"))
    assert heads[2:] == ["predict, ms", "direct call, ms", "compiled function, ms"]
    assert [row[:2] for row in rows] == [["fnn_softmax", "1"], ["fnn_softmax", "300"]]
    assert all(float(cell.split()[0]) > 0 for row in rows for cell in row[2:])


@pytest.mark.slow
def test_serving_has_a_row_for_each_network_and_a_sentence_on_the_rest(monkeypatch: Any) -> None:
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setenv("MNIST_LAB_QUICK", "1")
    result = run("serving.py", "--rounds", "1")
    heads, *rows = table(result)
    assert heads[2:] == ["requests a second", "p50, s", "p99, s", "processor, ms"]
    assert [row[1] for row in rows] == ["LiteRT", "Keras predict"] * 2
    cells = [[float(cell.split()[0]) for cell in row[2:]] for row in rows]
    assert all(value > 0 for row in cells for value in row)
    assert all(p50 <= p99 for _, p50, p99, _ in cells)
    assert "target 20" in result.stdout
    assert "MB after 400 requests" in result.stdout
    assert "200 clients at once: at least 200 answered" in result.stdout


@pytest.mark.slow
def test_startup_has_a_row_for_each_thing_to_run() -> None:
    _, nothing, package, figure = table(run("startup.py", "--rounds", "1"))
    assert [nothing[0], package[0]] == ["nothing", "import mnist_lab"]
    assert figure[0] == "first figure of lesson 1"
    assert float(nothing[1].split()[0]) > 0


def test_distorted_images_are_judged_by_their_share(load: Any) -> None:
    augmentation = load("augmentation")

    def verdicts(images: list[float]) -> list[str]:
        seconds = {"images": images, "training": [10.0, 10.0, 20.0]}
        found = {
            (rung, way, "seconds"): seconds[way]
            for rung in augmentation.RUNGS
            for way in augmentation.WAYS
        }
        lines = augmentation.report(found).splitlines()[2:]
        return [line.strip("| ").split("|")[-1].strip() for line in lines]

    assert verdicts([2.0, 3.0, 4.0])[0] == "0.2 (0.2 to 0.3); target 0.25 reached"
    assert [verdict.split()[-1] for verdict in verdicts([3.0, 3.0, 4.0])] == ["missed", "missed"]


def test_a_target_is_reached_where_the_median_of_the_seeds_reaches_it(load: Any) -> None:
    """Each kind of training counts with its quickest one that does; the CNN with an epoch."""
    benchmark = load("time_to_accuracy")
    found: dict[tuple[str, str, str], list[float]] = {}

    def add(name: str, **figures: list[float]) -> None:
        for key, values in figures.items():
            found[name, benchmark.WAY, key.replace("_", " ")] = values

    one, two, four = benchmark.OURS
    add(one, seconds=[10, 11, 12], processor=[20, 21, 22], accuracy=[0.992, 0.991, 0.98])
    add(two, seconds=[20, 21, 22], processor=[40, 41, 42], accuracy=[0.992, 0.992, 0.998])
    add(four, seconds=[40, 41, 42], processor=[80, 81, 82], accuracy=[0.995, 0.996, 0.994])
    add(benchmark.PLAIN, seconds=[100, 100, 100], processor=[150, 150, 150])
    for epoch in range(1, benchmark.PUBLISHED_EPOCHS + 1):
        reached = [0.991 if epoch > late else 0.98 for late in (2, 4, 10)]
        spent = [10.0 * epoch] * 3
        add(
            benchmark.PLAIN,
            **{
                f"accuracy_{epoch}": reached,
                f"seconds_{epoch}": spent,
                f"processor_{epoch}": [1.5 * value for value in spent],
            },
        )
    trainings, targets = benchmark.report(found).split("Seconds, and processor seconds:")
    lines = [line for line in trainings.splitlines() if line.startswith("| ")]
    assert len(lines) == 6  # heads, a rule and four trainings; PyTorch is not there
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in targets.split("\n")]
    assert cells[4] == ["99.0%", "50, 75", "11, 21", "not reached"]
    assert cells[5] == ["99.3%", "not reached", "41, 81", "not reached"]
    assert cells[6] == ["99.5%", "not reached", "41, 81", "not reached"]


@pytest.mark.slow
def test_operations_are_those_of_convolutions_and_dense_layers(load: Any) -> None:
    from mnist_lab import models

    convolution, dense = 26 * 26 * 3 * 3 * 32, 13 * 13 * 32 * 128 + 128 * 10
    counted = load("time_to_accuracy").operations_of_a_step(models.cnn())
    assert counted == 6 * (convolution + dense)


def test_layout_is_timed_in_a_process_of_the_command(load: Any, monkeypatch: Any) -> None:
    layouts = load("layouts")
    ran: list[list[str]] = []
    monkeypatch.setattr(layouts.subprocess, "run", lambda command, **_: ran.append(command))
    assert layouts.measure("cnn", "2 x 1")["seconds"] >= 0
    assert ran[0][-4:] == ["--jobs", "2", "--threads", "1"]


@pytest.mark.parametrize("script", ["training.py", "inference.py", "layouts.py"])
def test_unknown_recipe_is_refused(script: str) -> None:
    result = run(script, "resnet")
    assert (result.returncode, "choose from" in result.stderr) == (2, True)


def test_a_round_that_was_stopped_does_not_count(load: Any, monkeypatch: Any) -> None:
    rounds = load("rounds")
    plan = [("cnn", "plain fit"), ("cnn", "ours")]
    values = iter([1.0, 2.0, 3.0])

    def measured(*_: str) -> dict[str, float]:
        try:
            return {"seconds": next(values)}
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(rounds, "_in_a_process", measured)
    found = rounds.side_by_side("training.py", plan, 3)
    assert found["cnn", "plain fit", "seconds"] == [1.0]
    assert found["cnn", "ours", "seconds"] == [2.0]
    with pytest.raises(SystemExit, match="Stopped within the first round"):
        rounds.side_by_side("training.py", plan, 3)


def test_targets_are_judged_by_the_medians(load: Any) -> None:
    """PyTorch has the number of threads that suits it better."""
    training = load("training")

    def judge(ours: list[float], plain: float, *pytorch: float) -> list[str]:
        seconds = dict.fromkeys(training.WAYS, [plain] * 3) | {"ours": ours}
        seconds |= {way: [s] * 3 for way, s in zip(training.PYTORCH, pytorch, strict=False)}
        found = {("cnn", way, "seconds"): values for way, values in seconds.items()}
        last = training.report(found, ["cnn"]).splitlines()[-1]
        return [cell.strip() for cell in last.strip("|").split("|")][-3:]

    fast = judge([1, 2, 4], 3, 4, 2.2)
    assert fast[0] == "2.2"
    assert fast[1] == "1.5 (0.75 to 3); target 1.4 reached"
    assert fast[2] == "1.1 (0.55 to 2.2); target 1 reached"
    slow = judge([2, 2, 2], 2.6, 1.9, 4)
    assert [cell.split()[-1] for cell in slow[1:]] == ["missed", "missed"]
    assert judge([2, 2, 2], 3)[::2] == ["not installed", ""]


@pytest.mark.parametrize(
    ("fast", "said"),
    [([100, 210, 300], "target 20 reached"), ([100, 190, 300], "target 20 missed")],
)
def test_the_service_is_judged_by_the_median(fast: list[float], said: str, load: Any) -> None:
    serving = load("serving")
    found: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [10.0] * 3)
    found[serving.NUMBERS, serving.LITERT, "requests a second"] = fast
    assert said in serving.report(found)


def test_every_question_has_its_script_and_names_it() -> None:
    assert {"training", "grading"} <= {page.stem for page in QUESTIONS}
    for page in QUESTIONS:
        assert page.with_suffix(".py").is_file()
        assert f"python benchmarks/{page.stem}.py" in page.read_text(encoding="utf-8")
