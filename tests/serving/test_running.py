"""A real server: clients that are slow, many or gone, and how the command begins and ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from handwriting import ROUND, picture

from mnist_lab.serving import run
from mnist_lab.serving.answers import Reader
from mnist_lab.serving.app import Settings
from mnist_lab.serving.guards import Limits

SEVEN = picture(*ROUND[7])
ROWS = [[255 * (9 < column < 18) for column in range(28)] for _ in range(28)]
HASTY = Limits(body_seconds=0.4, head_seconds=0.4)


@pytest.fixture(scope="module")
def service() -> Iterator[run.Service]:
    with run.start() as running:
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[run.Service]:
    with run.start(settings=Settings(limits=HASTY)) as running:
        yield running


@contextmanager
def connection(service: run.Service, *sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        for piece in sent:
            client.sendall(piece)
        yield client


def until_closed(client: socket.socket) -> bytes:
    """What the service sends until it closes the connection, which it must within ten seconds."""
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


def test_a_picture_is_answered_and_the_connection_kept(service: run.Service) -> None:
    with httpx.Client(base_url=service.address) as client:
        for _ in range(3):
            assert client.post("/predict", files={"picture": SEVEN}).json()["digit"] == 7


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: localhost\r\n"]
)
def test_a_half_sent_head_ends_by_itself(sent: bytes, hasty: run.Service) -> None:
    with connection(hasty, sent) as client:
        assert until_closed(client) == b""


def test_a_half_sent_head_ends_on_a_used_connection(hasty: run.Service) -> None:
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connection(hasty, whole) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(whole[:20])
        until_closed(client)


def test_a_half_sent_body_ends_by_itself(hasty: run.Service) -> None:
    with connection(hasty, HEAD + b"Content-Length: 1000\r\n\r\n" + SEVEN[:100]) as client:
        answer = until_closed(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 0.4 seconds" in answer


def test_a_slow_body_ends_by_itself(hasty: run.Service) -> None:
    """A byte now and then does not keep a connection open."""
    with connection(hasty, HEAD + b"Content-Length: 1000\r\n\r\n") as client:
        start = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() < start + 10:
                client.sendall(b"x")
                time.sleep(0.05)
    assert time.monotonic() - start < 8


def test_a_client_that_takes_no_answers_is_left(hasty: run.Service) -> None:
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000  # answers of 50 MB
    with connection(hasty) as client:
        client.setblocking(False)
        end = time.monotonic() + 10
        with pytest.raises((ConnectionError, BrokenPipeError)):
            while time.monotonic() < end:
                try:
                    client.send(asked)
                except BlockingIOError:
                    time.sleep(0.05)


def test_a_client_that_goes_leaves_nothing(service: run.Service) -> None:
    for _ in range(20):
        with connection(service, HEAD + b"Content-Length: 1000\r\n\r\n" + SEVEN[:100]):
            pass
    assert httpx.get(f"{service.address}/health").status_code == 200


def test_two_hundred_clients_at_once_are_answered(service: run.Service) -> None:
    async def all_at_once() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=service.address, limits=limits, timeout=60) as client:
            requests: list[Any] = [{"json": {"image": ROWS}}, {"files": {"picture": SEVEN}}] * 100
            asked = [client.post("/predict", **request) for request in requests]
            return await asyncio.gather(*asked)

    responses = asyncio.run(all_at_once())
    assert [response.status_code for response in responses] == [200] * 200
    assert {response.json()["digit"] for response in responses[1::2]} == {7}


def test_stopping_finishes_what_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, answer = threading.Event(), Reader.picture

    def slow(*arguments: Any) -> Any:
        begun.set()
        time.sleep(0.5)
        return answer(*arguments)

    monkeypatch.setattr(Reader, "picture", slow)
    service = run.start()
    responses: list[httpx.Response] = []
    url = f"{service.address}/predict"
    client = threading.Thread(
        target=lambda: responses.append(httpx.post(url, files={"picture": SEVEN}))
    )
    client.start()
    assert begun.wait(10)
    service.stop()
    client.join()
    assert responses[0].json()["digit"] == 7
    with pytest.raises(httpx.ConnectError):
        httpx.get(service.address)


def test_a_port_in_use_is_refused(service: run.Service) -> None:
    with pytest.raises(OSError):
        run.start(port=service.port)


# ---- Who may ask, by where the service listens ----


def test_only_this_computer_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    for host in ("127.0.0.1", "::1", "localhost"):
        assert run.settings_for(host) == Settings(hosts=("localhost",), frames="'none'")


def test_a_network_reaches_the_computer_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setattr(socket, "gethostname", lambda: "Desk")
    hosts = run.settings_for("0.0.0.0", ("digits.example",)).hosts  # the name for all addresses
    assert {"localhost", "desk", "desk.local", "digits.example"} <= set(hosts)


def test_colab_may_show_the_page_in_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    with run.start() as service:
        answer = httpx.get(service.address, headers={"host": "8000-x.prod.colab.dev"})
    assert answer.status_code == 200
    assert "frame-ancestors https://*.google.com" in answer.headers["content-security-policy"]


HAS_IPV6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 on this machine")


@pytest.mark.parametrize(
    ("host", "own"), [("0.0.0.0", "127.0.0.1"), pytest.param("::", "[::1]", marks=HAS_IPV6)]
)
def test_addresses_of_all_networks_are_named(host: str, own: str) -> None:
    with closing(run.listen(host, 0)) as listening:
        first, *others = run.addresses(listening)
        port = listening.getsockname()[1]
        assert first == f"http://{own}:{port}"
        for address in others:  # a telephone would use it
            assert re.fullmatch(rf"http://(?!0\.)[\d.]+:{port}", address)
            with socket.create_connection((address.split("/")[2].split(":")[0], port), 5):
                pass


# ---- The command ----

COMMAND = [sys.executable, "-m", "mnist_lab.course.cli", "serve"]
ENVIRON = os.environ | {
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    "PYTHONUNBUFFERED": "1",
}


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and the address that it names."""
    command = [*COMMAND, "--port", "0", *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=ENVIRON, **pipes) as process:
        try:
            assert process.stdout is not None
            first, second = process.stdout.readline(), process.stdout.readline()
            assert second == "Ctrl-C stops the service.\n"
            assert first.startswith("Draw a digit at http://127.0.0.1:"), process.communicate()
            yield process, first.split()[-1]
        finally:
            process.kill()


@pytest.fixture
def ends_at_ctrl_c() -> Iterator[None]:
    """Let commands that a test starts end at Ctrl-C, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a process")
@pytest.mark.usefixtures("ends_at_ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_at_a_signal_and_answers_before(number: signal.Signals) -> None:
    with served() as (process, address):
        port = int(address.rpartition(":")[2])
        assert httpx.post(f"{address}/predict", files={"picture": SEVEN}).json()["digit"] == 7
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(HEAD + f"Content-Length: {len(SEVEN)}\r\n\r\n".encode() + SEVEN[:50])
            time.sleep(0.3)
            process.send_signal(number)
            time.sleep(0.3)
            client.sendall(SEVEN[50:])
            assert b'"digit":7' in until_closed(client)
        _, wrong = process.communicate(timeout=20)
    assert process.returncode == 130
    assert wrong == "Stopped. What had begun was answered.\n"


def refused(*options: str, code: str = "") -> str:
    command = [sys.executable, "-c", code, *options] if code else [*COMMAND, *options]
    result = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    return result.stderr


@pytest.mark.slow
def test_a_command_that_cannot_start_says_why(service: run.Service) -> None:
    port = str(service.port)
    assert refused("--port", port) == (
        f"mnist-lab: Port {port} is in use: choose another one with --port.\n"
    )
    assert refused("--host", "192.0.2.1") == (
        "mnist-lab: 192.0.2.1 is no address of this computer: choose another one with --host.\n"
    )
    assert "--port" in refused("--port", "65536")


@pytest.mark.slow
@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "ai_edge_litert", "python_multipart"])
def test_a_missing_package_is_one_sentence(package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv[1:1] = ['serve', '--port', '0']\n"
        "from mnist_lab.course.cli.main import app; app()"
    )
    said = refused(code=code)
    assert said.startswith(f"mnist-lab: The service needs the package {package}")
    assert said.endswith('call pip install "mnist-lab[serve]".\n') and said.count("\n") == 1
