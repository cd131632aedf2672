"""Private: MNIST from its public mirrors, in bounded time and memory.

What a mirror sends stays in memory until it is proven, so a download that is cut off or killed
leaves nothing behind.
"""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from concurrent.futures import Future, wait
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mnist_lab.data import _proof, _reach
from mnist_lab.data._cache import import_pooch
from mnist_lab.data._formats import read_idx, read_npz
from mnist_lab.data._proof import Arrays, DataError, prove


class Mirror(NamedTuple):
    """A public copy of MNIST: one .npz, or the four IDX files in the order of ``PARTS``."""

    name: str
    size: int  # bytes of all its files, for the progress bar
    urls: tuple[str, ...]


_GOOGLE, _AMAZON = "https://storage.googleapis.com", "https://ossci-datasets.s3.amazonaws.com"
_IDX = [f"{part.idx_name}.gz" for part in _proof.PARTS]
MIRRORS = (
    Mirror("the Keras bucket", 11_490_434, (f"{_GOOGLE}/tensorflow/tf-keras-datasets/mnist.npz",)),
    Mirror("CVDF", 11_594_722, tuple(f"{_GOOGLE}/cvdf-datasets/mnist/{name}" for name in _IDX)),
    Mirror("OSSCI", 11_594_722, tuple(f"{_AMAZON}/mnist/{name}" for name in _IDX)),
)
ADDRESS_SECONDS = 2.5  # for one address of a host of which another one has answered faster
SOCKET_SECONDS = 10.0  # silence after which a mirror is given up
# A mirror that sends less than so much in so long is given up, too: a slow line takes its time, but
# a byte now and then is never silence.
PROGRESS_SECONDS, PROGRESS_BYTES = 20.0, 100_000
MAX_BYTES = 64_000_000  # MNIST without any compression has 55 million
_BAR: dict[str, Any] = {"unit": "B", "unit_scale": True, "ncols": 79, "delay": 1e-3}


class _Transfer:
    """All that one mirror sends: how much it is, and whether anybody still wants it."""

    def __init__(self) -> None:
        self.received = 0
        self.given_up = threading.Event()

    def add(self, size: int) -> None:
        self.received += size
        if self.given_up.is_set():
            raise DataError("was given up")
        if self.received > MAX_BYTES:
            raise DataError(f"sent more than {MAX_BYTES:,} bytes")

    def watch(self, result: Future[Any]) -> None:
        """Wait for the end of the transfer as long as it moves, raise DataError otherwise."""
        start, before = time.monotonic(), self.received
        # In short steps: Windows hears an interrupt only between two of them.
        while not wait([result], 0.2).done:
            if time.monotonic() - start < PROGRESS_SECONDS:
                continue
            if self.received - before < PROGRESS_BYTES:
                raise DataError(
                    f"sent less than {PROGRESS_BYTES:,} bytes in {PROGRESS_SECONDS:g} seconds"
                )
            start, before = time.monotonic(), self.received


class _Answer(io.BytesIO):
    """A file that a mirror sends, in memory."""

    def __init__(self, transfer: _Transfer, bar: Any) -> None:
        super().__init__()
        self.transfer, self.bar = transfer, bar

    def write(self, data: Any) -> int:
        self.transfer.add(len(data))
        self.bar.update(len(data))
        return super().write(data)


def _stream_for_progress() -> Any:
    """Return stderr, except in a notebook: there it is red, as if something were wrong."""
    in_notebook = type(sys.stdout).__module__.startswith("ipykernel")
    return sys.stdout if in_notebook else sys.stderr


def _fetch(mirror: Mirror, connect_seconds: float, transfer: _Transfer) -> list[_Answer]:
    """Download all files of a mirror, with a progress bar from the first byte on."""
    from pooch import HTTPDownloader
    from tqdm import tqdm

    get = HTTPDownloader(timeout=(connect_seconds, SOCKET_SECONDS), chunk_size=2**14)
    files = []
    bar = {"desc": f"MNIST from {mirror.name}", "file": _stream_for_progress(), **_BAR}
    with tqdm(total=mirror.size, **bar) as shown:
        for url in mirror.urls:
            get(url, file := _Answer(transfer, shown), None)
            file.seek(0)
            files.append(file)
    return files


def _receive(mirror: Mirror, connect_seconds: float) -> Arrays:
    """Download in a thread, which can be given up whatever it waits for, and prove the result."""
    transfer = _Transfer()
    download = _reach.in_thread(_fetch, mirror, connect_seconds, transfer)
    try:
        transfer.watch(download)
    finally:
        transfer.given_up.set()
    files = download.result()
    try:
        if len(files) == 1:
            return prove(read_npz(files[0]))
        pairs = zip(_proof.PARTS, files, strict=True)
        return prove({part.name: read_idx(file, part) for part, file in pairs})
    except Exception as error:
        raise DataError(f"sent a wrong file ({error})") from error


def _sentence(error: Exception) -> str:
    """Say what went wrong with a mirror, and what helps where the reader can help."""
    from requests import exceptions

    text = str(error)
    if isinstance(error, DataError):
        return text
    if (response := getattr(error, "response", None)) is not None:
        return f"answered {response.status_code} {response.reason}"
    if refusal := re.search(r"Tunnel connection failed: (\d+ [\w ]+)", text):
        help_ = "; put its user and password into HTTPS_PROXY" if "407" in refusal[1] else ""
        return f"the proxy answered {refusal[1]}{help_}"
    if isinstance(error, exceptions.ProxyError):
        return "the proxy in HTTPS_PROXY did not pass the request on"
    if isinstance(error, exceptions.SSLError):
        return _certificate(text)
    if isinstance(error, exceptions.InvalidSchema) and "SOCKS" in text:
        return "the proxy speaks SOCKS, which needs the package PySocks: pip install pysocks"
    if isinstance(error, OSError) and "invalid path" in text:
        return "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there: correct it"
    if isinstance(error, exceptions.Timeout) or "timed out" in text:
        return f"was silent for {SOCKET_SECONDS:g} seconds"
    return f"broke off the connection ({type(error).__name__})"


def _certificate(text: str) -> str:
    """Say why a secure connection failed; schools and firms often open such connections."""
    found = re.search(r"certificate verify failed: (.+?) \(_ssl", text)
    if not found:
        return "made no secure connection (something on the way may answer in its place)"
    if "expired" in found[1] or "not yet valid" in found[1]:
        return f"has a certificate that is not valid now ({found[1]}): correct the computer's date"
    return (
        f"has a certificate that is not trusted ({found[1]}): if your network uses one of its own, "
        "name the file of that certificate in REQUESTS_CA_BUNDLE"
    )


def download(tried: list[str]) -> tuple[Arrays, str] | None:
    """Return MNIST and the name of its mirror, or None; add a line on each failure to ``tried``."""
    from urllib3.exceptions import HTTPError

    import_pooch()  # here, and not in a thread: it changes for a moment what is warned of
    urls = {urlsplit(mirror.urls[0]).netloc: mirror.urls[0] for mirror in MIRRORS}
    end = time.monotonic() + _reach.REACH_SECONDS
    knocks = {netloc: _reach.in_thread(_reach.reach, url) for netloc, url in urls.items()}
    for mirror in MIRRORS:
        knock = knocks[urlsplit(mirror.urls[0]).netloc]
        try:
            while not wait([knock], 0.2).done:
                if time.monotonic() > end:
                    raise DataError(
                        f"cannot be reached (no answer in {_reach.REACH_SECONDS:g} seconds)"
                    )
            patience = min(SOCKET_SECONDS, max(ADDRESS_SECONDS, 2 * knock.result()))
            return _receive(mirror, patience), mirror.name
        except (OSError, ValueError, HTTPError) as error:
            tried.append(f"{mirror.name}: {_sentence(error)}")
    return None
