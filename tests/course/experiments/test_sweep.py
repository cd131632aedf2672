"""Many trainings: what is planned, what is kept after a kill, on a cluster, and to the last bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from mnist_lab import data, reproduction
from mnist_lab._files import locked
from mnist_lab.course import CourseError
from mnist_lab.course.cli.main import app
from mnist_lab.course.experiments import follow, sweep, training
from mnist_lab.course.experiments.training import AT_THE_END, Measurement, Training

TABLE = AT_THE_END.table
SAMPLE = data.load_sample()


def instant(what: Measurement) -> Measurement:
    """Return a measurement of the same form that trains nothing; also other processes can have it.

    A number in a row of it is the number of epochs.
    """

    def measure(t: Training, digits: data.Digits, *, threads: int) -> list[dict[str, Any]]:
        row = dict.fromkeys(what.table.columns, str(t.epochs))
        row |= {"data": training.data_digest(digits)}
        return [row | dict(zip(what.table.key, key, strict=True)) for key in sorted(what.keys(t))]

    return replace(what, measure=measure)


INSTANT, FOLLOWED = instant(AT_THE_END), instant(follow.AFTER_EACH_EPOCH)


def run(trainings: list[Training], path: Path, what: Measurement = INSTANT) -> int:
    return sweep.reproduce(trainings, SAMPLE, path, jobs=1, threads=1, what=what)


def keys(path: Path) -> list[tuple[str, ...]]:
    return [TABLE.key_of(row) for row in TABLE.read(path)[0]]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", *map(str, arguments)]


# ---------------------------------------------------------------------------- what is planned


def test_plan_has_every_recipe_as_printed_and_on_scaled_pixels() -> None:
    trainings = sweep.plan([], seeds=10, epochs=None)
    assert len(trainings) == len(set(trainings)) == 130
    forms = {(t.recipe, t.pixels) for t in trainings}
    assert ("deep_dropout_ann", "raw") not in forms  # its page shows that it scales
    assert {("fnn_sigmoid", "raw"), ("fnn_sigmoid", "scaled"), ("dnn_csv", "raw")} <= forms
    assert {t.epochs for t in trainings} == {10}


def test_sigmoid_outputs_are_read_in_three_ways() -> None:
    assert Training("fnn_sigmoid", "raw", 0, 10).readings == ("evaluate", "outputs", "logits")
    assert Training("fnn_softmax", "raw", 0, 10).readings == ("outputs",)


def test_unknown_recipe_is_named() -> None:
    with pytest.raises(CourseError, match=r"no recipe 'resnet': choose from .*cnn"):
        sweep.plan(["resnet"], 1, None)


# ---------------------------------------------------------------------------- one file


def test_other_digits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    run(sweep.plan(["cnn"], 1, 1), path)
    before = path.read_bytes()
    other = replace(SAMPLE, y_train=SAMPLE.y_train[::-1].copy())
    with pytest.raises(CourseError, match="other digits: name another file with --output"):
        sweep.reproduce([], other, path, jobs=1, threads=1)
    assert path.read_bytes() == before


def test_epochs_in_one_file_are_told_apart(tmp_path: Path) -> None:
    """Trainings over other epochs are other trainings: none is taken for the other's."""
    path = tmp_path / "rows.csv"
    one, two = (sweep.plan(["cnn", "fnn_sigmoid"], 2, epochs) for epochs in (1, 2))
    assert run(one, path) == 8
    assert run(two, path) == 8
    assert (run(one, path), run(two, path)) == (0, 0)
    found = keys(path)
    assert len(found) == len(set(found)) == 32
    assert {key[-1] for key in found} == {"1", "2"}


def test_missing_rows_of_a_training_are_added_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    trainings = sweep.plan(["fnn_sigmoid"], 1, 1)
    run(trainings, path)
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join(whole[:-2]))  # two readings of the last training
    assert run(trainings, path) == 1
    assert path.read_text().splitlines(keepends=True) == whole


def test_a_training_whose_network_is_missing_is_repeated_and_its_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    trainings = sweep.plan(["cnn"], 1, 1)
    run(trainings, path)
    before = path.read_bytes()
    raw_is_missing = replace(INSTANT, is_kept=lambda training: training.pixels != "raw")
    assert run(trainings, path, raw_is_missing) == 1
    assert path.read_bytes() == before


def test_following_further_keeps_what_was_followed(tmp_path: Path) -> None:
    path = tmp_path / "epochs.csv"
    assert run([Training("cnn", "scaled", 0, 2)], path, FOLLOWED) == 1
    assert run([Training("cnn", "scaled", 0, 3)], path, FOLLOWED) == 1
    rows = FOLLOWED.table.read(path)[0]
    found = [(row["epochs"], row["test_loss"]) for row in rows]
    assert found == [("1", "2"), ("2", "2"), ("3", "3")]


def test_two_commands_never_add_to_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.csv"
    trainings = sweep.plan(["cnn"], 1, 1)
    refused = []

    def measure(t: Training, digits: data.Digits, *, threads: int) -> list[dict[str, Any]]:
        with pytest.raises(
            CourseError, match=r"in use by process \d+ .*name another file"
        ) as error:
            run(trainings, path)
        refused.append(error)
        return INSTANT.measure(t, digits, threads=threads)

    assert run(trainings, path, replace(INSTANT, measure=measure)) == len(refused) == 2
    assert len(keys(path)) == len(set(keys(path))) == 2
    assert [file.name for file in path.parent.iterdir()] == ["rows.csv"]


# ---------------------------------------------------------------------------- the command


def cli(*arguments: object) -> Any:
    environ = {"MNIST_LAB_DATA": "sample"}
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)], env=environ)


def test_finished_command_says_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    run(sweep.plan(["cnn"], 2, 3), path)
    result = cli("cnn", "--seeds", 2, "--epochs", 3, "--output", path)
    assert result.exit_code == 0, result.output
    assert f"0 trained, 4 were there: {path}" in result.stdout


def test_finished_command_prints_what_it_followed(tmp_path: Path) -> None:
    path = tmp_path / "epochs.csv"
    run(sweep.plan(["cnn"], 2, 3)[1::2], path, FOLLOWED)
    result = cli("cnn", "--follow", "--seeds", 2, "--epochs", 3, "--output", path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert f"0 trained, 2 were there: {path}" in lines
    assert [line.split()[-10] for line in lines[-3:]] == ["1", "2", "3"]


def test_busy_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with locked(path):
        result = cli("cnn", "--output", path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"mnist-lab: {path} is in use by process {os.getpid()}")
    assert len(result.stderr.splitlines()) == 1


# ---------------------------------------------------------------------------- long runs


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_it_leaves_nothing_behind_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """Of a real command; what goes on is instant, for the file is all that the two share."""
    path, scratch = tmp_path / "rows.csv", tmp_path / "scratch"
    scratch.mkdir()
    killed = subprocess.Popen(
        command("fnn_sigmoid", "--seeds", 50, "--epochs", 1, "--jobs", 2, "--output", path),
        env=os.environ | {"MNIST_LAB_DATA": "sample", "JOBLIB_TEMP_FOLDER": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    end = time.monotonic() + 300
    while not keys(path) and time.monotonic() < end:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.05)
    children = psutil.Process(killed.pid).children(recursive=True)
    assert len(children) >= 2
    assert any(scratch.iterdir())  # the digits, which both workers read
    killed.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    killed.communicate()
    assert alive == []
    assert list(scratch.iterdir()) == []

    survived = path.read_bytes()
    done = len(keys(path))
    path.write_bytes(survived + b"fnn_sigmoid,sca")  # as if the power had failed
    trainings = sweep.plan(["fnn_sigmoid"], 50, 1)
    assert run(trainings, path) == 100 - done // 3
    assert path.read_bytes().startswith(survived)
    assert len(keys(path)) == len(set(keys(path))) == 300
    assert run(trainings, path) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rows.csv", "scratch"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_worker_is_said_in_a_sentence(tmp_path: Path) -> None:
    """As the system does when memory runs out; what had ended is kept, and the file is free."""
    path = tmp_path / "rows.csv"
    path.touch()

    def measure(t: Training, digits: data.Digits, *, threads: int) -> list[dict[str, Any]]:
        if t.seed == 2:
            end = time.monotonic() + 300
            while len(path.read_bytes().splitlines()) < 7 and time.monotonic() < end:
                time.sleep(0.05)  # until the rows of the others have arrived
            os.kill(os.getpid(), signal.SIGKILL)
        return INSTANT.measure(t, digits, threads=threads)

    what, trainings = replace(AT_THE_END, measure=measure), sweep.plan(["deep_dropout_ann"], 3, 1)
    with pytest.raises(CourseError, match=r"was killed while .* call the command again with fewer"):
        sweep.reproduce(trainings, SAMPLE, path, jobs=2, threads=1, what=what)
    assert run(trainings, path) == 1
    assert len(keys(path)) == len(set(keys(path))) == 9


@pytest.mark.slow
def test_cluster_loses_no_training_with_a_worker(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "rows.csv"

    def measure(t: Training, digits: data.Digits, *, threads: int) -> list[dict[str, Any]]:
        time.sleep(0.3)
        return INSTANT.measure(t, digits, threads=threads)

    def kill_one() -> None:
        end = time.monotonic() + 300
        while not keys(path) and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(cluster.workers[0].pid, signal.SIGTERM if sys.platform == "win32" else 9)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        killer = threading.Thread(target=kill_one)
        killer.start()
        done = sweep.reproduce(
            sweep.plan(["fnn_softmax"], 6, 1),
            SAMPLE,
            path,
            jobs=1,
            threads=1,
            cluster=cluster.scheduler_address,
            what=replace(AT_THE_END, measure=measure),
        )
        killer.join()
    assert done == 12
    assert len(keys(path)) == len(set(keys(path))) == 12


# ---------------------------------------------------------------------------- to the last bit


@pytest.mark.slow
def test_other_threads_in_one_process_are_refused_in_a_sentence() -> None:
    code = (
        "from mnist_lab.course.experiments.training import start_tensorflow\n"
        "start_tensorflow(1)\n"
        "import tensorflow as tf\n"
        "tf.constant(1) + 1\n"
        "start_tensorflow(2)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    last = result.stderr.splitlines()[-1]
    assert "CourseError: TensorFlow already runs with other threads" in last


Row = dict[str, str]


def differences(measured: list[Row], committed: list[Row]) -> list[tuple[str, str, str, str]]:
    """Say where measured rows differ from the committed ones of the same training."""
    found = []
    for row in measured:
        (was,) = (c for c in committed if TABLE.key_of(c) == TABLE.key_of(row))
        if all(row[k] == was[k] for k in ("processor", "tensorflow", "keras", "numpy", "threads")):
            other = [k for k in TABLE.columns if k != "seconds" and row[k] != was[k]]
        else:  # another machine: the digits differ, the network does not
            band = {"test_accuracy": 0.01, "test_loss": 0.05}
            if row["pixels"] == "raw" and row["reading"] != "logits":
                band = {"test_loss": 0.1}  # ties move many answers at once
            other = [k for k, by in band.items() if abs(float(row[k]) - float(was[k])) > by]
        found += [(row["recipe"], row["pixels"], row["reading"], name) for name in other]
    return found


@pytest.mark.slow
def test_committed_results_are_what_the_command_measures(tmp_path: Path) -> None:
    try:
        digits = data.load_mnist(allow_sample=False)
    except data.DataError:
        pytest.skip("the committed results are of MNIST, and it is not here")
    path = tmp_path / "rows.csv"
    subprocess.run(command("fnn_sigmoid", "--seeds", 1, "--output", path), check=True)
    measured, _ = TABLE.read(path)
    committed, _ = TABLE.read(reproduction.FILE)
    assert {row["data"] for row in [*measured, *committed]} == {training.data_digest(digits)}
    assert differences(measured, committed) == []
    wrong = [row | {"test_loss": repr(float(row["test_loss"]) + 0.2)} for row in measured]
    assert len(differences(wrong, committed)) >= len(measured)


def test_committed_results_are_complete() -> None:
    rows, complaint = TABLE.read(reproduction.FILE)
    assert complaint == ""
    expected = {key for t in sweep.plan([], 10, None) for key in AT_THE_END.keys(t)}
    assert {TABLE.key_of(row) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        if row["reading"] == "evaluate":  # gives no answers, only how many are right
            continue
        counts = [int(n) for n in row["confusion"].split()]
        right = sum(counts[::11])
        assert (sum(counts), right / 10_000) == (10_000, float(row["test_accuracy"]))
        by_class = [sum(counts[i : i + 10]) - counts[11 * i // 10] for i in range(0, 100, 10)]
        assert row["errors_by_class"] == " ".join(map(str, by_class))
