"""Any picture of one handwritten digit, brought to the form of MNIST.

As MNIST was made (LeCun, Bottou, Bengio and Haffner 1998, section III-A), the digit is cut out,
its longer side brought to 20 pixels and its centre of mass put in the centre of a 28 by 28 field:
row and column 14, counted from 0, to within 0.52 pixel in all 70,000 images. Pixels are computed in
whole numbers, in Pillow's resampling too, so that they come out the same on every machine.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy import ndimage

__all__ = ["PictureError", "to_mnist"]

Grey = npt.NDArray[np.uint8]
Picture = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | npt.NDArray[Any]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # EPS would start a program
MAX_PIXELS = 50_000_000
MAX_SIDE = 1024  # larger pictures are averaged down: enough for a digit a twentieth as high
THUMBNAIL = 64  # longest side of the small copy in which paper and ink are told apart
MIN_CONTRAST = 32  # levels of 255 between ink and paper
TOO_LARGE = f"has more than {MAX_PIXELS:,} pixels: cut out the digit or shrink the picture."
BLANK = "No ink stands out: pass one digit, written clearly on plain paper."


class PictureError(ValueError):
    """No digit can be read in this picture; the message says why and what to do."""


def to_mnist(picture: Picture) -> Grey:
    """Return one handwritten digit in the form of MNIST.

    Any size and colour, dark on light or light on dark (told apart by the levels of the border and
    of the whole), also transparent or turned by a camera. In pictures over 64 pixels a side uneven
    light is evened out. Ink differs from the paper by more than a sixteenth of the contrast and
    four standard deviations of the paper's noise; specks are dropped.

    Args:
        picture: a path; a picture file as bytes or open in binary mode (PNG, JPEG, GIF, BMP, TIFF,
            WebP, PPM; the first frame); a Pillow image; or an array of shape (h, w), (h, w, 1),
            (h, w, 3) RGB or (h, w, 4) RGBA, boolean, integer or float. The largest value of an
            array tells its range: 0..1, 0..255 or 0..65535; floats may overshoot it by 5 %.

    Returns:
        uint8 of shape (28, 28): paper 0, full ink 255, the edges of strokes between them.

    Raises:
        PictureError: no picture, blank, damaged, over 50 million pixels, an array not as above.
    """
    return _normalise(_ink(_grey(_read(picture))))


def _read(source: Any, name: str = "The picture") -> Image.Image:
    """Return the picture in mode L, RGB or RGBA; its declared size is checked before decoding."""
    try:
        if isinstance(source, str | os.PathLike):
            name = repr(str(source)[-200:])
            with Path(source).open("rb") as file:
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
            "of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), 784 in a row as reshape(28, 28)."
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(f"The array {TOO_LARGE}")
    low, high = float(array.min()), float(array.max())
    slack = 0.05 if array.dtype.kind == "f" else 0.0
    full = next((full for full in (1, 255, 65535) if high <= full * (1 + slack)), None)
    if full is None or not low >= -slack * full:  # NaN fails both
        raise PictureError(
            f"Levels run from {low:g} to {high:g}: scale them to 0..1, 0..255 or 0..65535, no NaN."
        )
    if array.dtype != np.uint8 or full == 1:
        array = np.rint(np.clip(array * np.float64(255 / full), 0, 255)).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(array))


def _grey(image: Image.Image) -> Grey:
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


def _ink(grey: Grey) -> Grey:
    """Return the digit alone, cut out: ink light, everything else 0."""
    picture = Image.fromarray(grey)
    small = np.asarray(picture.reduce(math.ceil(max(picture.size) / THUMBNAIL)))
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    # Paper fills most of the border and most of the picture. Either alone can mislead: a digit may
    # fill its picture, a lens may darken the corners.
    if border.mean() + small.mean() > int(small.min()) + int(small.max()):
        grey, small = ~grey, ~small  # 255 minus each
    paper: Any = grey.min()
    if small.size < grey.size:  # the darkest level nearby, in a window wider than strokes are
        paper = ndimage.grey_opening(small, THUMBNAIL // 4 + 1, mode="nearest")
        paper = _resize(paper, picture.size, Image.Resampling.BILINEAR)
    ink = grey.astype(np.int16) - paper
    levels = np.sort(ink, axis=None, kind="stable")
    full = int(levels[-1 - min(20, levels.size // 2000)])  # a few stray pixels do not count
    blank = levels[: max(1, np.searchsorted(levels, full / 2))]
    middle = blank[blank.size // 2]
    noise = int(np.sort(np.abs(blank - middle))[blank.size // 2])  # median absolute deviation
    contrast = full - int(middle)
    if contrast < max(MIN_CONTRAST, 12 * noise):
        raise PictureError(BLANK)
    ink -= middle
    ink[ink <= max(contrast // 16, 6 * noise)] = 0  # 6 such deviations are 4 standard deviations
    parts, _ = ndimage.label(ink, np.ones((3, 3)))
    # A part of the digit has strong ink somewhere and is not tiny beside the largest part.
    strong = np.bincount(parts.ravel(), (ink > contrast // 2).ravel()) > 0
    mass = np.bincount(parts.ravel(), ink.ravel()) * strong
    ink[(mass * 32 < mass.max())[parts]] = 0
    rows, columns = np.nonzero(ink > contrast // 4)  # the faint rim would grow by every resampling
    digit: Grey = ink.clip(max=255).astype(np.uint8)
    return digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _normalise(digit: Grey) -> Grey:
    """Bring a cut-out digit to 20 pixels, stretch its levels and centre its mass."""
    longest = max(digit.shape)
    height, width = (max(1, (40 * n + longest) // (2 * longest)) for n in digit.shape)
    small = _resize(digit, (width, height), Image.Resampling.BICUBIC).astype(np.int64)
    levels = np.sort(small[small > 0])
    if not levels.size:
        raise PictureError(BLANK)
    # A quarter of the ink or more becomes full ink: in MNIST 39 % of it has a level over 250.
    full = levels[levels.size * 3 // 4]
    small = np.minimum((small * 255 + full // 2) // full, 255)
    field = np.zeros((28, 28), np.uint8)
    top, left = (_start(small.sum(axis=axis)) for axis in (1, 0))
    field[top : top + height, left : left + width] = small
    return field


def _start(mass: npt.NDArray[np.int64]) -> int:
    """Return where rows of this mass start: their centre nearest to 14, and all of them kept."""
    total, moment = int(mass.sum()), int(mass @ np.arange(mass.size))
    return min(max((29 * total - 2 * moment) // (2 * total), 0), 28 - mass.size)


def _resize(grey: Grey, size: tuple[int, int], how: Image.Resampling) -> Grey:
    """Resize in two passes: Pillow 11 and 13 differ in which comes first, so in their rounding."""
    image = Image.fromarray(grey)
    return np.asarray(image.resize((size[0], image.height), how).resize(size, how))
