"""Hosts that answer late, at one address of several, through a proxy or not at all."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from data_room import Arrays, Server, gives, npz, same, serving

from mnist_lab import data
from mnist_lab.data import DataError, _mirrors, _reach
from mnist_lab.data._mirrors import Mirror

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")

HOST = "mirror.invalid"  # a name that no name server knows


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
    """Let the name server give these addresses for every name."""
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(*kind, place) for place in found])


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that neither opens nor refuses, as behind a firewall: its queue is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(8):
                waiting.append(knock := socket.socket())
                knock.settimeout(0.2)
                knock.connect(full.getsockname())
            pytest.skip("this system lets everybody wait in a queue")
        except TimeoutError:
            yield full.getsockname()[1]
        finally:
            for knock in waiting:
                knock.close()


def mirror_at(host: str, scheme: str = "http") -> Mirror:
    return Mirror("far", 0, (f"{scheme}://{host}/far/mnist.npz",))


def tried(monkeypatch: pytest.MonkeyPatch, *mirrors: Mirror) -> list[str]:
    """What is said of mirrors of which none works."""
    monkeypatch.setattr(_mirrors, "MIRRORS", mirrors)
    lines: list[str] = []
    assert _mirrors.download(lines) is None
    return lines


def test_a_dead_first_address_costs_nothing_but_time(
    mnist: Arrays, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an IPv6 that is announced and leads nowhere: to the first two addresses, nothing."""
    server.mirror("far", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "ADDRESS_SECONDS", 0.5)
    monkeypatch.setattr(_mirrors, "SOCKET_SECONDS", 100.0)
    with silent_port() as silent:
        places = [silent, closed_port(), silent, server.server_port]
        addresses(monkeypatch, *(("127.0.0.1", port) for port in places))
        monkeypatch.setattr(_mirrors, "MIRRORS", (mirror_at(HOST),))
        digits = data.load_mnist(allow_sample=False)
    assert same(digits, mnist) and "downloaded from far" in digits.source


def test_all_addresses_are_tried_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With twenty that are silent, one after another would take longer than all may."""
    with silent_port() as silent:
        addresses(monkeypatch, *[("127.0.0.1", silent)] * 20, ("127.0.0.1", server.server_port))
        assert _reach.reach(f"http://{HOST}/x") < _reach.REACH_SECONDS


def test_a_slow_name_server_is_waited_for(
    mnist: Arrays, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def slowly(*arguments: Any, **options: Any) -> Any:
        server.over.wait(0.5)
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    monkeypatch.setattr(_reach, "REACH_SECONDS", 60.0)
    far = server.mirror("far", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (far,))
    assert same(data.load_mnist(), mnist)


def test_a_class_has_time_to_connect() -> None:
    assert _reach.REACH_SECONDS > 5, "the resolver of Linux asks a second server after 5 seconds"
    assert _mirrors.ADDRESS_SECONDS > 1, "a packet that is lost is sent again after a second"


@pytest.mark.usefixtures("sample")
def test_a_name_server_that_swallows_questions_is_not_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swallow(*_: object, **__: object) -> Any:
        server.over.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", swallow)
    monkeypatch.setattr(_reach, "REACH_SECONDS", 0.5)
    mirrors = [Mirror(name, 0, (f"https://{name}.invalid/mnist.npz",)) for name in ("one", "two")]
    monkeypatch.setattr(_mirrors, "MIRRORS", tuple(mirrors))
    lines = data.load_mnist().source.splitlines()
    assert lines[0].startswith("The sample.")
    assert lines[-2:] == [
        f"- {name}: cannot be reached (no answer in 0.5 seconds)" for name in ("one", "two")
    ]


def test_a_firewall_that_swallows_packets_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_reach, "REACH_SECONDS", 0.5)
    with silent_port() as silent:
        (line,) = tried(monkeypatch, mirror_at(f"127.0.0.1:{silent}"))
    assert "far: cannot be reached" in line and "no answer in 0.5 seconds" in line


def test_without_a_network_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails at once is said at once: the test would take ten minutes if anything waited."""
    monkeypatch.setattr(_reach, "REACH_SECONDS", 600.0)
    refused = f"127.0.0.1:{closed_port()}"
    assert tried(monkeypatch, mirror_at(refused)) == [
        "far: cannot be reached (127.0.0.1: Connection refused)"
    ]
    # An address that no route leads to: it is that of all computers of the own network.
    (line,) = tried(monkeypatch, mirror_at("255.255.255.255"))
    assert line.startswith("far: cannot be reached (255.255.255.255: ")

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (line,) = tried(monkeypatch, mirror_at(HOST))
    assert line == f"far: cannot be reached (no address of {HOST} is known)"


def test_a_host_is_knocked_at_once_for_all_its_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    knocked = []

    def knock(url: str) -> float:
        knocked.append(url)
        raise DataError("is closed")

    monkeypatch.setattr(_reach, "reach", knock)
    mirrors = [*[mirror_at(HOST)] * 3, mirror_at("other.invalid")]
    assert tried(monkeypatch, *mirrors) == ["far: is closed"] * 4
    assert sorted(knocked) == sorted({mirror.urls[0] for mirror in mirrors})


# Proxies


def test_a_proxy_is_what_is_reached(
    mnist: Arrays, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy, no name of the outside is known: only the proxy may be looked up."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    url = f"http://{HOST}/far/mnist.npz"
    server.answers[url] = gives(npz(mnist))
    monkeypatch.setattr(_mirrors, "MIRRORS", (mirror_at(HOST),))
    assert same(data.load_mnist(allow_sample=False), mnist)
    assert server.asked == [url]


PROXIES = {
    "down": ("http://user:secret@127.0.0.1:{closed}", "cannot be reached .the proxy 127.0.0.1:"),
    "no scheme": ("127.0.0.1:{closed}", "cannot be reached .the proxy 127.0.0.1:"),
    "no host": ("http://:8080", "a proxy is set without host or port: correct HTTPS_PROXY"),
    "no port": ("http://127.0.0.1:port", "a proxy is set without host or port: correct"),
    "wants a password": (
        "http://user:secret@127.0.0.1:{open}",
        "the proxy answered 407 .*; put its user and password into HTTPS_PROXY",
    ),
}


@pytest.mark.parametrize("kind", PROXIES)
def test_proxies_that_fail(kind: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, message = PROXIES[kind]
    monkeypatch.setattr(
        server.RequestHandlerClass,
        "do_CONNECT",
        lambda handler: handler.send_error(407),
        raising=False,
    )
    proxy = proxy.format(closed=closed_port(), open=server.server_port)
    monkeypatch.setenv("https_proxy", proxy)
    (line,) = tried(monkeypatch, mirror_at(HOST, "https"))
    assert re.match(f"far: {message}", line), line
    assert "secret" not in line


def test_socks_without_its_package(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", missing)  # as without PySocks
    monkeypatch.setenv("all_proxy", f"socks5h://127.0.0.1:{server.server_port}")
    (line,) = tried(monkeypatch, mirror_at(HOST, "https"))
    assert (
        line == "far: the proxy speaks SOCKS, which needs the package PySocks: pip install pysocks"
    )


# Secure connections


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody trusts, and its key, in one file."""
    path = tmp_path_factory.mktemp("certificate") / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command, *names, "-keyout", str(path), "-out", str(path)],
            check=True,
            capture_output=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl that makes a certificate")
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    """A server on loopback that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


def test_a_certificate_that_is_not_trusted(
    mnist: Arrays, secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.mirror("far", ("mnist.npz", gives(npz(mnist))))
    far = mirror_at(f"127.0.0.1:{secure.server_port}", "https")
    (line,) = tried(monkeypatch, far)
    assert line.startswith("far: has a certificate that is not trusted (self")
    assert line.endswith("name the file of that certificate in REQUESTS_CA_BUNDLE")
    # What the message says helps.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert same(data.load_mnist(allow_sample=False), mnist)


@pytest.mark.parametrize("reason", ["certificate has expired", "certificate is not yet valid"])
def test_a_certificate_of_another_time(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        inner = ssl.SSLCertVerificationError(
            1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {reason} (_ssl.c:1006)"
        )
        raise requests.exceptions.SSLError(inner)

    monkeypatch.setattr(_reach, "reach", lambda url: 0.0)
    monkeypatch.setattr(_mirrors, "_fetch", fail)
    (line,) = tried(monkeypatch, mirror_at(HOST, "https"))
    assert line == (
        f"far: has a certificate that is not valid now ({reason}): correct the computer's date"
    )


def test_what_is_no_secure_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = tried(monkeypatch, mirror_at(f"127.0.0.1:{server.server_port}", "https"))
    assert line.startswith("far: made no secure connection")


def test_a_bundle_of_certificates_that_is_not_there(
    secure: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    (line,) = tried(monkeypatch, mirror_at(f"127.0.0.1:{secure.server_port}", "https"))
    assert "REQUESTS_CA_BUNDLE" in line and "is not there: correct it" in line
