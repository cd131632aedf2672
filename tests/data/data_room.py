"""What the tests of the data room share: small stand-ins for MNIST, and mirrors on loopback.

MNIST itself is not at hand on a bare machine, so most tests put forty small random pictures in its
place and give the package their digests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_lab import data
from mnist_lab.data import Digits, _proof
from mnist_lab.data._mirrors import Mirror

Arrays = dict[str, npt.NDArray[Any]]
NAMES = ("x_train", "y_train", "x_test", "y_test")


def random_arrays(seed: int, train: int = 40, test: int = 12) -> Arrays:
    """Noise in the form of MNIST: four arrays, uint8."""
    rng = np.random.default_rng(seed)
    shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
    tops = (256, 10, 256, 10)
    pairs = zip(NAMES, zip(shapes, tops, strict=True), strict=True)
    return {name: rng.integers(0, top, shape, np.uint8) for name, (shape, top) in pairs}


def parts_of(arrays: Arrays) -> tuple[_proof.Part, ...]:
    """What the package has to expect if these arrays are to be MNIST for it."""
    return tuple(
        part._replace(
            shape=arrays[part.name].shape,
            sha256=hashlib.sha256(idx(arrays[part.name])).hexdigest(),
        )
        for part in _proof.PARTS
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


def same(digits: Digits, arrays: Arrays) -> bool:
    """Whether these are the digits, proven."""
    return digits.is_mnist and all(np.array_equal(getattr(digits, n), arrays[n]) for n in NAMES)


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


def gzipped(content: bytes) -> bytes:
    """The bytes of a .gz file, quickly made."""
    return gzip.compress(content, 1)


def as_csv(folder: Path, arrays: Arrays) -> Path:
    return data.to_csv(Digits(**arrays, source="", is_mnist=False), folder)[1]


def tree(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder, hidden files too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


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


@contextmanager
def serving() -> Iterator[Server]:
    """A server that answers while the block runs."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
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


CHILD = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from data_room import parts_of
from mnist_lab import data
from mnist_lab.data import _mirrors, _proof
with np.load(sys.argv[2]) as file:
    _proof.PARTS = parts_of(dict(file))
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
