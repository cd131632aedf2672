"""Private: whether a host can be reached, found out in bounded time.

A name server or a firewall that swallows questions blocks the thread that asks, so everything here
runs in threads that nobody has to wait for.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from mnist_lab.data._proof import DataError

REACH_SECONDS = 8.0  # to look a host up and connect: the Wi-Fi of a full classroom is slow
_PENDING = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)
T = TypeVar("T")


def in_thread(work: Callable[..., T], *arguments: object) -> Future[T]:
    """Start work that may hang for longer than anybody waits for it."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work(*arguments))
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result


class Door(NamedTuple):
    """What has to be connected to for a URL: its host, or the proxy that stands before it."""

    name: str
    host: str
    port: int


def door(url: str) -> Door:
    """Return where a request for a URL goes first, by the variables that requests reads.

    Raises:
        DataError: a proxy is set whose address cannot be understood.
    """
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    parts = urlsplit(url if not proxy else proxy if "://" in proxy else f"http://{proxy}")
    try:
        host = parts.hostname or ""
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080)
    except ValueError:
        host, port = "", 0
    if not host:
        raise DataError("a proxy is set without host or port: correct HTTPS_PROXY or remove it")
    return Door(f"the proxy {host}:{port}" if proxy else host, host, port)


def reach(url: str) -> float:
    """Connect to all addresses of a host at once, and return the seconds that the fastest took.

    A host may have addresses that are dead, such as addresses of an IPv6 that leads nowhere.

    Raises:
        DataError: no address can be reached; the message says why.
    """
    name, host, port = door(url)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DataError(f"cannot be reached (no address of {name} is known)") from error
    start, why = time.monotonic(), "no address fits this computer"
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        for family, kind, protocol, _, address in addresses:
            with suppress(OSError):  # a kind of address that this computer does not have
                knock = opened.enter_context(socket.socket(family, kind, protocol))
                knock.setblocking(False)
                if (code := knock.connect_ex(address)) in _PENDING:
                    selector.register(knock, selectors.EVENT_WRITE)
                else:
                    why = os.strerror(code)
        while selector.get_map():
            for key, _ in selector.select(max(0.0, start + REACH_SECONDS - time.monotonic())):
                if code := key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # type: ignore[union-attr]
                    why = os.strerror(code)
                    selector.unregister(key.fileobj)
                else:
                    return time.monotonic() - start
            if time.monotonic() - start >= REACH_SECONDS:
                why = f"no answer in {REACH_SECONDS:g} seconds"
                break
    raise DataError(f"cannot be reached ({name}: {why})")
