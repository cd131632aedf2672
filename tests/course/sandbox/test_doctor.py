"""The doctor: it says what to do where there is no sandbox, and notices every leak of one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_lab.course.cli.main import app
from mnist_lab.course.execution.kernels import PACKAGE
from mnist_lab.course.sandbox import doctor, process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap needs Linux")
sandbox_fault = lru_cache(doctor.fault_of_sandbox)


@pytest.fixture(autouse=True)
def small_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")


@pytest.fixture
def sandbox() -> None:
    if fault := sandbox_fault():
        pytest.skip(fault)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    fault = doctor.fault_of_sandbox()
    assert ("is missing" in fault) if sys.platform.startswith("linux") else ("Linux only" in fault)
    with pytest.raises(ValueError, match="There is no sandbox here"):
        doctor.choose_isolation("bwrap")
    assert doctor.choose_isolation("auto") == ("process", fault)


def without(*options: str) -> Callable[[list[str]], list[str]]:
    return lambda command: [part for part in command if part not in options]


def showing(option: str, *places: str) -> Callable[[list[str]], list[str]]:
    def leak(command: list[str]) -> list[str]:
        shown = [part for place in places for part in (option, place, place)]
        end = command.index("--remount-ro")
        return [*command[:end], *shown, *command[end:]]

    return leak


# what is wrong with a sandbox -> how it comes about, and what is said of it
LEAKS = {
    "network": (without("--unshare-net"), "reaches the network, reaches the socket @"),
    "processes": (without("--unshare-pid"), "sees processes"),
    "home": (showing("--ro-bind", "{home}"), "reads {home}/.mnist-lab-doctor-"),
    "current folder": (showing("--ro-bind", "{here}"), "reads {here}/.mnist-lab-doctor-"),
    "writing": (showing("--bind", "{here}"), "changes {here}"),
    "settings": (showing("--ro-bind", "/etc"), "reads /etc/passwd"),
    "sockets": (showing("--bind", "{temporary}"), "reaches the socket {temporary}/"),
}


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", LEAKS)
def test_every_leak_is_noticed(
    name: str, sandbox: None, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak, said = LEAKS[name]
    places = {"home": str(tmp_path / "home"), "here": str(tmp_path / "here")}
    for place in places.values():
        Path(place).mkdir()
    places["temporary"] = stack.enter_context(tempfile.TemporaryDirectory())  # a short name
    monkeypatch.setattr(tempfile, "tempdir", places["temporary"])
    monkeypatch.setenv("HOME", places["home"])
    monkeypatch.chdir(places["here"])
    closed = process.sandboxed

    def leaking(scratch: Path, sockets: Path) -> list[str]:
        return [part.format(**places) for part in leak(closed(scratch, sockets))]

    monkeypatch.setattr(process, "sandboxed", leaking)
    fault = doctor.fault_of_sandbox()
    assert said.format(**places) in fault
    assert not [*Path(places["home"]).iterdir(), *Path(places["here"]).iterdir()]


@linux
@pytest.mark.slow
def test_a_leak_of_the_environment_is_noticed(
    sandbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = process.environment
    monkeypatch.setattr(process, "environment", lambda *of: {**os.environ, **closed(*of)})
    assert "sees the environment" in doctor.fault_of_sandbox()


@linux
@pytest.mark.slow
def test_memory_without_a_bound_is_noticed(sandbox: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "holds_more", lambda *_: False)
    monkeypatch.setattr(process, "filter_of_calls", lambda: b"")
    fault = doctor.fault_of_sandbox()
    for what in ("memory files", "shared memory", "without a limit in several processes"):
        assert what in fault


@linux
def test_advice_tells_python_from_the_system(
    sandbox: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "environment", lambda *_: {"PYTHONHOME": "/nowhere"})
    assert "make a new environment with python -m venv" in doctor.fault_of_sandbox()
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho setting up uid map: Permission denied >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    fault = doctor.fault_of_sandbox()
    assert "bubblewrap itself does not work (setting up uid map: Permission denied)" in fault
    assert "allow user namespaces" in fault


@linux
def test_the_command_says_what_may_be_read(sandbox: None) -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    assert f"  {Path(sys.prefix).resolve()}\n" in result.output
    assert "does not prevent three things: many files that fill the disk" in result.output


CHAIN = """
import sys
from mnist_lab.course.sandbox.doctor import fault_of_sandbox
print(sys.executable, sys.base_prefix)
sys.exit(fault_of_sandbox() or 0)
"""


@linux
@pytest.mark.slow
def test_python_behind_links_to_links(sandbox: None, tmp_path: Path) -> None:
    """As uv and others make environments: each link in a folder of its own, one to a folder."""
    base = Path(sys.executable).resolve()
    (tmp_path / "installed").symlink_to(base.parent.parent)
    (tmp_path / "latest").symlink_to("installed")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(f"../latest/bin/{base.name}")
    (tmp_path / "bin" / "python").symlink_to(tmp_path / "bin" / "python3")
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to("python3")
    (environment / "bin" / "python3").symlink_to(tmp_path / "bin" / "python")
    (environment / "pyvenv.cfg").write_text(f"home = {tmp_path / 'bin'}\n")
    packages = "lib/python{}.{}/site-packages".format(*sys.version_info)
    (environment / packages).parent.mkdir(parents=True)
    (environment / packages).symlink_to(Path(sys.prefix) / packages)
    course = str(PACKAGE.parent)
    tried = subprocess.run(
        [environment / "bin" / "python", "-c", CHAIN],
        env={**os.environ, "PYTHONPATH": course},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.stdout.startswith(f"{environment}/bin/python ")
    assert tried.returncode == 0, tried.stderr
