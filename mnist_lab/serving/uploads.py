"""What a request brings: a picture file, a data URL or 28x28 numbers. Nothing goes to the disk."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mnist_lab import IMAGE_SHAPE
from mnist_lab.pictures import FORMATS

__all__ = ["BODIES", "Body", "Upload", "UploadError", "read_upload"]

# The content of a picture file, a text that should be a data URL, or rows of numbers.
Upload = bytes | str | list[list[float]]

FORMS = (
    "send a picture file as the field picture of a form, a picture file alone with its own content "
    "type, or JSON with picture or image"
)
_NO_LIMIT = 2**62  # of a part of a form: the whole body has had its limit
_HEIGHT, _WIDTH = IMAGE_SHAPE
Row = Annotated[list[float], Field(min_length=_WIDTH, max_length=_WIDTH)]


class Body(BaseModel):
    """A request in JSON, which has one of the two."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)

    picture: str | None = None
    """A data URL, such as data:image/png;base64,iVBORw0... of a picture with one digit."""
    image: Annotated[list[Row], Field(min_length=_HEIGHT, max_length=_HEIGHT)] | None = None
    """28 rows of 28 numbers in the form of MNIST: paper 0, and full ink 1 or 255."""


# What the OpenAPI page says of the three forms.
BODIES: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["picture"],
                "properties": {
                    "picture": {
                        "type": "string",
                        "format": "binary",
                        "description": f"A picture file, one of {', '.join(FORMATS)}.",
                    }
                },
            }
        },
        "application/json": {"schema": Body.model_json_schema()},
        "image/*": {
            "schema": {
                "type": "string",
                "format": "binary",
                "description": "The picture file is the whole body.",
            }
        },
    },
}


# The parser of forms would write a line about each damaged form, and anybody can send a thousand.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


class UploadError(ValueError):
    """A request that brings no picture: a status of HTTP, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _InMemory(MultiPartParser):
    """Keeps files in memory, where the limit of a body has already let them in."""

    spool_max_size = 0  # 0 means that no size moves a file to the disk


async def read_upload(request: Request) -> Upload:
    """Return what a request brings. The names of uploaded files are not looked at.

    Raises:
        UploadError: the request has another content type, or not the form that it claims.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        upload: Upload = await _from_form(request)
    elif kind == "application/json":
        upload = _from_json(await request.body())
    elif kind.startswith("image/") or kind == "application/octet-stream":
        upload = await request.body()
    else:
        raise UploadError(415, f"The content type {kind[:60]!r} is not understood: {FORMS}.")
    if not upload:
        raise UploadError(422, f"There is no picture in the request: {FORMS}.")
    return upload


async def _from_form(request: Request) -> bytes | str:
    stream = request.stream()
    parser = _InMemory(request.headers, stream, max_files=1, max_fields=1, max_part_size=_NO_LIMIT)
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError):
        raise UploadError(
            400, "The form is damaged or has several files: send one picture in the field picture."
        ) from None
    try:
        picture = form.get("picture")
        if picture is None:
            raise UploadError(422, "The form has no field picture: send the picture file in it.")
        return await picture.read() if isinstance(picture, UploadFile) else picture
    finally:
        await form.close()


def _from_json(content: bytes) -> str | list[list[float]]:
    try:
        body = Body.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if fault["type"] == "json_invalid":
            raise UploadError(400, "The body is no JSON: mend it, or send a file.") from None
        if fault["loc"][:1] == ("image",):
            sentence = "The image does not have 28 rows of 28 numbers: send it in this shape."
        else:
            sentence = 'The JSON has another form: send {"picture": a data URL} or {"image": rows}.'
        raise UploadError(422, sentence) from None
    given: list[str | list[list[float]]] = [
        part for part in (body.picture, body.image) if part is not None
    ]
    if len(given) != 1:
        raise UploadError(422, "The JSON has both picture and image, or neither: send one.")
    return given[0]
