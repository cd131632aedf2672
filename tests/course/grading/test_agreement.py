"""What a notebook's own check calls right is right when it is graded, whatever type it has.

Each value is checked twice by each check: where it is, as in the learner's notebook, and from
outside its kernel, as the grader does it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mnist_lab.course.grading import checks
from mnist_lab.course.grading.checks import Task
from mnist_lab.course.sandbox.kernel_client import Kernel
from mnist_lab.course.sandbox.proxies import Objects

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS"),
]

SETUP = """
import array, collections, decimal, enum, fractions, tempfile, typing
import numpy as np, pandas as pd
Pair = collections.namedtuple("Pair", "low high")
class Ends(typing.NamedTuple):
    low: float
    high: float
class Number(enum.IntEnum):
    two = 2
class Name(str, enum.Enum):
    a = "a"
    b = "b"
class Plain(enum.Enum):
    a = 1
class Share(float): pass
class Row(list): pass
class Table(dict): pass
class Tensor(np.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, value): self.value = np.asarray(value)
    def __array__(self, dtype=None, copy=None): return self.value
    def __array_ufunc__(self, ufunc, method, *inputs, **more):
        more.pop("out", None)
        plain = (x.value if isinstance(x, Tensor) else x for x in inputs)
        return Tensor(getattr(ufunc, method)(*plain, **more))
    def __getitem__(self, key): return Tensor(self.value[key])
    def __len__(self): return len(self.value)
    def __iter__(self): return map(Tensor, self.value)
    def __bool__(self): return bool(self.value)
    def __float__(self): return float(self.value)
    def __int__(self): return int(self.value)
    def __index__(self): return self.value.__index__()
    def __format__(self, form): return format(self.value.item(), form)
on_disk = np.memmap(tempfile.TemporaryFile(), shape=3, dtype=float, mode="w+")
on_disk[:] = 1, 2, 3
masked = np.ma.array([1.0, 2, 3], mask=[0, 1, 0])
"""
PLAIN = """
2; 2.5; True; 2 + 0j; "ab"; b"ab"; bytearray(b"ab"); None; 10**30; ...; slice(1, 4)
np.float32(2.5); np.float64(2); np.int8(2); np.longdouble(2.5); np.bool_(True); np.str_("ab")
np.array(2.5); np.array(2.5, np.longdouble); np.array(2); np.ma.array(2.5); np.array([2.5])
decimal.Decimal("2.5"); fractions.Fraction(5, 2); Number.two; Name.a; Share(2.5)
[1, 2, 3]; (1, 2, 3); {1, 2, 3}; frozenset([1, 2, 3]); range(1, 4); Row([1, 2, 3])
np.array([1, 2, 3]); np.array([1.0, 2, 3], "float16"); np.array([1, 2, 3], np.longdouble)
np.ma.array([1.0, 2, 3]); masked; masked[1]; on_disk; np.matrix([1, 2, 3]); np.array(["a", "b"])
np.array([1, 2, 3], object); np.rec.array([(1, 2.5)], names="a,b"); np.array([1, None, 3])
collections.deque([1, 2, 3]); np.datetime64("2026-01-01"); np.dtype("float64")
Pair(1, 2); Ends(1, 2.5); {"a": 1, "b": 2}; collections.OrderedDict(a=1, b=2)
collections.OrderedDict(b=2, a=1); collections.Counter("abb"); Table(a=1, b=2)
collections.defaultdict(int, a=1, b=2); collections.defaultdict(lambda: 5, a=1, b=2)
collections.defaultdict(None, a=1, b=2); {Name.a: 1, Name.b: 2}; {b"a": 1}; {frozenset("ab"): 1}
{"a": 1, "b": 2}.keys(); {"a": 1, "b": 2}.values(); {"a": 1, "b": 2}.items()
{(1, "a"): 1, None: 2}; [[1, 2], [3]]; [[]]; []; {}; (); set(); ""
"""
# These stay in the kernel: their content counts, not what their own methods say.
OBJECTS = """
array.array("d", [1, 2, 3]); memoryview(b"ab"); collections.ChainMap({"a": 1, "b": 2})
iter([1, 2, 3]); (n for n in (1, 2, 3)); map(int, "123"); zip("ab", "ab"); enumerate("ab")
pd.Series([1, 2, 3]); pd.Series([1.0, 2, 3]); pd.Series({"a": 1, "b": 2}); pd.Index([1, 2, 3])
pd.DataFrame({"a": [1], "b": [2]}); pd.Categorical(["a", "b"]); pd.Timestamp("2026-01-01")
Tensor(2.5); Tensor(2); Tensor([1, 2, 3]); Tensor([2.5]); Tensor(True)
{Plain.a: 1}; {int: 1, str: 2}; Plain.a; len; int; object()
"""
OF_CONTENT = """
assert value is not None
assert len(value) == 3
assert len(value) == 2 and value["a"] == 1 and value["b"] == 2
assert value[0] == 1
assert list(value) == [1, 2, 3]
assert tuple(value) == (1, 2, 3)
assert sorted(value) == ["a", "b"]
assert [int(item) for item in value] == [1, 2, 3]
assert set(value) == {1, 2, 3}
assert value == 2
assert abs(value - 2.5) < 0.001
assert value + 1 == 3
assert float(value) == 2.5
assert int(value) == 2
assert f"{value:.1f}" == "2.5"
assert [7, 8, 9][value] == 9
assert np.allclose(value, [1, 2, 3])
assert np.array_equal(np.asarray(value), [1, 2, 3])
assert np.shape(value) == (3,)
assert np.mean(value == np.array([1, 2, 3])) == 1
assert value.shape == (3,) and value.max() == 3 and value.min() == 1
assert value.sum() == 6 and value.mean() == 2
assert value.tolist() == [1, 2, 3]
assert value.dtype == np.float64
assert sum(value) == 6
low, middle, high = map(float, value); assert low < middle < high
assert np.asarray(value).argmax() == 2
""".strip().splitlines()
CHECKS = """
assert value is not None
assert value
assert not value
assert len(value) == 3
assert len(value) == 2 and value["a"] == 1 and value["b"] == 2
assert value[0] == 1 and value[-1] == 3 and value[1] < value[2]
assert value[9] == 5 or value["x"] == 5
assert value["x"] in (0, 5)
assert list(value) == [1, 2, 3]
assert tuple(value) == (1, 2, 3)
assert sorted(value) == ["a", "b"]
assert [int(item) for item in value] == [1, 2, 3]
assert set(value) == {1, 2, 3}
assert value == 2
assert value != 2
assert value == [1, 2, 3]
assert value == {"a": 1, "b": 2}
assert value in (2, 2.5)
assert 2 in value
assert "a" in value
assert value < 3
assert 2 <= value <= 3
assert abs(value - 2.5) < 0.001
assert abs(2.5 - value) < 0.001 and round(float(value), 1) == 2.5
assert value + 1 == 3
assert float(value) == 2.5
assert int(value) == 2
assert f"{value:.1f}" == "2.5"
assert [7, 8, 9][value] == 9
assert np.allclose(value, [1, 2, 3])
assert np.array_equal(np.asarray(value), [1, 2, 3])
assert np.shape(value) == (3,)
assert np.shape(value) == ()
assert np.mean(value == np.array([1, 2, 3])) == 1
assert value.shape == (3,) and value.max() == 3 and value.min() == 1
assert value.sum() == 6 and value.mean() == 2
assert value.tolist() == [1, 2, 3]
assert value.dtype == np.float64
assert value.dtype.kind in "fi"
assert sum(value) == 6
low, middle, high = map(float, value); assert low < middle < high
low, high = value; assert low < high
assert (value.low, value.high) == (1, 2)
assert [*value.items()] == [("a", 1), ("b", 2)]
assert isinstance(value, int)
assert isinstance(value, (list, tuple, np.ndarray))
assert isinstance(value, dict)
assert (value > 1).sum() == 2
assert value[value > 1].sum() == 5
assert value[1:].tolist() == [2, 3]
value += 1; assert np.allclose(value, [2, 3, 4])
assert np.asarray(value).argmax() == 2
""".strip().splitlines()


def expressions(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("; ")]


CASES = [
    *(pytest.param(e, CHECKS, id=e) for e in expressions(PLAIN)),
    *(pytest.param(e, OF_CONTENT, id=e) for e in expressions(OBJECTS)),
]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_DATA", "sample")
        with Kernel("process", memory=4096) as started:
            started.deadline = time.monotonic() + 120
            assert started.run(SETUP)["status"] == "ok"
            yield started


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    return names


def in_notebook(expression: str, check: str, names: dict[str, Any]) -> bool:
    try:
        exec(check, {**names, "value": eval(expression, names)})
    except Exception:
        return False
    return True


def when_graded(expression: str, check: str, names: dict[str, Any], kernel: Kernel) -> str:
    kernel.deadline = time.monotonic() + 60
    reply = kernel.run(f"value = {expression}")
    task = Task("01", check, 1, ("value",), (), {})
    result = checks.judge(task, names, Objects(kernel), reply)
    return result.note if result.status != "passed" else ""


@pytest.mark.parametrize(("expression", "asked"), CASES)
def test_notebook_and_grader_agree(
    expression: str, asked: list[str], names: dict[str, Any], kernel: Kernel
) -> None:
    wrong = []
    for check in asked:
        is_right = in_notebook(expression, check, names)
        note = when_graded(expression, check, names, kernel)
        if is_right is bool(note):
            wrong.append(f"{check}   right in the notebook: {is_right}, graded: {note!r}")
    assert not wrong, "\n".join(wrong)
