"""How many requests does the service answer in a second, with LiteRT and with Keras' predict?

python benchmarks/serving.py                three rounds
python benchmarks/serving.py --rounds 1

The environment variable MNIST_LAB_QUICK=1 asks a few times only, to see whether it works.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import numpy as np
import psutil
from PIL import Image, ImageFilter
from rounds import Found, cell, headline, options, side_by_side, start, table

from mnist_lab import CLASSES, data

NUMBERS, PHOTOGRAPHS = "28x28 numbers", "photographs of 100 kB"
LITERT, PREDICT = "LiteRT", "Keras predict"
MANY, CROWD = "memory over many requests", "200 clients at once"
PLAN = (
    *((subject, way) for subject in (NUMBERS, PHOTOGRAPHS) for way in (LITERT, PREDICT)),
    (MANY, LITERT),
    (CROWD, LITERT),
)
CLIENTS = 8  # of which each waits for its answer before it asks again
SECONDS = 10.0
TARGET = 20  # times as many numbers as with predict


class KerasNetwork:
    """The network of lesson 6 in Keras, which answers each request by predict."""

    def __init__(self) -> None:
        from mnist_lab.environment import quiet_start

        with quiet_start():
            from mnist_lab import models

            self.model = models.best()

    def logits(self, images: Any) -> Any:
        """Return logits of shape (n, 10) for images of shape (n, 28, 28) in 0..1."""
        return self.model.predict(images[..., np.newaxis], verbose=0)


def serve(way: str) -> None:
    """Run the service until it is killed; say on which port."""
    from mnist_lab.serving import run
    from mnist_lab.serving.answers import Reader

    keras: Any = KerasNetwork() if way == PREDICT else None
    reader = Reader(digits=keras) if keras else Reader()
    listening = run.listen("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    run.server(run.settings_for("127.0.0.1"), reader=reader).run([listening])


@contextmanager
def served(way: str) -> Iterator[tuple[psutil.Process, int]]:
    """The process of a service, and its port."""
    command = [sys.executable, __file__, "--serve", way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield psutil.Process(process.pid), int(process.stdout.readline())
        finally:
            process.kill()


def request(kind: str, content: bytes) -> bytes:
    """Return a whole request as bytes, so that the client costs little."""
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def numbers() -> list[bytes]:
    """Return requests with test images as numbers, one of each digit."""
    digits = data.load_mnist()
    images = [digits.x_test[digits.y_test == digit][0].tolist() for digit in range(CLASSES)]
    return [request("application/json", json.dumps({"image": image}).encode()) for image in images]


def photographs() -> list[bytes]:
    """Return requests with three JPEG files of nearly 100 kB, on each of which is a large digit."""
    digits = data.load_mnist()
    noise = np.random.default_rng(0)
    requests = []
    for digit in (2, 5, 7):
        ink = Image.fromarray(digits.x_test[digits.y_test == digit][0]).resize((700, 700))
        paper = Image.new("L", (1600, 1200), 225)
        paper.paste(35, (450, 250), ink.filter(ImageFilter.GaussianBlur(6)))
        levels = np.asarray(paper) + noise.normal(0, 4, (1200, 1600))
        picture = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).convert("RGB")
        files = (_jpeg(picture, quality) for quality in range(95, 5, -5))
        requests.append(request("image/jpeg", next(f for f in files if len(f) <= 100_000)))
    return requests


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


async def ask(
    port: int, requests: Sequence[bytes], clients: int, more: Callable[[int], bool]
) -> list[float]:
    """Return the seconds of each answer; clients ask one after another while ``more(asked)``."""
    times: list[float] = []
    asked = 0

    async def client() -> None:
        nonlocal asked
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while more(asked):
            begin = time.perf_counter()
            writer.write(requests[asked % len(requests)])
            asked += 1
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
            body = await reader.readexactly(int(length.split(b":")[1]))
            times.append(time.perf_counter() - begin)
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(f"{head.decode()}{body.decode()}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times


def measure(subject: str, way: str) -> dict[str, float]:
    """Return the figures of one service, after a few requests that do not count."""
    quick = "MNIST_LAB_QUICK" in os.environ
    seconds, many = (0.5, 400) if quick else (SECONDS, 20_000)
    requests = photographs() if subject == PHOTOGRAPHS else numbers()
    with served(way) as (process, port):
        asyncio.run(ask(port, requests, CLIENTS, lambda asked: asked < 40))
        if subject == MANY:
            return _memory(process, port, requests, many)
        if subject == CROWD:
            begin = time.perf_counter()
            times = asyncio.run(ask(port, requests, 200, lambda asked: asked < 200))
            return {"answered": len(times), "seconds": time.perf_counter() - begin}
        end = time.perf_counter() + seconds
        cpu = sum(process.cpu_times()[:2])
        times = asyncio.run(ask(port, requests, CLIENTS, lambda _: time.perf_counter() < end))
        cpu = sum(process.cpu_times()[:2]) - cpu
    return {
        "requests a second": len(times) / seconds,
        "p50, s": median(times),
        "p99, s": quantiles(times, n=100)[98],
        "processor, ms": 1e3 * cpu / len(times),
    }


def _memory(
    process: psutil.Process, port: int, requests: Sequence[bytes], many: int
) -> dict[str, float]:
    """Return the MB of the service after a twentieth of the requests, and after all."""

    def megabytes_after(count: int) -> float:
        times = asyncio.run(ask(port, requests, CLIENTS, lambda asked: asked < count))
        assert len(times) >= count
        return float(process.memory_info().rss / 1e6)

    first = many // 20
    return {
        "first": first,
        "all": many,
        "MB at first": megabytes_after(first),
        "MB at last": megabytes_after(many - first),
    }


def report(found: Found) -> str:
    """Return a table of speed, and a sentence each on the target, on memory and on the crowd."""
    heads = ["requests a second", "p50, s", "p99, s", "processor, ms"]
    rows = [
        [subject, way, *(cell(found[subject, way, head]) for head in heads)]
        for subject, way in PLAN[:4]
    ]
    pairs = zip(found[NUMBERS, LITERT, heads[0]], found[NUMBERS, PREDICT, heads[0]], strict=True)
    times = [fast / slow for fast, slow in pairs]
    judged = "reached" if median(times) >= TARGET else "missed"
    memory = ", ".join(
        f"{cell(found[MANY, LITERT, f'MB at {when}'])} MB after "
        f"{int(found[MANY, LITERT, count][0]):,} requests"
        for when, count in (("first", "first"), ("last", "all"))
    )
    crowd = cell(found[CROWD, LITERT, "seconds"])
    answered = int(min(found[CROWD, LITERT, "answered"]))
    return "\n".join(
        [
            table(["what is sent", "network", *heads], rows),
            "",
            f"Numbers: {cell(times)} times as many as with predict; target {TARGET} {judged}.",
            f"Memory of the service: {memory}.",
            f"200 clients at once: at least {answered} answered, all within {crowd} s.",
        ]
    )


def main() -> None:
    chosen = options("Measure how many requests the service answers.", 3)
    found = side_by_side(__file__, PLAN, chosen.rounds)
    print(f"{headline(found)}\n\n{report(found)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        start(measure, main)
