"""Many trainings: what is planned, what is kept after a kill, on a cluster, and to the last bit."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from mnist_lab import data, reproduction
from mnist_lab.course.experiments import sweep, training
from mnist_lab.course.experiments.training import COLUMNS, Training

TESTS = Path(__file__).resolve().parent


def command(*arguments, **environ):
    return {
        "args": [sys.executable, "-m", "mnist_lab.course.cli", "reproduce", *map(str, arguments)],
        "env": os.environ | {"MNIST_LAB_DATA": "sample"} | environ,
        "cwd": TESTS.parent,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def a_row(**values):
    counts = " ".join(["1"] * 100)
    row = dict.fromkeys(COLUMNS, "0") | {"recipe": "cnn", "pixels": "raw", "reading": "outputs"}
    return row | {"seconds": "1", "epochs": "10", "confusion": counts, "data": "0f"} | values


# ---------------------------------------------------------------------------- what is planned


def test_plan_has_every_recipe_as_printed_and_on_scaled_pixels():
    trainings = sweep.plan([], seeds=10, epochs=None)
    assert len(trainings) == len(set(trainings)) == 130
    forms = {(t.recipe, t.pixels) for t in trainings}
    assert ("deep_dropout_ann", "raw") not in forms  # its page shows that it scales
    assert {("fnn_sigmoid", "raw"), ("fnn_sigmoid", "scaled"), ("dnn_csv", "raw")} <= forms
    assert {t.epochs for t in trainings} == {10}


def test_sigmoid_outputs_are_read_in_three_ways():
    assert Training("fnn_sigmoid", "raw", 0, 10).readings == ("evaluate", "outputs", "logits")
    assert Training("fnn_softmax", "raw", 0, 10).readings == ("outputs",)


def test_unknown_recipe_is_named():
    with pytest.raises(ValueError, match=r"no recipe 'resnet': choose from .*cnn"):
        sweep.plan(["resnet"], 1, None)


# ---------------------------------------------------------------------------- the file


def test_rows_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "new" / "rows.csv"
    assert sweep.read(path) == ([], "")
    sweep.append(path, [a_row(processor="One, two")])
    sweep.append(path, [a_row(test_loss=repr(0.1 + 0.2))])
    rows, complaint = sweep.read(path)
    assert [row["processor"] for row in rows] == ["One, two", "0"]
    assert float(rows[1]["test_loss"]) == 0.1 + 0.2
    assert complaint == ""


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_cut_last_line_is_noticed(tmp_path, keep):
    path = tmp_path / "rows.csv"
    sweep.append(path, [a_row()])
    whole = path.read_text()
    sweep.append(path, [a_row(seed="1")])
    last = path.read_text()[len(whole) :]
    path.write_text(whole + last[: int(len(last) * keep)])
    rows, complaint = sweep.read(path)
    assert (len(rows), complaint[:6]) == (1, "Line 3")


def test_last_line_of_rubbish_and_cut_header_are_noticed(tmp_path):
    path = tmp_path / "rows.csv"
    sweep.append(path, [a_row()])
    whole = path.read_text()
    path.write_text(whole + ",".join("x" * len(COLUMNS)) + "\n")
    rows, complaint = sweep.read(path)
    assert (len(rows), complaint[:6]) == (1, "Line 3")
    path.write_text(whole[:20])
    assert sweep.read(path) == ([], f"Line 1 of {path} is broken: it is written again.")


def test_training_that_diverged_is_a_training(tmp_path):
    path = tmp_path / "rows.csv"
    sweep.append(path, [a_row(train_loss="nan", test_loss="nan"), a_row(seed="1")])
    rows, complaint = sweep.read(path)
    assert (len(rows), complaint) == (2, "")


@pytest.mark.parametrize("column", ["seed", "test_accuracy", "validation_loss", "ties", "threads"])
def test_last_line_with_a_word_for_a_number_is_noticed(tmp_path, column):
    path = tmp_path / "rows.csv"
    sweep.append(path, [a_row(), a_row(**{column: "junk"})])
    rows, complaint = sweep.read(path)
    assert (len(rows), complaint[:6]) == (1, "Line 3")


def test_line_broken_in_the_middle_stops_the_command(tmp_path):
    path = tmp_path / "rows.csv"
    sweep.append(path, [a_row()])
    with path.open("a") as file:
        file.write("cnn,raw\n")
    sweep.append(path, [a_row()])
    with pytest.raises(ValueError, match=r"Line 3 of .* is broken: mend it or delete it\."):
        sweep.read(path)


def test_other_files_and_other_digits_are_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"is not a file of reproduce"):
        sweep.read(path)
    path.unlink()
    sweep.append(path, [a_row()])
    with pytest.raises(ValueError, match=r"other digits .* name another file with --output"):
        sweep.reproduce([], data.load_sample(), path, jobs=1, threads=1)


# ---------------------------------------------------------------------------- long runs


def keys(path):
    return [tuple(row[name] for name in COLUMNS[:5]) for row in sweep.read(path)[0]]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no process group to kill")
def test_killed_and_called_again_it_repeats_and_loses_nothing(tmp_path):
    path = tmp_path / "rows.csv"
    small = ("fnn_sigmoid", "--seeds", 3, "--epochs", 1, "--output", path)
    first = subprocess.Popen(**command(*small), start_new_session=True)
    end = time.monotonic() + 300
    while len(keys(path)) < 3 and time.monotonic() < end:
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    survived = path.read_bytes()
    done = len(keys(path)) // 3
    path.write_bytes(survived + b"fnn_sigmoid,sca")  # as if the power had failed
    again = subprocess.run(**command(*small), check=True, timeout=300)
    assert f"Line {3 * done + 2} of {path} is broken" in again.stderr
    assert f"{6 - done} trained, {done} were there" in again.stdout
    assert path.read_bytes().startswith(survived)
    assert len(keys(path)) == len(set(keys(path))) == 18
    idle = subprocess.run(**command(*small), check=True, timeout=300)
    assert "0 trained, 6 were there" in idle.stdout


def test_cluster_loses_no_training_with_a_worker(tmp_path):
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "rows.csv"
    trainings = sweep.plan(["fnn_softmax"], 3, 1)

    def kill_one():
        end = time.monotonic() + 300
        while not keys(path) and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        killer = threading.Thread(target=kill_one)
        killer.start()
        done = sweep.reproduce(
            trainings,
            data.load_sample(),
            path,
            jobs=1,
            threads=1,
            cluster=cluster.scheduler_address,
        )
        killer.join()
    assert done == 6
    assert len(keys(path)) == len(set(keys(path))) == 6


def test_cluster_that_is_not_there_is_said_in_a_sentence(tmp_path):
    pytest.importorskip("distributed")
    result = subprocess.run(
        **command("cnn", "--cluster", "tcp://127.0.0.1:9", "--output", tmp_path / "x.csv"),
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    assert "127.0.0.1:9" in result.stderr.splitlines()[-1]


# ---------------------------------------------------------------------------- to the last bit


def test_other_threads_in_one_process_are_refused_in_a_sentence():
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


def differences(measured, committed):
    """Say where measured rows differ from the committed ones of the same training."""
    found = []
    for row in measured:
        (was,) = (c for c in committed if all(c[k] == row[k] for k in COLUMNS[:5]))
        if all(row[k] == was[k] for k in ("processor", "tensorflow", "keras", "numpy", "threads")):
            other = [k for k in COLUMNS if k != "seconds" and row[k] != was[k]]
        else:  # another machine: the digits differ, the network does not
            band = {"test_accuracy": 0.01, "test_loss": 0.05}
            if row["pixels"] == "raw" and row["reading"] != "logits":
                band = {"test_loss": 0.1}  # ties move many answers at once
            other = [k for k, by in band.items() if abs(float(row[k]) - float(was[k])) > by]
        found += [(row["recipe"], row["pixels"], row["reading"], name) for name in other]
    return found


def test_committed_results_are_what_the_command_measures(tmp_path):
    try:
        digits = data.load_mnist(allow_sample=False)
    except data.DataError:
        pytest.skip("the committed results are of MNIST, and it is not here")
    path = tmp_path / "rows.csv"
    subprocess.run(
        **command(
            "fnn_sigmoid",
            "--seeds",
            1,
            "--output",
            path,
            MNIST_LAB_DATA=os.environ.get("MNIST_LAB_DATA", "auto"),
        ),
        check=True,
    )
    measured, _ = sweep.read(path)
    committed, _ = sweep.read(reproduction.FILE)
    assert {row["data"] for row in [*measured, *committed]} == {training.data_digest(digits)}
    assert differences(measured, committed) == []
    wrong = [row | {"test_loss": repr(float(row["test_loss"]) + 0.2)} for row in measured]
    assert len(differences(wrong, committed)) >= len(measured)


def test_committed_epochs_pass_through_the_committed_results():
    """Two commands, two processors: at the published epoch they measured the same."""
    by_epoch = pd.read_csv(reproduction.FILE.with_name("epochs.csv"))
    assert by_epoch.groupby("seed").epochs.apply(list).to_list() == [list(range(1, 21))] * 10
    keys = ["recipe", "seed", "epochs"]
    rows = reproduction.reproduction().query("recipe == 'deep_dropout_ann'")
    rows = rows.pivot(index=keys, columns="reading", values=["test_loss", "test_accuracy"])
    ten = by_epoch.set_index(keys).loc[rows.index]
    assert (ten.test_loss == rows["test_loss", "evaluate"]).all()
    assert (ten.test_accuracy == rows["test_accuracy", "evaluate"]).all()
    assert (ten.matrix_accuracy == rows["test_accuracy", "outputs"]).all()


def test_committed_results_are_complete():
    rows, complaint = sweep.read(reproduction.FILE)
    assert complaint == ""
    expected = {key for t in sweep.plan([], 10, None) for key in t.row_keys()}
    assert {tuple(row[name] for name in COLUMNS[:5]) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        if row["reading"] == "evaluate":  # gives no answers, only how many are right
            continue
        counts = [int(n) for n in row["confusion"].split()]
        right = sum(counts[::11])
        assert (sum(counts), right / 10_000) == (10_000, float(row["test_accuracy"]))
        by_class = [sum(counts[i : i + 10]) - counts[11 * i // 10] for i in range(0, 100, 10)]
        assert row["errors_by_class"] == " ".join(map(str, by_class))
