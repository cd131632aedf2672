"""Fixtures for the tests of the data room, which name this module in ``pytest_plugins``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from data_room import Arrays, Server, parts_of, random_arrays, serving

from mnist_lab import data
from mnist_lab.data import Digits, _mirrors, _proof


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> Arrays:
    """Random arrays that the package takes for MNIST in this test."""
    arrays = random_arrays(0)
    monkeypatch.setattr(_proof, "PARTS", parts_of(arrays))
    return arrays


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no cache, no MNIST_LAB_DATA, no mirror, no proxy on the way to loopback."""
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    for name in ("MNIST_LAB_DATA", *proxies):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MNIST_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(_mirrors, "MIRRORS", ())
    return tmp_path


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the sample, which takes a second to make."""
    stand_in = Digits(**random_arrays(9), source="The sample.", is_mnist=False)
    monkeypatch.setattr(data, "load_sample", lambda: stand_in)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback that is a mirror, or several."""
    with serving() as running:
        yield running
