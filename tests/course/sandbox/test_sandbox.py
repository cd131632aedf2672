"""The walls: what a sandbox shows, what a scratch folder may hold, what crosses as a value."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mnist_lab.course.sandbox import process, serialization
from mnist_lab.course.sandbox.kernel_client import Kernel, KernelError
from mnist_lab.course.sandbox.proxies import (
    LearnerError,
    Objects,
    Proxy,
    TamperedError,
    WrongKindError,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS"),
]

INSIDE = """
import collections
import numpy as np
def double(x): return x * 2
def stub(): raise NotImplementedError("01")
def refuse(): raise ValueError("no\\n\\x1b[31mcolour")
class Everything:
    __eq__ = lambda *_: True
class Tensor:
    def __array__(self, dtype=None, copy=None): return np.ones(3)
everything, tensor = Everything(), Tensor()
counter = collections.Counter("abba")
mixed = [1, Tensor(), (2, np.float32(3))]
large = np.zeros(10**7)
objects = np.array([print], dtype=object)
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_DATA", "sample")
        with Kernel("process", memory=4096) as started:
            started.deadline = time.monotonic() + 120
            assert started.run(INSIDE)["status"] == "ok"
            yield started


@pytest.fixture
def learner(kernel: Kernel) -> dict[str, Any]:
    kernel.failure, kernel.deadline = None, time.monotonic() + 30
    names = ("double", "stub", "refuse", "everything", "tensor", "counter", "mixed", "large")
    return Objects(kernel).named([*names, "objects", "undefined"])


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2.5, float("inf"), "é", [1, (2, "x")], {"a": [1], 3: None}, {(1, 2): ()}],
)
def test_values_travel_by_their_exact_type(value: Any) -> None:
    copy = serialization.decode(serialization.encode(value, bytes, repr), bytes, repr)
    assert copy == value
    assert type(copy) is type(value)


def test_arrays_travel_and_pickles_do_not() -> None:
    for array in (np.arange(6).reshape(2, 3), np.float32(2.5), np.array(["ab"])):
        copy = serialization.decode(serialization.encode(array, bytes, repr), bytes, repr)
        assert type(copy) is type(array)
        assert np.array_equal(copy, array)
    assert "reference" in serialization.encode(np.array([object()]), bytes, repr)
    pickled = base64.b64decode("k05VTVBZAQA=") + b"\x80\x04N."
    with pytest.raises(ValueError):
        serialization.decode({"array": pickled}, bytes, repr)
    assert "reference" in serialization.encode(np.empty(10**12, "V0"), bytes, repr)
    file = io.BytesIO()
    np.save(file, np.empty(10**12, "V0"))
    with pytest.raises(ValueError, match="more elements than bytes"):  # as a list it fits nowhere
        serialization.decode({"array": file.getvalue()}, bytes, repr)


@pytest.mark.parametrize(
    "data",
    [
        {"dict": [[{"reference": [0, "x"]}, 1]]},  # proxies are no keys
        {"set": [{"list": []}]},
        {"namedtuple": ["P", ["a"], [1, 2]]},
        {"namedtuple": ["P", [f"a{i}" for i in range(10**5)], []]},
        {"Decimal": "many"},
        {"dtype": "no type"},
        {"objects": [[10**9], [1]]},
        {"unheard-of": 1},
        {"list": 3},
        {},
        {"list": [], "tuple": []},
    ],
)
def test_forged_answers_are_tampered(data: Any) -> None:
    class Forger:
        def evaluate(self, *_: object) -> dict[str, str]:
            return {"value": json.dumps(data)}

    objects = Objects(Forger())
    with pytest.raises(TamperedError, match="makes no sense") as raised:
        objects.named(["anything"])
    assert objects.tampered is raised.value


def test_names_of_fields_are_names_and_no_code() -> None:
    data = {"namedtuple": ["x; 1 / 0", ["a=print(1)", "class", "b"], [1, 2, 3]]}
    copy = serialization.decode(data, bytes, repr)
    assert (copy, copy._fields, copy.b) == ((1, 2, 3), ("_0", "_1", "b"), 3)


def test_values_of_own_classes_are_what_they_hold() -> None:
    class Everything(int):
        __eq__ = lambda *_: True  # noqa: E731
        __hash__ = None  # type: ignore[assignment]

    class Liar(list):  # type: ignore[type-arg]
        __len__ = lambda _: 10  # noqa: E731
        __iter__ = lambda _: iter(range(10))  # noqa: E731

    for value, plain in ((Everything(7), 7), (Liar([1]), [1])):
        copy = serialization.decode(serialization.encode(value, bytes, repr), bytes, repr)
        assert (type(copy), copy) == (type(plain), plain)


def test_what_is_too_large_or_too_deep_stays_where_it_is() -> None:
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    broad = np.broadcast_to(np.float64(1), (10**6, 10**6))
    for value in (broad, [0] * 10**6, dict.fromkeys(range(10**6)), b"x" * 10**7, 1 << 10**6):
        assert "reference" in serialization.encode(value, bytes, type, 10**6)
    assert "reference" in str(serialization.encode(deep, bytes, type))


def test_proxies_give_values_and_never_verdicts(learner: dict[str, Any]) -> None:
    assert "undefined" not in learner
    assert learner["double"](21) == 42
    assert np.array_equal(learner["double"](np.ones((2, 2))), np.full((2, 2), 2.0))
    assert learner["mixed"][2] == (2, np.float32(3))
    assert np.array_equal(np.asarray(learner["mixed"][1]), np.ones(3))
    assert (learner["tensor"] == np.ones(3)).all()
    assert learner["tensor"].__class__.__name__ == "Tensor"
    assert (len(learner["counter"]), learner["counter"]["a"]) == (2, 2)
    assert sorted(learner["counter"]) == ["a", "b"]
    assert type(learner["large"]) is Proxy
    assert (learner["large"].shape, learner["large"].max()) == ((10**7,), 0)
    with pytest.raises(WrongKindError, match=r"compare with 'x', and found .* Tensor\. Return pl"):
        assert learner["tensor"] == "x"
    with pytest.raises(WrongKindError, match="needs True or False"):
        assert learner["tensor"]
    with pytest.raises(WrongKindError, match="array of numbers"):
        np.asarray(learner["objects"])
    with pytest.raises(TamperedError, match="equals everything"):
        assert learner["everything"] == 3


def test_exceptions_inside_keep_their_kind(learner: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        learner["stub"]()
    with pytest.raises(ValueError, match="no \ufffd\\[31mcolour") as caught:
        learner["refuse"]()
    assert isinstance(caught.value, LearnerError)
    with pytest.raises(ValueError, match="A check cannot pass a function to learners' code"):
        learner["double"](lambda: 3)


def test_a_kernel_goes_on_after_an_interrupt(kernel: Kernel) -> None:
    kernel.failure, kernel.deadline = None, time.monotonic() + 1
    with pytest.raises(KernelError, match="longer than the time limit"):
        kernel.run("while True: pass")
    with pytest.raises(KernelError):  # until the failure was taken note of
        kernel.run("1")
    kernel.failure, kernel.deadline = None, time.monotonic() + 30
    assert kernel.alive
    assert kernel.run("1")["status"] == "ok"


def test_a_kernel_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "environment", lambda *_: {"PYTHONHOME": "/nowhere"})
    with pytest.raises(ValueError, match=r"No kernel started \(process\): It ended the kernel"):
        Kernel("process", memory=4096)
