"""Where the digits come from: every route, every way in which a route can fail, the CSV form.

MNIST itself is not at hand on a bare machine, so most tests put forty small random pictures in its
place and give the package their digests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mnist_lab import _files, data
from mnist_lab.data import DataError, Digits, _formats, _mirrors
from mnist_lab.data._mirrors import Mirror

GIVEN = os.environ.get("MNIST_LAB_DATA", "sample")
Arrays = dict[str, npt.NDArray[Any]]
NAMES = ("x_train", "y_train", "x_test", "y_test")


def random_arrays(seed: int, train: int = 40, test: int = 12) -> Arrays:
    """Noise in the form of MNIST: four arrays, uint8."""
    rng = np.random.default_rng(seed)
    shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
    tops = (256, 10, 256, 10)
    pairs = zip(NAMES, zip(shapes, tops, strict=True), strict=True)
    return {name: rng.integers(0, top, shape, np.uint8) for name, (shape, top) in pairs}


def parts_of(arrays: Arrays) -> tuple[_formats.Part, ...]:
    """What the package has to expect if these arrays are to be MNIST for it."""
    return tuple(
        part._replace(
            shape=arrays[part.name].shape,
            sha256=hashlib.sha256(idx(arrays[part.name])).hexdigest(),
        )
        for part in _formats.PARTS
    )


def idx(array: npt.NDArray[Any]) -> bytes:
    """The bytes of an IDX file, after its published definition."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def npz(arrays: Arrays) -> bytes:
    """The bytes of an .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> Arrays:
    """Random arrays that the package takes for MNIST in this test."""
    arrays = random_arrays(0)
    for module in (_formats, _mirrors):
        monkeypatch.setattr(module, "PARTS", parts_of(arrays))
    return arrays


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no cache, no MNIST_LAB_DATA, no mirror."""
    monkeypatch.delenv("MNIST_LAB_DATA", raising=False)
    monkeypatch.setenv("MNIST_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(_mirrors, "MIRRORS", ())
    return tmp_path


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the sample, which takes a second to make."""
    stand_in = Digits(**random_arrays(9), source="The sample.", is_mnist=False)
    monkeypatch.setattr(data, "load_sample", lambda: stand_in)


def same(digits: Digits, arrays: Arrays) -> bool:
    """Whether these are the digits, proven."""
    return digits.is_mnist and all(np.array_equal(getattr(digits, n), arrays[n]) for n in NAMES)


# The routes that need no network


def as_npz(folder: Path, arrays: Arrays) -> Path:
    (folder / "mnist.npz").write_bytes(npz(arrays))
    return folder / "mnist.npz"


def as_idx(folder: Path, arrays: Arrays, dot: str = "-", gz: bool = False) -> Path:
    for stem, name in zip(
        ("train-images", "train-labels", "t10k-images", "t10k-labels"), NAMES, strict=True
    ):
        content = idx(arrays[name])
        path = folder / f"{stem}{dot}idx{arrays[name].ndim}-ubyte{'.gz' * gz}"
        path.write_bytes(gzip.compress(content) if gz else content)
    return path


def as_csv(folder: Path, arrays: Arrays) -> Path:
    return data.to_csv(Digits(**arrays, source="", is_mnist=False), folder)[1]


FORMS: dict[str, Callable[[Path, Arrays], Path]] = {
    "npz": as_npz,
    "idx": as_idx,
    "idx with a dot": lambda folder, arrays: as_idx(folder, arrays, dot="."),
    "idx.gz": lambda folder, arrays: as_idx(folder, arrays, gz=True),
    "idx.gz with a dot": lambda folder, arrays: as_idx(folder, arrays, dot=".", gz=True),
    "csv": as_csv,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", ["file", "folder"])
def test_every_form_by_argument_and_environment(
    form: str, what: str, mnist: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = FORMS[form](tmp_path, mnist)
    path = file if what == "file" else tmp_path
    by_argument = data.load_mnist(path)
    monkeypatch.setenv("MNIST_LAB_DATA", str(path))
    by_environment = data.load_mnist()
    assert same(by_argument, mnist) and same(by_environment, mnist)
    assert by_argument.source == (
        "MNIST, from the path given by load_mnist (proven by its digests)."
    )
    assert by_environment.source == (
        "MNIST, from the path given by MNIST_LAB_DATA (proven by its digests)."
    )
    assert all(getattr(by_argument, name).flags.writeable for name in NAMES)


def test_a_file_is_not_replaced_by_its_neighbours(mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(npz(random_arrays(1)))
    assert same(data.load_mnist(as_idx(tmp_path, mnist)), mnist)
    as_idx(tmp_path, random_arrays(1))
    assert same(data.load_mnist(as_csv(tmp_path, mnist)), mnist)
    with pytest.raises(DataError, match=r"mnist\.npz: not MNIST"):
        data.load_mnist(tmp_path)


def test_argument_comes_before_environment(
    mnist: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "/nowhere")
    assert same(data.load_mnist(as_npz(tmp_path, mnist)), mnist)


@pytest.mark.usefixtures("sample")
def test_sample_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data.load_mnist("sample").source == "The sample."
    monkeypatch.setenv("MNIST_LAB_DATA", "sample")
    assert data.load_mnist().source == "The sample."
    with pytest.raises(
        DataError, match=r"MNIST_LAB_DATA asks for the sample, .* set MNIST_LAB_DATA"
    ):
        data.load_mnist(allow_sample=False)


def test_own_cache_comes_before_keras_cache(mnist: Arrays, home: Path) -> None:
    for folder in (home / "cache", home / "keras/datasets"):
        folder.mkdir(parents=True)
        as_npz(folder, mnist)
    assert "from the course's cache (" in data.load_mnist().source
    (home / "cache/mnist.npz").unlink()
    assert "from Keras' cache (" in data.load_mnist().source


def tree(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder, hidden files too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_keras_cache_is_only_read(mnist: Arrays, home: Path) -> None:
    (home / "keras/datasets").mkdir(parents=True)
    as_npz(home / "keras/datasets", mnist)
    before = tree(home)
    assert same(data.load_mnist(), mnist)
    assert tree(home) == before


# Files that are not what they should be


def raw_npz(**members: bytes) -> bytes:
    """An .npz whose members are whatever one likes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


class Boom:
    """Unpickling it ends the tests."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (66,)


ZEROS = bytes(50_000_000)
# Version 2.0 allows a header of 4 GB: this one declares fifty million bytes of header.
LONG_HEADER = b"\x93NUMPY\x02\x00" + len(ZEROS).to_bytes(4, "little") + ZEROS

WRONG_NPZ: dict[str, tuple[Callable[[Arrays], bytes], str]] = {
    "cut short": (lambda a: npz(a)[:-2000], "cannot be read .BadZipFile"),
    "a web page": (
        lambda a: b"<!DOCTYPE html><title>Sign in</title>",
        "cannot be read .BadZipFile",
    ),
    "empty": (lambda a: b"", "cannot be read .BadZipFile"),
    "bytes changed": (lambda a: npz(a).replace(npz(a)[500:600], bytes(100)), "cannot be read"),
    "other names": (
        lambda a: npz({"images": a["x_train"], "labels": a["y_train"]}),
        "there is no array x_train, only: images, labels",
    ),
    "pickle": (
        lambda a: raw_npz(x_train=npy(np.array([Boom()], dtype=object))),
        "pickled Python objects, never loaded",
    ),
    "int64": (lambda a: npz(a | {"x_train": a["x_train"].astype(int)}), "x_train has dtype int64"),
    "flat": (
        lambda a: npz(a | {"x_train": a["x_train"].reshape(40, 784)}),
        r"x_train has shape \(40, 784\), in MNIST it has \(40, 28, 28\)",
    ),
    "bomb by shape": (
        lambda a: raw_npz(x_train=npy_header((10_000_000, 28, 28)) + ZEROS),
        r"x_train has shape \(10000000, 28, 28\)",
    ),
    "bomb by size": (
        lambda a: raw_npz(x_train=npy_header((40, 28, 28)) + ZEROS),
        "x_train declares 50,000,128 bytes",
    ),
    "bomb in the header": (lambda a: raw_npz(x_train=LONG_HEADER), "x_train has a header that"),
    "other digits": (
        lambda a: npz(random_arrays(1)),
        "not MNIST, x_train, y_train, x_test, y_test differ: .*Fashion-MNIST",
    ),
    "one pixel": (
        lambda a: npz(a | {"x_test": a["x_test"] ^ (np.arange(784).reshape(28, 28) == 400)}),
        "not MNIST, x_test differ",
    ),
    "one label": (
        lambda a: npz(a | {"y_test": np.roll(a["y_test"], 1)}),
        "not MNIST, y_test differ",
    ),
    "swapped": (
        lambda a: npz(dict(zip(NAMES, [a[n] for n in NAMES[2:] + NAMES[:2]], strict=True))),
        "training and test digits are swapped, exchange them",
    ),
    "inverted": (
        lambda a: npz(a | {"x_train": 255 - a["x_train"], "x_test": 255 - a["x_test"]}),
        "x_train, x_test differ: pixels are inverted, store 255 - x",
    ),
    "transposed": (
        lambda a: npz(
            a | {"x_train": a["x_train"].swapaxes(1, 2), "x_test": a["x_test"].swapaxes(1, 2)}
        ),
        "x_train, x_test differ: rows and columns are exchanged",
    ),
}


@pytest.mark.parametrize("fault", WRONG_NPZ)
def test_wrong_npz_is_named_and_left_alone(fault: str, mnist: Arrays, tmp_path: Path) -> None:
    build, message = WRONG_NPZ[fault]
    path = tmp_path / "digits.npz"
    path.write_bytes(build(mnist))
    before = tree(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(
            DataError, match=rf"load_mnist names .*digits\.npz: .*{message}.*; give"
        ):
            data.load_mnist(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "unpacked what it should not"
    finally:
        tracemalloc.stop()
    assert tree(tmp_path) == before


def cut(content: bytes) -> bytes:
    return content[:-1]


WRONG_IDX: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "cut short": ("train-images-idx3-ubyte", cut, "has too few bytes"),
    "too long": ("train-images-idx3-ubyte", lambda b: b + b"0", "has too many bytes"),
    "gzip cut short": (
        "t10k-labels-idx1-ubyte",
        lambda b: cut(gzip.compress(b)),
        "cannot be read .EOFError",
    ),
    "gzip bomb": (
        "t10k-labels-idx1-ubyte",
        lambda b: gzip.compress(b + ZEROS, 1),
        "has too many bytes",
    ),
    "a web page": ("t10k-labels-idx1-ubyte", lambda b: b"<html>", "does not begin with the IDX"),
    "empty": ("t10k-labels-idx1-ubyte", lambda b: b"", "does not begin with the IDX"),
    "header cut short": ("t10k-images-idx3-ubyte", lambda b: b[:9], "cannot be read .error"),
    "labels for images": (
        "t10k-images-idx3-ubyte",
        lambda b: idx(np.zeros(12, np.uint8)),
        "does not begin with the IDX header of x_test",
    ),
    "test for training": (
        "train-labels-idx1-ubyte",
        lambda b: idx(np.zeros(12, np.uint8)),
        r"y_train has shape \(12,\), in MNIST it has \(40,\); training and test .* swapped",
    ),
}


@pytest.mark.parametrize("fault", WRONG_IDX)
def test_wrong_idx_is_named(fault: str, mnist: Arrays, tmp_path: Path) -> None:
    name, spoil, message = WRONG_IDX[fault]
    as_idx(tmp_path, mnist)
    path = tmp_path / name
    path.write_bytes(spoil(path.read_bytes()))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"{name}: .*{message}.*; give"):
            data.load_mnist(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "unpacked what it should not"
    finally:
        tracemalloc.stop()


def test_unpacked_idx_that_kept_its_gz_name(mnist: Arrays, tmp_path: Path) -> None:
    as_idx(tmp_path, mnist)
    for path in tmp_path.glob("*-ubyte"):
        path.rename(path.with_name(path.name + ".gz"))
    assert same(data.load_mnist(tmp_path), mnist)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte: cannot be read .FileNotFoundError"),
        ("", "there is no such file or folder"),
        ("*", "there is no mnist.npz, train-images-idx3-ubyte.* or mnist_train.csv"),
    ],
)
def test_missing_files_are_named(missing: str, message: str, mnist: Arrays, tmp_path: Path) -> None:
    as_idx(tmp_path, mnist)
    for path in tmp_path.glob(missing) if missing else ():
        path.unlink()
    with pytest.raises(DataError, match=message):
        data.load_mnist(tmp_path if missing else tmp_path / "nowhere")


def test_missing_csv_is_named(mnist: Arrays, tmp_path: Path) -> None:
    as_csv(tmp_path, mnist).unlink()
    with pytest.raises(DataError, match=r"mnist_test\.csv: cannot be read .FileNotFoundError"):
        data.load_mnist(tmp_path)


@pytest.mark.usefixtures("sample")
def test_wrong_path_in_the_environment_is_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_DATA", "/nowhere/mnist.npz")
    with pytest.raises(DataError, match=r"MNIST_LAB_DATA names /nowhere/mnist\.npz: there is no"):
        data.load_mnist()


# Mirrors

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """A mirror on loopback that answers each path as a test wants it to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    def mirror(self, name: str, *files: tuple[str, Answer], size: int = 0) -> Mirror:
        urls = []
        for file, answer in files:
            self.answers[f"/{name}/{file}"] = answer
            urls.append(f"http://127.0.0.1:{self.server_port}/{name}/{file}")
        return Mirror(name, size, tuple(urls))

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.answers[self.path](self)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.over.set()
        running.shutdown()


def gives(content: bytes, *, declared: int = 0, pieces: int = 1, pause: float = 0.0) -> Answer:
    """Answer 200 with the content, in pieces, or with less of it than declared."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(declared or len(content)))
        handler.end_headers()
        step = -(-len(content) // pieces)
        for start in range(0, len(content), step):
            handler.wfile.write(content[start : start + step])
            handler.wfile.flush()
            if handler.server.over.wait(pause):  # type: ignore[attr-defined]
                return

    return answer


def refuses(status: int) -> Answer:
    return lambda handler: handler.send_error(status)


def hangs(handler: BaseHTTPRequestHandler) -> None:
    handler.server.over.wait(30)  # type: ignore[attr-defined]


def stalls(content: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        gives(content[: len(content) // 2], declared=len(content))(handler)
        hangs(handler)

    return answer


def floods(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.over.is_set():  # type: ignore[attr-defined]
        handler.wfile.write(bytes(100_000))


# How to answer instead of a good file, what is said about it, and a limit to shorten.
FAULTS: dict[str, tuple[Callable[[bytes], Answer], str, str]] = {
    "hangs": (lambda good: hangs, "was silent for 1 seconds", "SOCKET_SECONDS"),
    "stalls": (stalls, "was silent for 1 seconds", "SOCKET_SECONDS"),
    "trickles": (
        lambda good: gives(good, pieces=len(good), pause=0.1),
        "was not done in 1 seconds",
        "MIRROR_SECONDS",
    ),
    "closes early": (
        lambda good: gives(good[:-100], declared=len(good)),
        "broke off the connection",
        "",
    ),
    "closes at once": (
        lambda good: lambda handler: handler.connection.close(),
        "broke off the connection",
        "",
    ),
    "404": (lambda good: refuses(404), "answered 404 Not Found", ""),
    "503": (lambda good: refuses(503), "answered 503 Service Unavailable", ""),
    "a web page": (lambda good: gives(b"<html>Sign in</html>"), "sent no MNIST file", ""),
    "wrong bytes": (lambda good: gives(good[::-1]), "sent no MNIST file", ""),
    "other digits": (lambda good: gives(npz(random_arrays(1))), "not MNIST, x_train", ""),
    "too much": (lambda good: floods, "sent more than 64,000,000 bytes", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_mirror(
    fault: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, message, limit = FAULTS[fault]
    if limit:
        monkeypatch.setattr(_mirrors, limit, 1.0)
    bad = server.mirror("bad", ("mnist.npz", build(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (bad,))
    start = time.monotonic()
    with pytest.raises(DataError, match=rf"(?s)Tried:.*\n- bad: .*{message}.*\nTo go on, "):
        data.load_mnist(allow_sample=False)
    assert time.monotonic() - start < 10
    assert not tree(home), "a failed download left something behind"
    # The next mirror is asked, and the order is kept. It may be slow, if the machine is.
    answer = server.answers["/bad/mnist.npz"]

    def answer_and_lengthen(handler: BaseHTTPRequestHandler) -> None:
        if limit:
            monkeypatch.setattr(_mirrors, limit, 60.0)
        answer(handler)

    server.answers["/bad/mnist.npz"] = answer_and_lengthen
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (bad, good))
    digits = data.load_mnist(allow_sample=False)
    assert same(digits, mnist)
    assert digits.source == "MNIST, downloaded from good (proven by its digests)."
    assert [path.split("/")[1] for path in server.asked] == ["bad", "bad", "good"]


def test_mirrors_is_kept_and_not_repeated(
    mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        (part.idx_names()[1], gives(gzip.compress(idx(mnist[part.name]))))
        for part in _formats.PARTS
    ]
    monkeypatch.setattr(_mirrors, "MIRRORS", (server.mirror("four", *files),))
    assert "downloaded from four (" in data.load_mnist().source
    again = data.load_mnist()
    assert same(again, mnist) and "from the course's cache (" in again.source
    assert len(server.asked) == 4
    assert list(tree(home)) == ["cache", "cache/mnist.npz"]


def test_progress_is_shown_on_stderr_while_mirrorsing(
    mnist: Arrays,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    content = npz(mnist)
    slow = server.mirror(
        "slow", ("mnist.npz", gives(content, pieces=8, pause=0.08)), size=len(content)
    )
    lost = server.mirror("lost", ("mnist.npz", refuses(404)))
    monkeypatch.setattr(_mirrors, "MIRRORS", (lost, slow))
    data.load_mnist()
    shown = capfd.readouterr()
    assert "MNIST from slow: 100%" in shown.err
    assert "lost" not in shown.err and not shown.out
    data.load_mnist()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("sample")
def test_no_network_is_found_out_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrors = [server.mirror(name, ("mnist.npz", hangs)) for name in ("one", "two", "three")]
    monkeypatch.setattr(_mirrors, "MIRRORS", tuple(mirrors))

    def swallow(*_: object) -> socket.socket:
        server.over.wait(30)  # as a firewall that drops packets, or a name server that is gone
        raise OSError

    monkeypatch.setattr(socket, "create_connection", swallow)
    start = time.monotonic()
    digits = data.load_mnist()
    assert time.monotonic() - start < 2.5
    assert not digits.is_mnist
    assert "- one: cannot be reached\n- two: cannot be reached\n- three:" in digits.source


@pytest.mark.usefixtures("sample")
def test_closed_port_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    mirror = Mirror("closed", 0, (f"http://127.0.0.1:{port}/mnist.npz",))
    monkeypatch.setattr(_mirrors, "MIRRORS", (mirror,))
    assert data.load_mnist().source.endswith("- closed: cannot be reached")


def test_a_proxy_is_left_to_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("knocked"))
    assert _mirrors._answering({"https://mirror.invalid/x"}) == {"https://mirror.invalid/x"}


def test_published_mirrors_are_named_in_the_order_of_the_design() -> None:
    source = subprocess.run(
        [sys.executable, "-c", "from mnist_lab.data import _mirrors; print(_mirrors.MIRRORS)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    places = [
        source.index(url)
        for url in (
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
            "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
            "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
            "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
        )
    ]
    assert places == sorted(places)


# The cache


@pytest.mark.parametrize("fault", ["cut short", "other digits", "a web page", "one pixel"])
def test_bad_cache_is_passed_over_and_left_alone(
    fault: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = WRONG_NPZ[fault][0](mnist)
    for folder in (home / "cache", home / "keras/datasets"):
        folder.mkdir(parents=True)
        (folder / "mnist.npz").write_bytes(bad)
    with pytest.raises(DataError, match=r"(?s)the course's cache: .*mnist.npz: .*Keras' cache: "):
        data.load_mnist(allow_sample=False)
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    assert same(data.load_mnist(), mnist)
    assert "from the course's cache (" in data.load_mnist().source
    assert (home / "cache/mnist.npz").read_bytes() == bad
    assert (home / "keras/datasets/mnist.npz").read_bytes() == bad
    assert len(server.asked) == 1


def unwritable(home: Path, how: str) -> Iterator[None]:
    """Make the home read-only; a test run by root becomes another user for that."""
    if how == "a file in the way":
        (home / "cache").write_text("not a folder")
        yield
        return
    import pooch  # noqa: F401  (another user may not be allowed to read the environment)
    import requests  # noqa: F401
    from tqdm import tqdm  # noqa: F401

    home.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        assert not os.access(home, os.W_OK, effective_ids=True)
        yield
    finally:
        if root:
            os.seteuid(0)
        home.chmod(0o755)


@pytest.mark.parametrize("how", ["a file in the way", "permissions"])
def test_read_only_home(
    how: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "permissions" and not hasattr(os, "geteuid"):
        pytest.skip("folders have no permission bits here")
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    state = unwritable(home, how)
    next(state)
    try:
        digits = data.load_mnist()
    finally:
        list(state)
    assert same(digits, mnist)
    assert digits.source.endswith("It could not be kept: the cache is not writable.")
    assert not (home / "cache").is_dir()


CHILD = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from test_data_load import parts_of
from mnist_lab import data
from mnist_lab.data import _formats, _mirrors
with np.load(sys.argv[2]) as file:
    _formats.PARTS = _mirrors.PARTS = parts_of(dict(file))
_mirrors.MIRRORS = (_mirrors.Mirror("slow", 0, (sys.argv[3],)),)
print("looking", flush=True)
print(data.load_mnist(allow_sample=False).source)
"""


def child(home: Path, mnist: Arrays, url: str) -> subprocess.Popen[str]:
    """Another kernel that loads the same digits into the same cache."""
    (home / "expected.npz").write_bytes(npz(mnist))
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent)]
    return subprocess.Popen(
        [*command, str(home / "expected.npz"), url], stdout=subprocess.PIPE, text=True
    )


def test_two_kernels_at_once(mnist: Arrays, home: Path, server: Server) -> None:
    both = threading.Barrier(2, timeout=60)

    def together(handler: BaseHTTPRequestHandler) -> None:
        both.wait()  # neither gets a byte before both have found the cache empty
        gives(npz(mnist), pieces=3, pause=0.05)(handler)

    url = server.mirror("slow", ("mnist.npz", together)).urls[0]
    kernels = [child(home, mnist, url) for _ in range(2)]
    for kernel in kernels:
        assert "downloaded from slow" in kernel.communicate(timeout=60)[0]
    assert list(tree(home / "cache")) == ["mnist.npz"]
    assert "from the course's cache (" in data.load_mnist().source


def test_kill_in_mid_mirrors(mnist: Arrays, home: Path, server: Server) -> None:
    half_sent = threading.Event()

    def half(handler: BaseHTTPRequestHandler) -> None:
        content = npz(mnist)
        gives(content[: len(content) // 2], declared=len(content))(handler)
        half_sent.set()
        hangs(handler)

    url = server.mirror("slow", ("mnist.npz", half)).urls[0]
    kernel = child(home, mnist, url)
    assert half_sent.wait(60)
    time.sleep(0.1)
    kernel.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    assert kernel.wait(60) != 0
    kernel.communicate()
    assert list(tree(home)) == ["expected.npz"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), _files.replacing(path) as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert tree(tmp_path) == {"digits": b"old"}


# CSV


def test_csv_there_and_back(mnist: Arrays, tmp_path: Path) -> None:
    import pandas as pd

    digits = Digits(**mnist, source="", is_mnist=True)
    train, test = data.to_csv(digits, tmp_path / "new" / "folder")
    assert (train.name, test.name) == ("mnist_train.csv", "mnist_test.csv")
    for path, x, y in ((train, "x_train", "y_train"), (test, "x_test", "y_test")):
        images, labels = data.read_csv(path)
        assert images.dtype == labels.dtype == np.uint8
        assert np.array_equal(images, mnist[x]) and np.array_equal(labels, mnist[y])
        # The lesson reads the file with pandas itself.
        frame = pd.read_csv(path)
        assert list(frame.columns) == ["label", *(f"pixel{i}" for i in range(784))]
        assert np.array_equal(frame["label"], mnist[y])
        assert np.array_equal(frame.drop(columns="label").to_numpy().reshape(-1, 28, 28), mnist[x])
    before = tree(tmp_path)
    data.to_csv(digits, train.parent)
    assert tree(tmp_path) == before


def test_to_csv_where_one_may_not_write(mnist: Arrays, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="give to_csv a folder that you may write to"):
        data.to_csv(Digits(**mnist, source="", is_mnist=True), tmp_path / "file")


PIXELS0 = ",".join(f"pixel{i}" for i in range(784))
ROW = ",".join(["7"] * 785)


@pytest.mark.parametrize(
    "header",
    [
        f"label,{PIXELS0}",
        '"label",' + ",".join(f'"pixel{i}"' for i in range(784)),
        "label," + ",".join(f"pixel{i}" for i in range(1, 785)),
        "label," + ",".join(f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)),
        f"\ufefflabel,{PIXELS0}",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_headers_and_line_ends(header: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    path.write_bytes(f"{header}{end}{ROW}{end}{ROW}".encode())
    images, labels = data.read_csv(path)
    assert (images == 7).all() and images.shape == (2, 28, 28) and labels.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (PIXELS0, ROW, "line 1 is not the header label,pixel0,...,pixel783"),
        (ROW, ROW, "line 1 is not the header"),
        ("", ROW, "line 1 is not the header"),
        (f"label,{PIXELS0}", ROW + ",7", "line 3 has 786 values, it needs 785"),
        (f"label,{PIXELS0}", "", "line 3 has 1 values, it needs 785"),
        (
            f"label,{PIXELS0}",
            "7,300" + ROW[3:],
            "line 3, column pixel0: '300' is not a whole .*255",
        ),
        (f"label,{PIXELS0}", "7,-1" + ROW[3:], "line 3, column pixel0: '-1' is not"),
        (f"label,{PIXELS0}", ROW[:-1] + "2.5", "line 3, column pixel783: '2.5' is not"),
        (f"label,{PIXELS0}", ROW[:-1], "line 3, column pixel783: '' is not"),
        (f"label,{PIXELS0}", "12" + ROW[1:], "line 3, column label: '12' is not .*0 to 9"),
        (f"label,{PIXELS0}", "\xff" + ROW[1:], "line 3, column label: .* is not .*0 to 9"),
    ],
)
def test_wrong_csv_is_named_with_line_and_column(
    header: str, row: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "digits.csv"
    path.write_bytes(f"{header}\n{ROW}\n{row}\n".encode("latin-1"))
    with pytest.raises(DataError, match=rf"digits\.csv: {message}.*Mend the file"):
        data.read_csv(path)


def test_csv_with_too_many_rows_is_not_read_to_its_end(mnist: Arrays, tmp_path: Path) -> None:
    test = as_csv(tmp_path, mnist)
    with test.open("a") as file:
        file.write(f"{ROW}\nnot reached\n")
    with pytest.raises(DataError, match=r"mnist_test\.csv: x_test has shape \(13, 28, 28\)"):
        data.load_mnist(tmp_path)


# The sample

SAMPLE_SHA256 = "108f7227ce67fcc87299aa217878f8b2ac92bed13c377599bf26e57eb44cefde"


@pytest.fixture(scope="module")
def digits() -> Digits:
    return data.load_sample()


def test_sample(digits: Digits) -> None:
    assert digits.x_train.shape == (1497, 28, 28) and digits.x_test.shape == (300, 28, 28)
    assert digits.y_train.shape == (1497,) and digits.y_test.shape == (300,)
    assert all(getattr(digits, name).dtype == np.uint8 for name in NAMES)
    assert not digits.is_mnist and "not MNIST" in digits.source
    # Stratified: each digit has its share of the 300.
    assert np.bincount(digits.y_test).tolist() == [30, 30, 30, 31, 30, 30, 30, 30, 29, 30]


def test_sample_is_the_same_everywhere(digits: Digits) -> None:
    """Its pixels and its split were found equal under Pillow 11.3 and 13.0."""
    content = b"".join(getattr(digits, name).tobytes() for name in NAMES)
    assert hashlib.sha256(content).hexdigest() == SAMPLE_SHA256


def test_without_anything_the_sample_comes_with_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror("nowhere", 0, ("http://127.0.0.1:1/mnist.npz",))
    monkeypatch.setattr(_mirrors, "MIRRORS", (mirror,))
    digits = data.load_mnist()
    lines = digits.source.splitlines()
    assert not digits.is_mnist and "bundled sample" in lines[0] and "not MNIST" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == [
        "- the course's cache",
        "- Keras' cache",
        "- nowhere",
    ]


# Real MNIST


@pytest.mark.skipif(GIVEN == "sample", reason="MNIST_LAB_DATA names no MNIST on this machine")
def test_real_mnist_is_proven_in_half_a_second() -> None:
    seconds = []
    for _ in range(3):
        start = time.process_time()
        digits = data.load_mnist(GIVEN)
        seconds.append(time.process_time() - start)
    assert digits.is_mnist and digits.x_train.shape == (60000, 28, 28)
    assert digits.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    if Path(GIVEN).suffix == ".npz":
        assert min(seconds) < 0.5


def test_result_is_short_in_a_notebook(mnist: Arrays, tmp_path: Path) -> None:
    shown = repr(data.load_mnist(as_npz(tmp_path, mnist)))
    assert shown.startswith("Digits(source='MNIST, from") and shown.endswith("is_mnist=True)")
