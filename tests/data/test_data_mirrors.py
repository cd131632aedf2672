"""Downloads: good mirrors, and every way in which a mirror can be bad."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest
from data_room import (
    Answer,
    Arrays,
    Server,
    child,
    floods,
    gives,
    hangs,
    idx,
    npz,
    random_arrays,
    refuses,
    same,
    stalls,
    tree,
)

from mnist_lab import data
from mnist_lab.data import DataError, _mirrors, _proof
from mnist_lab.data._mirrors import Mirror

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")


def trickles_head(handler: BaseHTTPRequestHandler) -> None:
    """Send a line of the head now and then, and never the end of it."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.over.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b"X")


def redirects(handler: BaseHTTPRequestHandler) -> None:
    """Send the client on to the same place, a little later, again and again."""
    handler.server.over.wait(0.1)  # type: ignore[attr-defined]
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


# How to answer instead of a good file, what is said about it, and a limit to shorten.
FAULTS: dict[str, tuple[Callable[[bytes], Answer], str, str]] = {
    "hangs": (lambda good: hangs, "was silent for 0.3 seconds", "SOCKET_SECONDS"),
    "stalls": (stalls, "was silent for 0.3 seconds", "SOCKET_SECONDS"),
    "trickles": (
        lambda good: gives(good, pieces=len(good), pause=0.1),
        "sent less than 100,000 bytes in 0.3 seconds",
        "PROGRESS_SECONDS",
    ),
    "trickles its head": (
        lambda good: trickles_head,
        "sent less than 100,000 bytes in 0.3 seconds",
        "PROGRESS_SECONDS",
    ),
    "redirects slowly": (
        lambda good: redirects,
        "sent less than 100,000 bytes in 0.3 seconds",
        "PROGRESS_SECONDS",
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
    "a web page": (
        lambda good: gives(b"<html>Sign in</html>"),
        "sent a wrong file .is a web page",
        "",
    ),
    "wrong bytes": (lambda good: gives(good[::-1]), "sent a wrong file", ""),
    "other digits": (
        lambda good: gives(npz(random_arrays(1))),
        "sent a wrong file .not MNIST: x_train",
        "",
    ),
    "too much": (lambda good: floods, "sent more than 64,000,000 bytes", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_mirror(
    fault: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, message, limit = FAULTS[fault]
    if limit:
        monkeypatch.setattr(_mirrors, limit, 0.3)
    bad = server.mirror("bad", ("mnist.npz", build(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (bad,))
    with pytest.raises(DataError, match=rf"(?s)Tried:.*\n- bad: .*{message}.*\nTo go on, "):
        data.load_mnist(allow_sample=False)
    assert not tree(home), "a failed download left something behind"
    # The next mirror is asked, and the order is kept. It may be slow, if the machine is.
    receive = _mirrors._receive

    def receive_patiently(mirror: Mirror, connect_seconds: float) -> Arrays:
        if limit:
            monkeypatch.setattr(_mirrors, limit, 0.3 if mirror == bad else 60.0)
        return receive(mirror, connect_seconds)

    monkeypatch.setattr(_mirrors, "_receive", receive_patiently)
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (bad, good))
    digits = data.load_mnist(allow_sample=False)
    assert same(digits, mnist)
    assert digits.source == "MNIST, downloaded from good (proven by its digests)."
    asked = list(dict.fromkeys(path.split("/")[1] for path in server.asked))
    assert asked == ["bad", "good"] and server.asked.count("/good/mnist.npz") == 1


def test_download_is_kept_and_not_repeated(
    mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        (f"{part.idx_name}.gz", gives(gzip.compress(idx(mnist[part.name]))))
        for part in _proof.PARTS
    ]
    monkeypatch.setattr(_mirrors, "MIRRORS", (server.mirror("four", *files),))
    assert "downloaded from four (" in data.load_mnist().source
    again = data.load_mnist()
    assert same(again, mnist) and "from the course's cache (" in again.source
    assert len(server.asked) == 4
    assert list(tree(home)) == ["cache", "cache/mnist.npz"]


def test_progress_is_shown_on_stderr_while_downloading(
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


@pytest.mark.slow
def test_kill_in_mid_download(mnist: Arrays, home: Path, server: Server) -> None:
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


@pytest.mark.parametrize(
    ("bytes_a_second", "seconds", "given_up"),
    [
        (6_000, 3_600, False),  # an hour on a very slow line
        (4_000, 3_600, True),
        (0.2, 310, True),  # a byte every five seconds
        (0, 19, False),  # slow to begin
    ],
)
def test_only_a_transfer_that_hardly_moves_is_given_up(
    bytes_a_second: float, seconds: float, given_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of its own, on which each wait takes as long as it may."""
    now = 0.0
    transfer = _mirrors._Transfer()

    def wait_in_vain(_: object, timeout: float) -> SimpleNamespace:
        nonlocal now
        now += timeout
        transfer.received = int(now * bytes_a_second)
        return SimpleNamespace(done=now >= seconds)

    monkeypatch.setattr(_mirrors, "wait", wait_in_vain)
    monkeypatch.setattr(_mirrors, "time", SimpleNamespace(monotonic=lambda: now))
    if given_up:
        with pytest.raises(DataError, match="sent less than 100,000 bytes in 20 seconds"):
            transfer.watch(Future())
        assert now < 41, "it could be known after two spans without progress"
    else:
        transfer.watch(Future())
        assert now >= seconds


def test_a_fault_of_ours_is_no_fault_of_a_mirror(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mirrors, "MIRRORS", (server.mirror("good", ("mnist.npz", refuses(404))),))
    monkeypatch.setattr(_mirrors, "_receive", lambda *_: dict[str, str]()["no such name"])
    with pytest.raises(KeyError, match="no such name"):
        data.load_mnist()


def test_a_transfer_that_was_given_up_ends(mnist: Arrays, server: Server) -> None:
    """The thread that downloads does not go on in the background."""
    transfer = _mirrors._Transfer()
    mirror = server.mirror("slow", ("mnist.npz", gives(npz(mnist), pieces=50, pause=0.02)))
    transfer.given_up.set()
    with pytest.raises(DataError, match="was given up"):
        _mirrors._fetch(mirror, 10, transfer)
