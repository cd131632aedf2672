"""Where work goes: to processes that end with their parent, or to a cluster that must be there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mnist_lab.course import CourseError
from mnist_lab.course.experiments import parallel

PARENT = """
import sys, time
import joblib
from mnist_lab.course.experiments.parallel import workers

def task(seconds):
    print("begun", flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    with workers(2, None):
        joblib.Parallel(batch_size=1)(joblib.delayed(task)(float(s)) for s in sys.argv[1:])
"""


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """A worker in a task and a worker without one; and what looks after their files, as well."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), "0", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in "12"] == ["begun\n"] * 2
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    assert len(children) >= 2
    assert alive == []


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1", "gopher://127.0.0.1:9"])
def test_cluster_that_is_not_there_is_said_in_a_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "SECONDS", 0.5)
    said = f"No Dask scheduler answers at {address} .*or correct the address"
    with pytest.raises(CourseError, match=said), parallel.workers(1, address):
        pass
