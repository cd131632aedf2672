"""Pictures of digits: what a trained model makes of them, every kind of input, every refusal."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from mnist_lab import data
from mnist_lab.pictures import PictureError, _form, to_mnist

Array = npt.NDArray[Any]
GIVEN = os.environ.get("MNIST_LAB_DATA", "sample")
SMALL = np.round(load_digits().images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), light ink
SEVEN = np.zeros((120, 90), np.uint8)  # light ink, crisp edges, not symmetric in any way
SEVEN[20:32, 15:75] = 255
for step in range(70):
    SEVEN[30 + step, 62 - step // 2 : 74 - step // 2] = 255
EXPECTED = to_mnist(SEVEN)
SMALL_DIGEST = "7db3cc5f18c558ab1a01ad778506c297c6278f5d28222bfb089cde9866e7a647"
TALL_DIGEST = "ece419334c5768db00a45d08fcdcfa501b3feb66c832e02fbd2803d54e4e78e1"


def encoded(picture: Array | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture file in memory."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def centre(image: Array) -> Array:
    """Row and column of the centre of mass."""
    return np.array([np.average(np.arange(28), weights=image.sum(axis=a)) for a in (1, 0)])


def likeness(image: Array, other: Array = EXPECTED) -> float:
    """Correlation of two images: 1.0 when they are the same."""
    return float(np.corrcoef(image.ravel(), other.ravel())[0, 1])


# What a trained model makes of it -----------------------------------------------------------------


class Reader(NamedTuple):
    """A trained model, 1,000 test digits and how many per cent of them it reads as they are."""

    model: SVC
    images: Array
    labels: Array
    per_cent: float

    def loss(self, images: Array) -> float:
        """Percentage points lost on these versions of the test digits."""
        right = self.model.predict(images.reshape(len(images), -1) / 255) == self.labels
        return self.per_cent - 100 * float(right.mean())


@pytest.fixture(scope="module")
def reader() -> Reader:
    digits = data.load_mnist(GIVEN)
    model = SVC(C=5).fit(digits.x_train[:4000].reshape(-1, 784) / 255, digits.y_train[:4000])
    some = np.linspace(0, len(digits.y_test) - 1, 1000).astype(int)  # the sample's 300 come thrice
    fresh = Reader(model, digits.x_test[some], digits.y_test[some], 0.0)
    return fresh._replace(per_cent=-fresh.loss(fresh.images))


@pytest.fixture(scope="module")
def pasted(reader: Reader) -> list[Array]:
    """The test digits at random sizes and places on larger canvases, half of them dark on light."""
    rng = np.random.default_rng(0)
    canvases = []
    for number, digit in enumerate(reader.images):
        side = int(rng.integers(28, 140))
        canvas = np.zeros(rng.integers(side, 3 * side, 2), np.uint8)
        top, left = (rng.integers(0, free + 1) for free in np.subtract(canvas.shape, side))
        resized = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
        canvas[top : top + side, left : left + side] = resized
        canvases.append(255 - canvas if number % 2 else canvas)
    return canvases


@pytest.fixture(scope="module")
def restored(pasted: list[Array]) -> Array:
    return np.stack([to_mnist(canvas) for canvas in pasted])


def test_a_trained_model_reads_pasted_digits_as_well_as_the_originals(
    reader: Reader, restored: Array
) -> None:
    assert reader.per_cent > 90
    assert reader.loss(restored) < 1


def as_it_is(canvas: Array) -> Array:
    light = canvas if canvas.mean() < 128 else 255 - canvas
    return np.asarray(Image.fromarray(light).resize((28, 28)))


FAULTS: dict[str, Callable[[Array], Array]] = {
    "polarity upside down": lambda images: 255 - images,
    "turned by a quarter": lambda images: np.rot90(images, axes=(1, 2)),
    "half a digit": lambda images: images * (np.arange(28) < 14),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trained_model_sees_a_fault(reader: Reader, restored: Array, fault: str) -> None:
    assert reader.loss(FAULTS[fault](restored)) > 1


def test_the_trained_model_sees_digits_that_were_not_cut_out(
    reader: Reader, pasted: list[Array]
) -> None:
    assert reader.loss(np.stack([as_it_is(canvas) for canvas in pasted])) > 1


@pytest.mark.parametrize("start", [0, 4])
def test_the_trained_model_sees_digits_that_are_not_centred_by_mass(
    reader: Reader, pasted: list[Array], monkeypatch: pytest.MonkeyPatch, start: int
) -> None:
    monkeypatch.setattr(_form, "_start", lambda mass: start)
    assert reader.loss(np.stack([to_mnist(canvas) for canvas in pasted])) > 1


# The form of MNIST --------------------------------------------------------------------------------


def test_the_result_has_the_form_of_mnist(restored: Array) -> None:
    assert restored.shape == (1000, 28, 28)
    assert restored.dtype == np.uint8
    assert (restored.max(axis=(1, 2)) == 255).all()
    sides = np.stack([restored.any(axis=a).sum(axis=1) for a in (1, 2)]).max(axis=0)
    assert set(sides) <= {19, 20}  # an edge can be too faint to see
    off = np.abs([centre(image) - 14 for image in restored]).max(axis=1)
    assert np.mean(off <= 0.501) > 0.99  # the others would leave the field


def test_what_is_already_in_the_form_of_mnist_hardly_changes(reader: Reader) -> None:
    change = [np.abs(to_mnist(image).astype(int) - image).mean() for image in reader.images]
    assert np.median(change) < 1
    assert np.mean(np.array(change) < 2) > 0.9


def test_a_digit_far_from_its_own_middle_keeps_all_of_its_ink() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[5:95, 40:44] = 255  # a thin stem
    picture[85:95, 10:75] = 255  # on a heavy foot
    image = to_mnist(picture)
    assert image[:20].any(axis=1).all()  # moved up as far as the field allows
    assert centre(image)[0] > 14.5


def test_grey_edges_are_kept_and_strokes_reach_full_ink() -> None:
    smooth = Image.fromarray(SEVEN).resize((300, 400), Image.Resampling.BICUBIC)
    image = to_mnist(smooth)
    inked = image[image > 0]
    assert 0.25 <= np.mean(inked >= 250) < 0.9
    assert np.mean(inked < 250) > 0.1
    faint = to_mnist(SEVEN // 7 + 30)  # 36 levels of contrast, not 255
    assert likeness(faint) > 0.999


def test_thin_strokes_of_a_pen_come_out_clearly() -> None:
    picture = np.full((600, 400), 250, np.uint8)
    picture[100:500, 200:203] = 40  # 1/130 of its height; strokes in MNIST are about 1/8
    image = to_mnist(picture)
    assert image.max() == 255
    assert image.any(axis=0).sum() == 1


def test_every_machine_computes_the_same_pixels() -> None:
    """Pillow 11.0 to 13.0, NumPy 2.0 to 2.5 and SciPy 1.14 to 1.18 gave these digests."""
    small = b"".join(to_mnist(digit).tobytes() for digit in SMALL)
    tall = b"".join(  # canvases far higher than wide: versions of Pillow differ in resizing these
        to_mnist(np.pad(np.kron(digit, np.ones((9, 5), np.uint8)), ((9, 300), (9, 9)))).tobytes()
        for digit in SMALL[:200]
    )
    assert hashlib.sha256(small).hexdigest() == SMALL_DIGEST
    assert hashlib.sha256(tall).hexdigest() == TALL_DIGEST


def test_the_bundled_sample_takes_no_more_than_seconds() -> None:
    def seconds() -> float:
        start = time.process_time()
        for digit in SMALL:
            to_mnist(digit)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 3


# Light or dark, flat or shaded --------------------------------------------------------------------


def test_polarity_is_found_where_strokes_touch_the_border() -> None:
    border = np.ones((8, 8), bool)
    border[1:-1, 1:-1] = False
    assert (SMALL[:, border] > 127).any(axis=1).sum() > 1000  # most digits do touch it
    for digit in SMALL:
        assert np.array_equal(to_mnist(digit), to_mnist(255 - digit))
    for digit in SMALL[::10]:
        rows, columns = np.nonzero(digit)
        tight = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        wide = np.pad(tight, ((0, 0), (1, 1)))
        assert np.array_equal(to_mnist(wide), to_mnist(digit))  # it fills the canvas in height


@pytest.mark.parametrize("light_ink", [True, False])
def test_a_photograph_gives_the_digit_of_the_clean_picture(light_ink: Any) -> None:
    """Light from one side, dark corners, noise, specks of dust, JPEG."""
    rng = np.random.default_rng(0)
    canvas = np.pad(SEVEN, ((150, 130), (90, 220)))
    rows, columns = np.indices(canvas.shape) / 400 - 0.5
    canvas[rng.integers(0, 400, 60), rng.integers(0, 400, 60)] = 255
    canvas[20:24, 30:34] = 255
    reflected = np.where(canvas if light_ink else 255 - canvas, 0.9, 0.3)
    lit = 240 * reflected * (1 - 0.3 * (columns + 0.5)) * (1 - 0.4 * (rows**2 + columns**2))
    noisy = (lit + rng.normal(0, 5, canvas.shape)).clip(0, 255).astype(np.uint8)
    assert likeness(to_mnist(encoded(noisy, "JPEG", quality=60))) > 0.97


def test_a_small_jpeg_keeps_its_crop() -> None:
    assert likeness(to_mnist(encoded(np.pad(EXPECTED, 10), "JPEG", quality=60))) > 0.95


def test_a_digit_in_two_parts_keeps_both() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[30:80, 40:60] = 255
    picture[20:24, 40:75] = 255  # a bar that does not touch the body
    image = to_mnist(picture)
    rows = np.flatnonzero(image.any(axis=1))
    assert np.ptp(rows) == 19
    assert not image[rows[0] : rows[-1]].any(axis=1).all()  # the gap between them


# Every kind of input ------------------------------------------------------------------------------

GREY16 = (257 * SEVEN.astype(np.uint16)) // 2 + 9000
ARRAYS = {
    "uint8": SEVEN,
    "dark on light": 255 - SEVEN,
    "boolean": SEVEN > 0,
    "integer mask": (SEVEN > 0).astype(int),
    "int64": SEVEN.astype(np.int64),
    "16 bits": 257 * SEVEN.astype(np.uint16),
    "big-endian": (257 * SEVEN.astype(np.uint16)).astype(">u2"),
    "floats to 1": SEVEN / 255,
    "float32 to 1": (SEVEN / 255).astype(np.float32),
    "half floats to 255": SEVEN.astype(np.float16),
    "floats to 255": SEVEN.astype(float),
    "overshoot": SEVEN / 255 * 1.04 - 0.02,
    "one channel": SEVEN[:, :, None],
    "three channels": np.dstack([SEVEN] * 3),
    "four channels": np.dstack([SEVEN] * 3 + [np.full_like(SEVEN, 255)]),
    "float channels": np.dstack([SEVEN / 255] * 3),
    "a view with a step": np.repeat(SEVEN, 2, axis=1)[:, ::2],
    "upside down in memory": np.ascontiguousarray(SEVEN[::-1])[::-1],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_every_kind(kind: str) -> None:
    before = ARRAYS[kind].copy()
    assert np.array_equal(to_mnist(ARRAYS[kind]), EXPECTED)
    assert np.array_equal(ARRAYS[kind], before)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16"]
)
def test_pillow_images_of_every_mode(mode: Any) -> None:
    image = Image.fromarray(SEVEN).convert(mode)
    assert np.array_equal(to_mnist(image), EXPECTED)
    assert image.mode == mode


FILES = [
    *((kind, mode) for kind in ("PNG", "TIFF") for mode in ("1", "L", "P", "RGB", "RGBA", "I;16")),
    *((kind, mode) for kind in ("GIF", "BMP") for mode in ("1", "L", "P")),
    ("PPM", "L"),
    ("WEBP", "RGB"),
    ("WEBP", "RGBA"),
]


@pytest.mark.parametrize(("kind", "mode"), FILES)
def test_files_of_every_format_and_mode(kind: str, mode: Any, tmp_path: Path) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(SEVEN).convert(mode), kind, **options)
    path = tmp_path / f"a picture.{kind.lower()}"
    path.write_bytes(content)
    forms: tuple[Any, ...] = (content, bytearray(content), io.BytesIO(content), path, str(path))
    for picture in forms:
        assert np.array_equal(to_mnist(picture), EXPECTED)
    with path.open("rb") as file:
        assert np.array_equal(to_mnist(file), EXPECTED)
        assert not file.closed


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_levels_of_cameras_and_scanners_in_files_of_16_bits(bits: Any) -> None:
    top = 2**bits - 1
    levels = np.where(SEVEN > 0, top // 10, top * 9 // 10).astype(np.uint16)
    assert likeness(to_mnist(levels)) > 0.99
    assert likeness(to_mnist(encoded(levels, "PNG"))) > 0.99
    assert likeness(to_mnist(encoded(levels, "TIFF"))) > 0.99


def test_a_data_url_such_as_a_browser_gives() -> None:
    body = base64.b64encode(encoded(SEVEN)).decode()
    assert np.array_equal(to_mnist(f"data:image/png;base64,{body}"), EXPECTED)


def test_a_path_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "seven.png").write_bytes(encoded(SEVEN))
    assert np.array_equal(to_mnist("~/seven.png"), EXPECTED)


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_jpeg_files(quality: Any) -> None:
    assert likeness(to_mnist(encoded(SEVEN, "JPEG", quality=quality))) > 0.98
    assert likeness(to_mnist(encoded(255 - SEVEN, "JPEG", quality=quality))) > 0.98


def test_a_camera_that_was_turned() -> None:
    upright = Image.fromarray(SEVEN)
    turned = {
        6: Image.Transpose.ROTATE_90,
        3: Image.Transpose.ROTATE_180,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, how in turned.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("PNG", "TIFF"):
            content = encoded(upright.transpose(how), kind, exif=exif.tobytes())
            assert np.array_equal(to_mnist(content), EXPECTED), (orientation, kind)


INKS = [(0, 0, 0), (255, 255, 255), (20, 30, 160), (200, 30, 30), (250, 220, 40), (128, 128, 128)]


@pytest.mark.parametrize("ink", INKS)
def test_any_ink_on_a_transparent_background(ink: Any) -> None:
    layers = np.dstack([np.full_like(SEVEN, level) for level in ink] + [SEVEN])
    image = Image.fromarray(layers)
    assert likeness(to_mnist(layers)) > 0.999
    assert likeness(to_mnist(encoded(image))) > 0.999
    assert likeness(to_mnist(image.convert("LA"))) > 0.999
    assert likeness(to_mnist(encoded(image, "GIF"))) > 0.99  # a palette with one clear colour


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (40, 200)])
def test_opaque_paper_within_a_transparent_frame(ink: Any, paper: Any) -> None:
    levels = np.where(SEVEN > 0, ink, paper).astype(np.uint8)
    layers = np.dstack([np.pad(levels, 40, constant_values=7)] * 3 + [np.pad(levels * 0 + 255, 40)])
    assert likeness(to_mnist(layers)) > 0.99


def test_a_digit_cut_out_of_opaque_paper() -> None:
    assert likeness(to_mnist(np.dstack([SEVEN * 0 + 255] * 3 + [255 - SEVEN]))) > 0.99


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ((255, 240, 60), (255, 255, 255)),  # yellow on white
        ((30, 40, 170), (245, 240, 225)),  # blue ballpoint
        ((230, 230, 230), (20, 80, 50)),  # chalk on a green board
        ((255, 0, 0), (0, 130, 0)),  # as light as each other
    ],
)
def test_coloured_ink_and_paper(ink: Any, paper: Any) -> None:
    assert likeness(to_mnist(np.where(SEVEN[:, :, None] > 0, ink, paper).astype(np.uint8))) > 0.999


def test_size_does_not_matter() -> None:
    for times in (2, 5, 20):  # 20 times is 2400 by 1800 pixels
        assert likeness(to_mnist(np.kron(SEVEN, np.ones((times, times), np.uint8)))) > 0.98
    speck = np.zeros((1000, 1000), np.uint8)  # as many pixels of ink as a digit of MNIST
    speck[700:728, 100:128] = EXPECTED
    assert likeness(to_mnist(speck)) > 0.99


# Refusals: one sentence that ends with what to do -------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A PNG file that declares a size and has no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    size_and_head = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + size_and_head + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


def shaded(noise: float) -> Array:
    rows, columns = np.indices((300, 300)) / 300 - 0.5
    light = 230 * (1 - 0.3 * columns) * (1 - 0.3 * (rows**2 + columns**2))
    return (light + np.random.default_rng(0).normal(0, noise, (300, 300))).clip(0, 255).astype("u1")


BLANK = "No ink stands out.*: pass one digit"
LARGE = "has more than 50,000,000 pixels: cut out the digit or shrink the picture"
BROKEN = "is damaged or none of PNG, .*: save the picture as PNG"
NO_ARRAY = "is no picture: pass numbers of shape"
RANGE = "Levels run from .*: scale them to 0..1, 0..255 or 0..65535"
NO_KIND = "is no picture: pass a path, bytes, an open binary file"
REFUSED: dict[str, tuple[Any, str]] = {
    "black": (np.zeros((28, 28), np.uint8), BLANK),
    "white": (np.full((28, 28, 3), 255, np.uint8), BLANK),
    "one pixel": (np.ones((1, 1)), BLANK),
    "grey paper in uneven light": (shaded(0), BLANK),
    "a photograph of empty paper": (encoded(shaded(4), "JPEG"), BLANK),
    "only noise": (np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8), BLANK),
    "nothing but transparency": (np.zeros((30, 30, 4), np.uint8), BLANK),
    "ink that hardly shows": (SEVEN // 16, BLANK),
    "a bomb": (png_header(30_000, 30_000), LARGE),
    "large, seen before decoding": (png_header(8_000, 8_000), LARGE),
    "a large image": (Image.new("1", (10_000, 5_001)), LARGE),
    "a large array": (np.broadcast_to(np.uint8(0), (100_000, 100_000)), LARGE),
    "a header alone": (png_header(28, 28), BROKEN),
    "no bytes": (b"", BROKEN),
    "a text": (b"a seven", BROKEN),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", BROKEN),
    "a web page": (io.BytesIO(b"<!doctype html><p>not found"), BROKEN),
    "a file in text mode": (io.StringIO("a seven"), BROKEN),
    "half a PNG": (encoded(SEVEN)[:150], BROKEN),
    "half a JPEG": (encoded(SEVEN, "JPEG")[:-900], BROKEN),
    "an image without pixels": (Image.new("L", (0, 9)), BROKEN),
    "a row": (SEVEN.ravel()[:784], r"shape \(784,\).*784 numbers in a row as reshape\(28, 28\)"),
    "a batch": (np.zeros((5, 28, 28)), NO_ARRAY),
    "two channels": (np.zeros((28, 28, 2)), NO_ARRAY),
    "no pixels": (np.zeros((0, 28)), NO_ARRAY),
    "a number": (np.array(3), NO_ARRAY),
    "complex numbers": (SEVEN * 1j, NO_ARRAY),
    "texts": (np.full((28, 28), "7"), NO_ARRAY),
    "objects": (SEVEN.astype(object), NO_ARRAY),
    "NaN": (np.full((28, 28), np.nan), RANGE),
    "one NaN": (np.where(np.eye(28), np.nan, 0.5), RANGE),
    "infinity": (np.where(np.eye(28), np.inf, 0.5), RANGE),
    "below zero": (SEVEN / 255 - 0.5, RANGE),
    "beyond 16 bits": (SEVEN.astype(np.int64) * 1000, RANGE),
    "NaN in an image": (Image.fromarray(np.full((9, 9), np.nan, np.float32)), RANGE),
    "None": (None, "NoneType " + NO_KIND),
    "a list": ([[0, 255]], "list " + NO_KIND),
    "no file": (Path("no/such/seven.png"), r"'.*seven.png' cannot be opened \(No such file"),
    "a folder": (Path.cwd(), "cannot be opened .*: check its name and folder"),
    "an empty name": ("", "'' cannot be opened .*: check its name and folder"),
    "a data URL of no picture": ("data:image/png;base64,AAAA", "The data URL " + BROKEN),
    "a data URL without a body": ("data:image/png", "The data URL " + BROKEN),
    "a web address": ("https://example.org/seven.png", "is a web address: download it and pass"),
    "a name with a zero byte": ("seven\0.png", BROKEN),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_one_sentence_that_ends_with_what_to_do(case: Any) -> None:
    picture, message = REFUSED[case]
    with warnings.catch_warnings(), pytest.raises(PictureError, match=message) as caught:
        warnings.simplefilter("error")
        to_mnist(picture)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert re.fullmatch(r"[^\n]+: [^\n]+\.", str(caught.value))
    assert len(str(caught.value)) < 220


def test_broken_files_end_in_a_picture_or_a_refusal() -> None:
    """Files cut short, with bytes changed, with bytes put in."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(SEVEN)
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM")
    whole = [encoded(image.convert(mode), kind) for kind in kinds for mode in ("L", "RGB")]
    endings = {"read": 0, "refused": 0}
    for _ in range(1500):
        content = bytearray(whole[rng.integers(len(whole))])
        place = int(rng.integers(len(content)))
        match rng.integers(3):
            case 0:
                del content[place:]
            case 1:
                near = rng.integers(0, min(len(content), 300), 8)
                for at in near:
                    content[at] = rng.integers(256)
            case _:
                content[place:place] = rng.bytes(20)
        try:
            assert to_mnist(bytes(content)).shape == (28, 28)
            endings["read"] += 1
        except PictureError:
            endings["refused"] += 1
    assert min(endings.values()) > 100


def test_odd_arrays_end_in_a_picture_or_a_refusal() -> None:
    rng = np.random.default_rng(0)
    kinds = ["u1", "i1", "u2", "i4", "u8", "f2", "f4", ">f8", "?", "c8", "O", "S3", "M8[s]"]
    endings = {"read": 0, "refused": 0}
    for _ in range(1500):
        shape = tuple(rng.integers(0, 30, rng.choice([1, 2, 2, 2, 3]))) + (3,) * int(
            rng.integers(2)
        )
        values = rng.random(shape) * rng.choice([0, 1, 1.02, 16, 255, 300, 65535, 1e9])
        with np.errstate(all="ignore"):
            array = np.rint(values).astype(np.int64).astype(rng.choice(kinds))
        try:
            assert to_mnist(array).max() == 255
            endings["read"] += 1
        except PictureError:
            endings["refused"] += 1
    assert min(endings.values()) > 50
