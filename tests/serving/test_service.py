"""What the service answers: three forms of pictures, every bad request, and what it never does."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from handwriting import ROUND, picture, png
from PIL import Image, ImageDraw

from mnist_lab.pictures import to_mnist
from mnist_lab.serving.answers import Reader
from mnist_lab.serving.app import Settings, create_app
from mnist_lab.serving.guards import Limits

with warnings.catch_warnings(action="ignore"):  # Starlette will want httpx2 one day
    from fastapi.testclient import TestClient

OWN = "http://127.0.0.1:8000"
SEVEN = picture(*ROUND[7])


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def client(reader: Reader) -> TestClient:
    return TestClient(create_app(reader), base_url=OWN, raise_server_exceptions=False)


def limited(reader: Reader, **limits: Any) -> TestClient:
    return TestClient(create_app(reader, Settings(limits=Limits(**limits))), base_url=OWN)


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def as_file(content: bytes) -> dict[str, Any]:
    return {"files": {"picture": ("digit.png", content)}}


def alone(content: bytes) -> dict[str, Any]:
    return {"content": content, "headers": {"content-type": "image/png"}}


def in_json(content: bytes) -> dict[str, Any]:
    return {"json": {"picture": data_url(content)}}


FORMS = [as_file, alone, in_json]


def sentence(response: httpx.Response) -> str:
    """The one sentence of a refusal, which is for people."""
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/json"
    (said,) = response.json().values()
    assert said[0].isupper() and said.endswith(".") and len(said) < 250, said
    assert not re.search(r"Traceback|Error|\n|/tmp|<", said), said
    return str(said)


# ---- Answers ----


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_gets_an_answer(form: Callable[[bytes], Any], client: TestClient) -> None:
    response = client.post("/predict", **form(SEVEN))
    assert response.status_code == 200
    answer = response.json()
    assert (answer["digit"], answer["sure"], answer["reason"]) == (7, True, None)
    assert len(answer["probabilities"]) == 10
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert answer["image"] == to_mnist(SEVEN).tolist()


@pytest.mark.parametrize("full", [1, 255])
def test_numbers_get_the_answer_of_their_picture(full: int, client: TestClient) -> None:
    levels = to_mnist(SEVEN)
    image = levels.tolist() if full == 255 else (levels / 255).tolist()
    answer = client.post("/predict", json={"image": image}).json()
    assert answer == client.post("/predict", **alone(SEVEN)).json()


def test_an_answer_can_be_sent_back(client: TestClient) -> None:
    answer = client.post("/predict", **alone(SEVEN)).json()
    assert client.post("/predict", json={"image": answer["image"]}).json() == answer


def test_what_is_no_digit_gets_the_reason(client: TestClient) -> None:
    noise = [[(row * 71 + column * 37) % 256 for column in range(28)] for row in range(28)]
    answer = client.post("/predict", json={"image": noise}).json()
    assert answer["sure"] is False
    assert answer["reason"].endswith(".")


def test_the_name_of_a_file_means_nothing(client: TestClient) -> None:
    files = {"picture": ("../../etc/passwd\x00.svg", SEVEN, "image/svg+xml")}
    assert client.post("/predict", files=files).json()["digit"] == 7


# ---- Refusals ----


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("digit.png", bytes(30_000_000))
    return file.getvalue()


def text_bomb() -> bytes:
    """A PNG whose description grows to 100 MB when it is read."""
    note = b"Comment\0\0" + zlib.compress(bytes(100_000_000))
    chunk = len(note).to_bytes(4, "big") + b"zTXt" + note
    chunk += zlib.crc32(b"zTXt" + note).to_bytes(4, "big")
    return SEVEN[:33] + chunk + SEVEN[33:]


def face() -> bytes:
    image = Image.linear_gradient("L").resize((300, 360)).convert("RGB")
    pen = ImageDraw.Draw(image)
    pen.ellipse((50, 40, 250, 330), fill=(224, 172, 138))
    pen.chord((45, 20, 255, 200), 180, 360, fill=(60, 40, 30))
    for x in (105, 180):
        pen.ellipse((x, 150, x + 28, 168), fill="white")
        pen.ellipse((x + 8, 151, x + 22, 167), fill=(40, 70, 50))
    pen.line([(150, 165), (140, 225), (158, 228)], fill=(180, 120, 95), width=5)
    pen.arc((110, 220, 195, 285), 20, 160, fill=(150, 40, 50), width=9)
    return png(image)


TWO_DIGITS = [[(x * 2 // 5 + shift, 20 + y * 3 // 5) for x, y in ROUND[7][0]] for shift in (0, 55)]
BAD_PICTURES: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"I am no picture.",
    "a program": lambda: b"\x7fELF" + bytes(200),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M10 9h12l-7 15'/></svg>",
    "cut PNG": lambda: SEVEN[: len(SEVEN) // 2],
    "60 million pixels": lambda: png(Image.new("1", (10_000, 6_000), 1)),
    "zip bomb": bomb,
    "bomb in a PNG": text_bomb,
    "two digits": lambda: picture(*TWO_DIGITS),
    "blank page": lambda: png(Image.new("L", (200, 200), 250)),
    "face": face,
}


@pytest.fixture(scope="module", params=BAD_PICTURES)
def bad_picture(request: pytest.FixtureRequest) -> bytes:
    return BAD_PICTURES[request.param]()


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_picture_gets_a_sentence(
    form: Callable[[bytes], Any], bad_picture: bytes, client: TestClient
) -> None:
    response = client.post("/predict", **form(bad_picture))
    if response.status_code == 200:  # read as something, and then refused by the network
        assert not response.json()["sure"] and response.json()["reason"].endswith(".")
    else:
        assert response.status_code == 422
        sentence(response)


def test_blank_and_double_pictures_are_told_apart(client: TestClient) -> None:
    said = {
        name: sentence(client.post("/predict", **alone(BAD_PICTURES[name]())))
        for name in ("two digits", "blank page", "60 million pixels")
    }
    assert "Two digits" in said["two digits"]
    assert "No ink" in said["blank page"]
    assert "50,000,000 pixels" in said["60 million pixels"]


ROWS = [[0] * 28 for _ in range(28)]
BAD_REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "nothing": (415, {}),
    "an empty picture": (422, alone(b"")),
    "an empty file": (422, as_file(b"")),
    "another content type": (415, {"content": SEVEN, "headers": {"content-type": "text/plain"}}),
    "a form of a web page": (415, {"data": {"picture": "7"}}),
    "a path": (422, {"json": {"picture": "/etc/passwd"}}),
    "a path in a form": (422, {"files": {"picture": (None, "/etc/passwd")}}),
    "a web address": (422, {"json": {"picture": "http://127.0.0.1/7.png"}}),
    "a data URL without a picture": (422, {"json": {"picture": "data:,7"}}),
    "a data URL that is no base64": (422, {"json": {"picture": "data:image/png;base64,%%%"}}),
    "another field": (422, {"files": {"photo": ("7.png", SEVEN)}}),
    "two files": (400, {"files": [("picture", SEVEN), ("picture", SEVEN)]}),
    "no boundary": (400, {"content": b"7", "headers": {"content-type": "multipart/form-data"}}),
    "a damaged form": (
        400,
        {"content": b"7", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    ),
    "no JSON": (400, {"content": b"{", "headers": {"content-type": "application/json"}}),
    "deep JSON": (
        400,
        {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
    ),
    "empty JSON": (422, {"json": {}}),
    "a list": (422, {"json": [1, 2]}),
    "both": (422, {"json": {"picture": data_url(SEVEN), "image": ROWS}}),
    "an unknown field": (422, {"json": {"picture": data_url(SEVEN), "model": "x"}}),
    "784 in a row": (422, {"json": {"image": [0] * 784}}),
    "27 rows": (422, {"json": {"image": ROWS[1:]}}),
    "an uneven row": (422, {"json": {"image": [*ROWS[1:], [0] * 27]}}),
    "words for numbers": (422, {"json": {"image": [["0"] * 28] * 28}}),
    "no ink": (422, {"json": {"image": ROWS}}),
    "below 0": (422, {"json": {"image": [[-1] * 28] * 28}}),
    "above 255": (422, {"json": {"image": [[256] * 28] * 28}}),
    "not a number": (
        422,
        {
            "content": json.dumps({"image": [[float("nan")] * 28] * 28}),
            "headers": {"content-type": "application/json"},
        },
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_gets_a_sentence(
    name: str, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    status, request = BAD_REQUESTS[name]
    response = client.post("/predict", **request)
    assert response.status_code == status, response.text
    sentence(response)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_a_wrong_address_gets_a_sentence(client: TestClient) -> None:
    for path in ("/predictions", "/../pyproject.toml", "/%2e%2e/page.html", "/static/page.html"):
        response = client.get(path)
        assert response.status_code == 404
        sentence(response)
    assert client.get("/predict").status_code == 405
    sentence(client.get("/predict"))


def test_a_fault_of_ours_is_said(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    def break_down(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("mnist_lab.serving.answers.Reader.picture", break_down)
    response = client.post("/predict", **alone(SEVEN))
    assert response.status_code == 500
    assert "open an issue" in response.json()["detail"] and "secret" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"


# ---- Limits ----


def test_a_body_of_20_mb_is_refused_and_never_parsed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_lab.serving.app.read_upload", None)
    for form in FORMS:
        response = client.post("/predict", **form(bytes(20_000_000)))
        assert response.status_code == 413
        assert "10 MB" in sentence(response)
        assert response.headers["connection"] == "close"


def test_a_body_may_not_say_that_it_is_short(reader: Reader) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [bytes(1000)] * 4

    with limited(reader, body=3000, drained=3500) as client:
        headers = {"content-type": "image/png"}  # chunked: no length is declared
        response = client.post("/predict", content=pieces(), headers=headers)
        assert response.status_code == 413
        response = client.post("/predict", content=bytes(3000), headers=headers)
        assert response.status_code == 422  # no picture, but not too large


def test_memory_for_all_bodies_has_a_limit(reader: Reader) -> None:
    with limited(reader, bodies=5000) as client:
        for _ in range(5):  # what was answered does not count
            assert client.post("/predict", **alone(bytes(4000))).status_code == 422
        response = client.post("/predict", **alone(bytes(6000)))
    assert response.status_code == 503
    assert "busy" in response.json()["detail"]


OPENED: list[str] = []
LISTENING = False


def listen(event: str, arguments: tuple[Any, ...]) -> None:
    mode = arguments[1] if LISTENING and event == "open" else None
    if isinstance(mode, str) and set(mode) & set("wax+"):
        OPENED.append(str(arguments[0]))


@pytest.fixture(scope="module")
def files_written() -> Iterator[list[str]]:
    """The files that this process opens for writing while the fixture lives."""
    global LISTENING
    sys.addaudithook(listen)  # for good: Python cannot take a hook away
    OPENED.clear()
    LISTENING = True
    yield OPENED
    LISTENING = False


def test_nothing_is_written_to_disk(
    files_written: list[str], client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = png(Image.effect_noise((2000, 1500), 90))
    assert 2_000_000 < len(large) < 9_000_000
    for form in FORMS:
        client.post("/predict", **form(large))
    assert files_written == []
    # The same request through Starlette's own parser, which spools, shows that the test can fail.
    monkeypatch.setattr("mnist_lab.serving.uploads._InMemory.spool_max_size", 1000)
    client.post("/predict", **as_file(large))
    assert files_written != []


# ---- Browsers ----


def test_every_answer_has_the_headers(client: TestClient) -> None:
    for response in (
        client.get("/"),
        client.get("/docs"),
        client.get("/nowhere"),
        client.get("/health", headers={"host": "evil.example"}),
        client.post("/predict", **alone(bytes(20_000_000))),
    ):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "server" not in response.headers


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing(path: str, client: TestClient) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)|url\(([^)]+)\)|@import""", response.text)
    assert {name for name, _ in loaded if not name.startswith("data:")} <= {
        *("docs", ".", "openapi.json"),
    }
    assert not re.search(r"\sstyle=|\son\w+=|javascript:", response.text)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8000", "192.168.1.7:8000", "[::1]:8000", "localhost", "LOCALHOST:9", "localhost."],
)
def test_own_hosts_are_answered(host: str, client: TestClient) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "", "[", "a b"])
def test_other_hosts_are_refused(host: str, client: TestClient) -> None:
    response = client.get("/health", headers={"host": host})
    assert response.status_code == 421
    assert "--allow-host" in sentence(response)


def test_pages_of_others_are_refused(client: TestClient) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9000"):
        response = client.post("/predict", **in_json(SEVEN), headers={"origin": origin})
        assert response.status_code == 403
        sentence(response)
    own = client.post("/predict", **in_json(SEVEN), headers={"origin": OWN})
    assert own.status_code == 200


def test_a_named_host_is_answered(reader: Reader) -> None:
    named = TestClient(create_app(reader, Settings(hosts=("digits.example",))), base_url=OWN)
    assert named.get("/health", headers={"host": "digits.example"}).status_code == 200
    assert named.get("/health", headers={"host": "localhost"}).status_code == 421


# ---- The other pages ----


def test_health_names_the_network(client: TestClient) -> None:
    found = client.get("/health").json()
    assert found["status"] == "ok"
    assert re.fullmatch("[0-9a-f]{64}", found["network"])


def test_openapi_describes_what_is_sent_and_got(client: TestClient) -> None:
    predict = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {
        *("multipart/form-data", "application/json", "image/*"),
    }
    assert {"200", "413", "415", "422"} <= set(predict["responses"])
    page = client.get("/docs").text
    for word in ("POST /predict", "GET /health", "probabilities", "reason", "413"):
        assert word in page
    assert "$" not in page


def test_no_tensorflow_is_needed() -> None:
    """The service loads nothing of the course and nothing heavy, so it starts at once."""
    code = (
        "import sys, time;"
        "from mnist_lab.serving.run import server; from mnist_lab.serving.app import Settings;"
        "server(Settings()); print(time.process_time());"
        "print(*{name.partition('.')[0] for name in sys.modules});"
        "print(*[name for name in sys.modules if name.startswith('mnist_lab.course')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    seconds, modules, course = result.stdout.split("\n")[:3]
    heavy = {"tensorflow", "keras", "matplotlib", "pandas", "sklearn", "statsmodels", "seaborn"}
    assert not heavy.intersection(modules.split())
    assert course == ""
    assert float(seconds) < 4  # of a processor, with the start of Python; about 1 s are usual
