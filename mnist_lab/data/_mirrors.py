"""Private: MNIST from its public mirrors, in bounded time and memory.

What a mirror sends stays in memory until it is proven, so a download that is cut off or killed
leaves nothing behind.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mnist_lab.data._formats import PARTS, Arrays, DataError, prove, read_idx, read_npz


class Mirror(NamedTuple):
    """A public copy of MNIST: one .npz, or the four IDX files in the order of ``PARTS``."""

    name: str
    size: int  # bytes of all its files, for the progress bar
    urls: tuple[str, ...]


_GOOGLE, _AMAZON = "https://storage.googleapis.com", "https://ossci-datasets.s3.amazonaws.com"
_IDX = [part.idx_names()[1] for part in PARTS]
MIRRORS = (
    Mirror("the Keras bucket", 11_490_434, (f"{_GOOGLE}/tensorflow/tf-keras-datasets/mnist.npz",)),
    Mirror("CVDF", 11_594_722, tuple(f"{_GOOGLE}/cvdf-datasets/mnist/{name}" for name in _IDX)),
    Mirror("OSSCI", 11_594_722, tuple(f"{_AMAZON}/mnist/{name}" for name in _IDX)),
)
CONNECT_SECONDS = 1.5  # with no network the sample must be there at once
SOCKET_SECONDS = 10.0  # silence after which a mirror is given up
MIRROR_SECONDS = 300.0  # so is one that sends less than 40 kB a second
_BAR: dict[str, Any] = {"unit": "B", "unit_scale": True, "ncols": 79, "delay": 1e-3}
MAX_BYTES = 64_000_000  # MNIST without any compression has 55 million


class _Answer(io.BytesIO):
    """A file that a mirror sends, in memory; writing fails once it is too long or given up."""

    def __init__(self, bar: Any, given_up: threading.Event) -> None:
        super().__init__()
        self.bar, self.given_up = bar, given_up

    def write(self, data: Any) -> int:
        if self.given_up.is_set() or self.tell() + len(data) > MAX_BYTES:
            raise DataError(f"sent more than {MAX_BYTES:,} bytes")
        self.bar.update(len(data))
        return super().write(data)


def _fetch(mirror: Mirror, given_up: threading.Event) -> Arrays:
    """Download and prove, with a progress bar on stderr from the first byte on."""
    from pooch import HTTPDownloader
    from tqdm import tqdm

    get = HTTPDownloader(timeout=SOCKET_SECONDS, chunk_size=2**16)
    files = []
    with tqdm(desc=f"MNIST from {mirror.name}", total=mirror.size, **_BAR) as bar:
        for url in mirror.urls:
            get(url, file := _Answer(bar, given_up), None)
            file.seek(0)
            files.append(file)
    if len(files) == 1:
        return prove(read_npz(files[0]))
    return prove({part.name: read_idx(file, part) for part, file in zip(PARTS, files, strict=True)})


def _fetch_in_time(mirror: Mirror) -> Arrays:
    """Fetch in a thread: one byte every nine seconds would pass every timeout of a socket."""
    result: Future[Arrays] = Future()
    given_up = threading.Event()

    def work() -> None:
        try:
            result.set_result(_fetch(mirror, given_up))
        except Exception as error:
            result.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    end = time.monotonic() + MIRROR_SECONDS
    try:
        while thread.is_alive() and time.monotonic() < end:
            thread.join(0.2)  # in short steps: Windows hears an interrupt only between two of them
    finally:
        given_up.set()
    if not result.done():
        raise DataError(f"was not done in {MIRROR_SECONDS:g} seconds")
    return result.result()


def _answering(urls: set[str]) -> set[str]:
    """Knock at all hosts at once and return the URLs of those that open in time."""
    from requests.utils import get_environ_proxies, select_proxy

    open_ = {url for url in urls if select_proxy(url, get_environ_proxies(url))}

    def knock(url: str) -> None:
        parts = urlsplit(url)
        address = (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme])
        with suppress(OSError), socket.create_connection(address, CONNECT_SECONDS):
            open_.add(url)

    threads = [threading.Thread(target=knock, args=(url,), daemon=True) for url in urls - open_]
    for thread in threads:
        thread.start()
    end = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return set(open_)


def _sentence(error: Exception) -> str:
    from requests.exceptions import RequestException, Timeout

    if (response := getattr(error, "response", None)) is not None:
        return f"answered {response.status_code} {response.reason}"
    if isinstance(error, Timeout) or "timed out" in str(error):
        return f"was silent for {SOCKET_SECONDS:g} seconds"
    if isinstance(error, RequestException):
        return f"broke off the connection ({type(error).__name__})"
    return str(error) if isinstance(error, DataError) else f"sent no MNIST file ({error})"


def download(tried: list[str]) -> tuple[Arrays, str] | None:
    """Return MNIST and the name of its mirror, or None; add a line on each failure to ``tried``."""
    answering = _answering({mirror.urls[0] for mirror in MIRRORS})
    for mirror in MIRRORS:
        if mirror.urls[0] not in answering:
            tried.append(f"{mirror.name}: cannot be reached")
            continue
        try:
            return _fetch_in_time(mirror), mirror.name
        except Exception as error:
            tried.append(f"{mirror.name}: {_sentence(error)}")
    return None
