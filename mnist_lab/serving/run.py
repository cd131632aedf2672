"""Starts and stops the service: until a signal, or in a thread beside a notebook."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
from dataclasses import replace
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mnist_lab.serving.app import Settings, create_app
from mnist_lab.serving.guards import Limits

__all__ = ["Service", "addresses", "listen", "server", "settings_for", "start"]

LOCAL = "127.0.0.1"
# Colab shows the page in a frame of its own, under a name that is new each time. Nobody else can
# reach the computer that runs a notebook there.
COLAB_FRAMES = "https://*.google.com https://*.googleusercontent.com https://*.colab.dev"
MOST_CONNECTIONS = 500
GRACE = 30  # seconds that a begun request has when the service is stopped


def settings_for(host: str, names: tuple[str, ...] = ()) -> Settings:
    """Return who may use a service that listens on this host.

    Args:
        host: the host that the service listens on.
        names: more names that requests may give the service; ``*`` allows any.
    """
    if "COLAB_RELEASE_TAG" in os.environ:
        return Settings(hosts=("*",), frames=COLAB_FRAMES)
    settings = Settings()
    if not _is_local(host):
        name = socket.gethostname().lower()
        names = (*names, host.lower(), name, f"{name}.local")
    return replace(settings, hosts=(*settings.hosts, *names))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; requests wait in it until the service runs.

    Raises:
        OSError: the port is in use, or the host is no name of this computer.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()  # every address, those of IPv4 as well
    return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)


def addresses(listening: socket.socket) -> list[str]:
    """Return the addresses to open: on this computer, and on others where they can reach it."""
    host, port = listening.getsockname()[:2]
    if not ipaddress.ip_address(host).is_unspecified:
        return [_address(host, port)]
    found = [_address("::1" if ":" in host else LOCAL, port)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, but chooses the network to others
            found.append(_address(probe.getsockname()[0], port))
        except OSError:
            pass  # no network
    return found


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(settings: Settings, **more: Any) -> uvicorn.Server:
    """Return a server of the service. Its ``run([socket])`` answers until SIGINT or SIGTERM.

    Then it finishes what has begun, and raises the signal again.

    Args:
        settings: hosts and limits.
        more: what :func:`mnist_lab.serving.app.create_app` takes otherwise.
    """
    limits = settings.limits
    config = uvicorn.Config(
        create_app(settings=settings, **more),
        http=_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    return uvicorn.Server(config)


class Service:
    """A service that runs in a thread of this process until ``stop``, or until a block ends."""

    def __init__(self, listening: socket.socket, running: uvicorn.Server) -> None:
        self.port: int = listening.getsockname()[1]
        self.address = addresses(listening)[0]
        self._server = running
        self._thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what has begun, and end."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    host: str = LOCAL, port: int = 0, settings: Settings | None = None, **more: Any
) -> Service:
    """Start the service beside what this process does otherwise, as a notebook needs it.

    Args:
        host: the host to listen on.
        port: the port to listen on; 0 chooses one that is free.
        settings: hosts and limits. The default suits the host.
        more: what :func:`mnist_lab.serving.app.create_app` takes otherwise.

    Returns:
        The service with its ``address`` and ``port``. Call ``stop``, or use it in a with block.

    Raises:
        OSError: the port is in use, or the host is no name of this computer.
    """
    running = server(settings or settings_for(host), **more)
    return Service(listen(host, port), running)


def _protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return a protocol of uvicorn that ends connections on which nothing goes on.

    Uvicorn waits without end for the first lines of a request, and for a client that does not take
    its answer.
    """

    class PatientProtocol(H11Protocol):
        _head: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._time_the_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._time_the_head()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._head = _cancelled(self._head)
            self._stalled = _cancelled(self._stalled)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stalled = self.loop.call_later(limits.head_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stalled = _cancelled(self._stalled)

        def _time_the_head(self) -> None:
            """Let time run while a request is not wholly there, and stop it when it is."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._head = _cancelled(self._head)
            elif self._head is None:
                self._head = self.loop.call_later(limits.head_seconds, self.transport.close)

    return PatientProtocol


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
