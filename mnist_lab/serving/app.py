"""The service: a page to draw on, and answers to whoever sends a picture of a digit."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

import mnist_lab
from mnist_lab.pictures import PictureError
from mnist_lab.serving.answers import Answer, Reader
from mnist_lab.serving.guards import BodyLimit, HostGuard, Limits, SafeHeaders
from mnist_lab.serving.network import DIGITS, processors
from mnist_lab.serving.reference import reference
from mnist_lab.serving.uploads import BODIES, Upload, UploadError, read_upload

__all__ = ["Settings", "create_app"]

PAGE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Settings:
    """Who may use the service, and how much of it."""

    hosts: tuple[str, ...] = ("localhost",)  # names beside IP addresses; "*" means any
    frames: str = "'none'"  # sites that may show the page in a frame, as CSP writes them
    limits: Limits = field(default_factory=Limits)


class Health(BaseModel):
    """The service works."""

    status: Annotated[str, Field(description="The word ok.")] = "ok"
    version: Annotated[str, Field(description="The version of mnist-lab.")]
    network: Annotated[str, Field(description="The SHA-256 digest of the network's file.")]


class Mistake(BaseModel):
    """Why there is no answer."""

    detail: Annotated[str, Field(description="One sentence, which ends with what to do.")]


# The sentences for what no path of the service takes.
_NO_PATH = {
    404: "There is nothing at this address: open / to draw, or send a picture to /predict.",
    405: "This address takes another method: open / to draw, or send a picture by POST /predict.",
}
_MISTAKES = {
    400: "The request is damaged.",
    403: "A page of another web site sent the request.",
    408: "The request did not arrive in time.",
    413: "The request is too large.",
    415: "The content type is not understood.",
    421: "The request names a host that the service does not know.",
    422: "The request has no picture, or no digit can be read in it.",
    503: "The service is busy.",
}


def create_app(reader: Reader | None = None, settings: Settings | None = None) -> FastAPI:
    """Return the service as an ASGI application.

    Pictures are read and computed in threads, one for each processor. More requests wait for their
    turn, so that many large pictures never fill the memory.

    Args:
        reader: the networks that answer. The default are the shipped ones.
        settings: hosts and limits. The default is a service for this computer only.

    Raises:
        OSError: a file of the package is missing.
    """
    reader = reader or Reader()
    settings = settings or Settings()
    threads = ThreadPoolExecutor(processors(), "answers")
    page = PAGE.read_text(encoding="utf-8")
    digest = hashlib.sha256(DIGITS.read_bytes()).hexdigest()
    health = Health(version=mnist_lab.__version__, network=digest)
    app = FastAPI(
        title="mnist-lab",
        version=mnist_lab.__version__,
        description="Reads one handwritten digit in a picture, or says why it cannot.",
        docs_url=None,  # FastAPI's own pages load scripts from another site
        redoc_url=None,
    )

    def answer(upload: Upload) -> Answer:
        if isinstance(upload, list):
            return reader.numbers(upload)
        return reader.picture(upload)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def draw() -> str:
        return page

    @app.post(
        "/predict",
        summary="Read one handwritten digit",
        openapi_extra={"requestBody": BODIES},
        responses={
            status: {"model": Mistake, "description": meaning}
            for status, meaning in _MISTAKES.items()
        },
    )
    async def predict(request: Request) -> Answer:
        """Send a picture with one digit, or an image that is in the form of MNIST.

        A picture is cut out, scaled and centred as MNIST was made. An image of 28x28 numbers goes
        to the network as it is. The service keeps neither.
        """
        upload = await read_upload(request)
        return await asyncio.get_running_loop().run_in_executor(threads, answer, upload)

    @app.get("/health", summary="Say that the service works")
    async def say_health() -> Health:
        return health

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> str:
        return reference_page

    @app.exception_handler(UploadError)
    async def upload_refused(_: Request, error: UploadError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.exception_handler(PictureError)
    async def picture_refused(_: Request, error: PictureError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(HTTPException)
    async def not_there(_: Request, error: HTTPException) -> JSONResponse:
        sentence = _NO_PATH.get(error.status_code, error.detail)
        return JSONResponse({"detail": sentence}, error.status_code, error.headers)

    reference_page = reference(app.openapi())
    headers = _headers(settings.frames, page, reference_page)

    @app.exception_handler(Exception)
    async def our_fault(_: Request, __: Exception) -> JSONResponse:
        sentence = "The service made a mistake: its terminal shows which. Please open an issue."
        return JSONResponse({"detail": sentence}, 500, dict(headers))

    app.add_middleware(BodyLimit, limits=settings.limits)
    app.add_middleware(HostGuard, hosts=settings.hosts)
    app.add_middleware(SafeHeaders, headers=headers)  # the last one is the outermost
    return app


def _headers(frames: str, *pages: str) -> list[tuple[str, str]]:
    """Return the headers of every answer; a browser runs what the pages hold and nothing else."""
    policy = {
        "default-src": "'none'",
        "script-src": _hashes("script", *pages),
        "style-src": _hashes("style", *pages),
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": frames,
    }
    return [
        ("content-security-policy", "; ".join(f"{name} {value}" for name, value in policy.items())),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("cache-control", "no-store"),
    ]


def _hashes(tag: str, *pages: str) -> str:
    """Return the digests of what stands between these tags, as a content security policy has it."""
    parts = [part for page in pages for part in re.findall(f"(?s)<{tag}>(.*?)</{tag}>", page)]
    digests = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts]
    return " ".join(f"'sha256-{digest}'" for digest in dict.fromkeys(digests)) or "'none'"
