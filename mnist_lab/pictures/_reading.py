"""Pictures of every kind, read as grey levels, or refused with what is wrong with them."""

from __future__ import annotations

import base64
import io
import math
import os
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

__all__ = ["BLANK", "Grey", "Picture", "PictureError", "to_grey"]

Grey = npt.NDArray[np.uint8]
Picture = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | npt.NDArray[Any]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # EPS would start a program
MAX_PIXELS = 50_000_000
MAX_SIDE = 1024  # larger pictures are averaged down: enough for a digit a twentieth as high
TOO_LARGE = f"has more than {MAX_PIXELS:,} pixels: cut out the digit or shrink the picture."
BLANK = "No ink stands out: pass one digit, written clearly on plain paper."
FULL = (1, 255, 1023, 4095, 16383, 65535)  # the highest level of 1, 8, 10, 12, 14 and 16 bits


class PictureError(ValueError):
    """No digit can be read in this picture; the message says why and what to do."""


def to_grey(picture: Picture) -> Grey:
    """Return the grey levels of a picture, or of the colour that shows its ink best."""
    return _levels(_read(picture))


def _read(source: Any, name: str = "The picture") -> Image.Image:
    """Return the picture in mode L, RGB or RGBA; its declared size is checked before decoding."""
    try:
        if isinstance(source, str) and source.startswith("data:"):
            name, source = "The data URL", base64.b64decode(source.partition(",")[2])
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            raise PictureError(f"{source[:80]!r} is a web address: download it and pass the file.")
        if isinstance(source, str | os.PathLike):
            name = repr(str(source)[-200:])
            with Path(source).expanduser().open("rb") as file:
                return _read(file, name)
        if isinstance(source, bytes | bytearray | memoryview):
            source = io.BytesIO(source)
        known = isinstance(source, Image.Image)
        if hasattr(source, "__array__") and not known:
            return _from_array(np.asarray(source))
        if not hasattr(source, "read") and not known:
            kinds = "a path, bytes, an open binary file, a Pillow image or a NumPy array"
            raise PictureError(f"{type(source).__name__} is no picture: pass {kinds}.")
        with warnings.catch_warnings(action="ignore"):  # odd metadata; a size that we check
            image = source if known else Image.open(source, "r", FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise PictureError(f"{name} {TOO_LARGE}")
            image.getpixel((0, 0))  # decodes, and fails where there is no pixel
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel
                return _from_array(np.asarray(image))
            opaque = "L" if image.mode in ("1", "L") else "RGB"
            return image.convert("RGBA" if image.has_transparency_data else opaque)
    except PictureError:
        raise
    except Exception as error:  # a broken file can end in nearly any exception
        problem = f"is damaged or none of {', '.join(FORMATS)}: save the picture as PNG."
        if isinstance(error, Image.DecompressionBombError):
            problem = TOO_LARGE
        elif reason := getattr(error, "strerror", None):
            problem = f"cannot be opened ({reason}): check its name and folder."
        raise PictureError(f"{name} {problem}") from None


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    """Check the levels of an array and return them as 0..255 in mode L, RGB or RGBA."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    flat = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not flat or not array.size or array.dtype.kind not in "biuf":
        raise PictureError(
            f"An array of shape {array.shape} and dtype {array.dtype} is no picture: pass numbers "
            "of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4). Pass 784 numbers in a row as "
            "reshape(28, 28)."
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(f"The array {TOO_LARGE}")
    low, high = float(array.min()), float(array.max())
    slack = 0.05 if array.dtype.kind == "f" else 0.0
    full = next((full for full in FULL if high <= full * (1 + slack)), None)
    if full is None or not low >= -slack * full:  # NaN fails both
        raise PictureError(
            f"Levels run from {low:g} to {high:g}: scale them to 0..1, 0..255 or 0..65535, and "
            "leave out NaN."
        )
    if array.dtype != np.uint8 or full == 1:
        array = np.rint(np.clip(array * np.float64(255 / full), 0, 255)).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(array))


def _levels(image: Image.Image) -> Grey:
    """Return the grey levels or the one colour channel that shows ink and paper best."""
    image = image.reduce(math.ceil(max(image.size) / MAX_SIDE))
    if image.mode == "RGBA":  # put paper behind: of its own colour, or one that the ink shows on
        pixels = np.asarray(image, np.uint8)
        seen = pixels[pixels[:, :, 3] >= pixels[:, :, 3].max() // 2, :3]
        ends = np.percentile(seen, (0.5, 99.5), axis=0, method="nearest")
        both = np.ptp(ends, axis=0).max() > 127  # ink and its own paper are there, not ink alone
        levels = np.median(seen, axis=0) if both else (seen.mean(axis=0) < 128) * 255
        paper = Image.new("RGBA", image.size, (*map(int, levels), 255))
        image = Image.alpha_composite(paper, image).convert("RGB")
    if image.mode == "L":
        return np.asarray(image)
    return max(map(np.asarray, [image.convert("L"), *image.split()]), key=np.std)
