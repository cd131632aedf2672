"""How far the lessons are, and how long the rest will take."""

from __future__ import annotations

import pytest

from mnist_lab.course.execution import progress as progress_module
from mnist_lab.course.execution.progress import Progress


def test_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 1000.0
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now)
    expected = {"a": 600.0, "b": 300.0, "c": 300.0}
    with Progress(expected, {"a": 10, "b": 10, "c": 10}, jobs=2) as progress:
        assert progress.seconds_left() == 600  # 1200 s of work for two, and "a" alone takes 600 s
        progress.start("a")
        progress.start("b")
        now += 100
        assert progress.seconds_left() == 500
        now += 50
        progress.finish("b", "b: done")  # in half the time that was expected: so will the others
        progress.start("c")
        progress.cell("a", 4)
        assert progress.seconds_left() == 150
        progress.tick()
        now += 850
        assert progress.seconds_left() == 100  # overdue: it is not about to end at any moment
        progress.finish("a", "a: FAILED", well=False)
        progress.finish("c", "c: done")
        assert progress.seconds_left() == 0
    lines = capsys.readouterr().out.splitlines()
    assert "b: done" in lines
    assert "a at cell 4 of 10, c at cell 0 of 10; about 3 min left" in lines  # where no terminal is
