"""What stands between the network and the service: who may ask, how much, and for how long.

A web page of somebody else can make a browser send requests to a service on the same computer. It
can even give its own name the address of this computer (DNS rebinding), so that the browser takes
both for one site. The service therefore answers to a number (an IP address, which no name server
hands out) and to names that it was told, and takes pictures from its own pages only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit", "HostGuard", "Limits", "SafeHeaders", "refuse"]


@dataclass(frozen=True)
class Limits:
    """How much the service takes: bytes and seconds."""

    body: int = 10_000_000  # bytes of one request
    bodies: int = 200_000_000  # bytes of all requests that are in memory
    drained: int = 50_000_000  # bytes that are read and dropped, so that a client hears the refusal
    body_seconds: float = 20  # for a whole body
    head_seconds: float = 10  # for the lines before a body, and for a client that takes no answer


async def refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Send one sentence in JSON and close the connection, whose rest nobody will read."""
    body = json.dumps({"detail": sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class HostGuard:
    """Answers only requests that name this service as their host, and only to its own pages."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = {name.lower() for name in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "*" in self.hosts:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            sentence = (
                "This service does not know the host that the request names: use its address, or "
                "start it with --allow-host and the name."
            )
            await refuse(421, sentence, scope, receive, send)
        elif _is_foreign(headers.get("origin"), host):
            sentence = "Another web site sent this request: open the page of the service itself."
            await refuse(403, sentence, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ipaddress.ip_address(name)
        except ValueError:  # no address: a name, or nothing that makes sense
            return bool(host) and _name(host) in self.hosts
        return True


def _name(host: str) -> str:
    return host.partition(":")[0].lower().rstrip(".")


def _is_foreign(origin: str | None, host: str) -> bool:
    """Tell whether a browser says that a page of another host sent the request."""
    return origin is not None and origin.partition("://")[2].lower() != host.lower()


class SafeHeaders:
    """Adds headers to every answer, which tell a browser to load and allow nothing else."""

    def __init__(self, app: ASGIApp, headers: Sequence[tuple[str, str]]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers:
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_safely)


class BodyLimit:
    """Reads each body into memory before anything else does, within limits of bytes and seconds."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.held = 0  # bytes of all bodies that are in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self.limits.body_seconds):
                    await self._read(scope, receive, body)
            except TimeoutError:
                seconds = f"{self.limits.body_seconds:g} seconds"
                sentence = f"The request did not arrive within {seconds}: send a smaller picture."
                await refuse(408, sentence, scope, receive, send)
            except _RefusedError as refused:
                await refuse(refused.status, refused.sentence, scope, receive, send)
            else:
                await self.app(scope, _replayed(body, receive), send)
        finally:
            self.held -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        if int(declared) > self.limits.drained:  # the server has checked that it is a number
            raise self._too_large()
        dropped = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _RefusedError(400, "The request was cut: send it again.")
            more = message.get("more_body", False)
            chunk = message.get("body", b"")
            if dropped or len(body) + len(chunk) > self.limits.body:
                dropped += len(body) + len(chunk)
                self.held -= len(body)
                body.clear()
                if dropped > self.limits.drained:
                    raise self._too_large()
                continue
            if self.held + len(chunk) > self.limits.bodies:
                raise _RefusedError(503, "The service is busy: send the picture again in a minute.")
            self.held += len(chunk)
            body += chunk
        if dropped:
            raise self._too_large()

    def _too_large(self) -> _RefusedError:
        most = f"{self.limits.body / 1e6:g} MB"
        return _RefusedError(413, f"The request has more than {most}: send a smaller picture.")


class _RefusedError(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def _replayed(body: bytearray, receive: Receive) -> Receive:
    """Return a function that gives the whole body first, and then what the connection says."""
    pending = [bytes(body)]

    async def replay() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replay
