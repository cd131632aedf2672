"""The page in a real browser: drawing, pictures, keys, narrow and dark screens, and no violation.

The browser is Chromium as the system has it. Where there is none, these tests are skipped.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import chromium
import numpy as np
import pytest
from handwriting import EUROPEAN, HANDWRITINGS, ROUND, Stroke, picture, png
from PIL import Image, features

from mnist_lab.serving import run
from mnist_lab.serving.app import PAGE

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = chromium.NEEDS_CHROMIUM

SEVEN = picture(*ROUND[7])
PICTURE = PAGE.with_name("page.png")
# Chromium notes each answer of 4xx in its console. Such an answer is part of the work of the page.
REFUSED = re.compile(r"status of 4\d\d")


@pytest.fixture(scope="module")
def service() -> Iterator[run.Service]:
    with run.start() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.opened() as browser:
        yield browser


class Sheet:
    """The page, and what a person does with it and sees on it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note)
        page.on("request", lambda request: self._check(request.url, address))
        page.goto(f"{address}/")

    def _note(self, message: Any) -> None:
        if message.type == "error" and not REFUSED.search(message.text):
            self.faults.append(message.text)

    def _check(self, url: str, address: str) -> None:
        if not url.startswith((f"{address}/", "data:", "blob:")):
            self.faults.append(f"a request to {url}")

    def draw(self, *strokes: Stroke) -> None:
        box = self.page.locator("#canvas").bounding_box()
        for stroke in strokes:
            for number, (x, y) in enumerate(stroke):
                place = (box["x"] + x * box["width"] / 100, box["y"] + y * box["height"] / 100)
                self.page.mouse.move(*place, steps=2)
                if number == 0:
                    self.page.mouse.down()
            self.page.mouse.up()

    def click(self, name: str) -> None:
        # Undo and Clear stay where the focus is, also when there is nothing to take back.
        self.page.get_by_role("button", name=name).click(force=True)

    def keep_what_is_sent(self) -> None:
        """Keep the last picture that the page sends, as ``sent``."""
        self.page.evaluate(
            """() => {
                const send = fetch;
                fetch = (url, options) => { sent = options.body; return send(url, options); };
            }"""
        )

    def settled(self, state: str = "") -> None:
        """Wait until the answer to the last change is there."""
        self.page.locator(f"#answer[aria-busy=false]{state}").wait_for(timeout=30_000)

    def answer(self) -> str:
        """The digit, or ? where there is none."""
        self.settled(":not(.idle)")
        return str(self.page.inner_text("#digit"))

    def ink(self) -> int:
        """How many pixels of the paper have ink on them."""
        count = self.page.evaluate(
            """() => new Promise((done) => requestAnimationFrame(() => {
                const canvas = document.getElementById("canvas");
                const {width, height} = canvas;
                const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
                done(data.filter((level, index) => index % 4 === 3 && level > 0).length);
            }))"""
        )
        return int(count)


@pytest.fixture
def sheet(browser: Any, service: run.Service) -> Iterator[Sheet]:
    yield from opened(browser, service, viewport={"width": 1100, "height": 800})


def opened(browser: Any, service: run.Service, **options: Any) -> Iterator[Sheet]:
    context = browser.new_context(**options)
    sheet = Sheet(context.new_page(), service.address)
    yield sheet
    context.close()
    assert sheet.faults == []


PHONE = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def narrow(browser: Any, service: run.Service) -> Iterator[Sheet]:
    yield from opened(browser, service, viewport={"width": 320, "height": 640}, **PHONE)


# ---- Drawing ----


def test_digits_in_three_handwritings_are_read(sheet: Sheet) -> None:
    wrong = []
    for name, digits in HANDWRITINGS.items():
        for digit, strokes in digits.items():
            sheet.click("Clear")
            sheet.settled(".idle")
            sheet.draw(*strokes)
            if (read := sheet.answer()) != str(digit):
                wrong.append(f"{name} {digit}: {read}")
    assert len(wrong) <= 2, wrong


def test_an_answer_has_all_its_parts(sheet: Sheet) -> None:
    sheet.draw(*ROUND[7])
    assert sheet.answer() == "7"
    assert sheet.page.inner_text("#verdict") == "✓\u00a0Sure"
    bars = sheet.page.get_by_role("list", name="Probability of each digit").get_by_role("listitem")
    spoken = bars.locator(".unseen").all_text_contents()
    assert [text.split(":")[0] for text in spoken] == [str(digit) for digit in range(10)]
    assert spoken[7] == "7: >99 percent"
    levels = sheet.page.locator("#seen").evaluate(
        "(seen) => Array.from(seen.getContext('2d').getImageData(0, 0, 28, 28).data)"
    )
    assert max(levels[::4]) == 255 and levels[0] == 0
    assert sheet.page.get_by_role("img", name="your digit").count() == 1
    sheet.page.get_by_role("status").get_by_text("7. Sure:").wait_for()


def test_probabilities_move_while_one_draws(sheet: Sheet) -> None:
    box = sheet.page.locator("#canvas").bounding_box()
    scale = box["width"] / 100
    points = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in ROUND[3][0]]
    sheet.page.mouse.move(*points[0])
    sheet.page.mouse.down()
    seen = set()
    for point in points[1:]:
        sheet.page.mouse.move(*point, steps=3)
        sheet.settled()
        seen.add(tuple(sheet.page.locator(".value").all_text_contents()))
    assert len(seen) > 3  # the pen is still down
    sheet.page.mouse.up()
    assert sheet.answer() == "3"


def test_a_finger_draws_and_a_tap_makes_a_dot(narrow: Sheet) -> None:
    box = narrow.page.locator("#canvas").bounding_box()
    assert narrow.ink() == 0
    narrow.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert 100 < narrow.ink() < 10_000
    narrow.settled(":not(.idle)")
    finger = narrow.page.context.new_cdp_session(narrow.page)
    narrow.click("Clear")
    for number, (x, y) in enumerate(ROUND[7][0]):
        point = {"x": box["x"] + x * box["width"] / 100, "y": box["y"] + y * box["height"] / 100}
        kind = "touchMove" if number else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert narrow.answer() == "7"
    assert narrow.page.evaluate("scrollY") == 0  # the finger has not moved the page


def test_a_stroke_may_leave_the_paper(sheet: Sheet) -> None:
    sheet.keep_what_is_sent()
    sheet.draw([(50, 20), (50, 50), (50, 80), (50, 112)])
    assert sheet.answer() == "1"
    sent = sheet.page.evaluate("sent.arrayBuffer().then((all) => [...new Uint8Array(all)])")
    levels = np.asarray(Image.open(io.BytesIO(bytes(sent))).convert("L"))
    assert levels.min() == 0
    assert levels[-40:].min() == 255  # white paper below, as the person sees it


def test_undo_and_clear(sheet: Sheet) -> None:
    sheet.draw(*EUROPEAN[7])
    both = sheet.ink()
    sheet.click("Undo")
    one = sheet.ink()
    assert 0 < one < both
    assert sheet.answer() == "7"
    sheet.click("Clear")
    assert sheet.ink() == 0
    sheet.settled(".idle")
    assert sheet.page.inner_text("#digit") == "?"
    sheet.page.keyboard.press("Control+z")  # takes back the clearing
    assert sheet.ink() == one
    assert sheet.answer() == "7"
    for _ in range(5):
        sheet.click("Undo")
    assert sheet.ink() == 0
    sheet.settled(".idle")


def test_keys_draw(sheet: Sheet) -> None:
    page = sheet.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "canvas"
    page.keyboard.press("Shift+ArrowUp")
    for _ in range(2):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Space")
    page.get_by_role("status").get_by_text("Pen down, 50 percent from the left").wait_for()
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert sheet.answer() == "1"
    for name in ("Undo", "Clear"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == name
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    sheet.settled(".idle")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    assert page.evaluate("getComputedStyle(document.activeElement.parentNode).outlineStyle") == (
        "solid"
    )


# ---- Pictures ----


def as_file(content: bytes, name: str = "digit.png", kind: str = "image/png") -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


def test_an_upload_is_read_and_shown(sheet: Sheet) -> None:
    sheet.page.set_input_files("#file", as_file(SEVEN))
    assert sheet.answer() == "7"
    assert sheet.ink() > 10_000  # the whole picture
    sheet.draw(*ROUND[0])  # begins a new drawing
    assert sheet.answer() == "0"
    sheet.click("Undo")
    assert sheet.answer() == "7"


def test_a_large_photo_is_made_smaller_before_it_is_sent(sheet: Sheet) -> None:
    large = Image.effect_noise((2400, 1800), 12).convert("RGB")
    large.paste(Image.new("RGB", large.size, "#223"), mask=ink_of(SEVEN, large.size))
    content = png(large)
    sheet.keep_what_is_sent()
    sheet.page.set_input_files("#file", as_file(content))
    assert sheet.answer() == "7"
    assert 10_000 < sheet.page.evaluate("sent.size") < 0.6 * len(content)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_a_file_that_only_the_browser_reads_is_read(sheet: Sheet) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(SEVEN)).save(file, "AVIF")
    sheet.page.set_input_files("#file", as_file(file.getvalue(), "digit.avif", "image/avif"))
    assert sheet.answer() == "7"


def ink_of(content: bytes, size: tuple[int, int]) -> Image.Image:
    """A mask of a drawn digit, in the middle of a picture of this size."""
    mask = Image.new("L", size, 0)
    digit = Image.open(io.BytesIO(content)).resize((size[1], size[1]))
    mask.paste(digit.point(lambda level: 255 - level), ((size[0] - size[1]) // 2, 0))
    return mask


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "none of PNG"),
        (b"plain text", "text/plain", "none of PNG"),
        (SEVEN[:200], "image/png", "damaged"),
        (png(Image.new("L", (300, 300), 240)), "image/png", "No ink"),
    ],
)
def test_a_bad_picture_is_explained(content: bytes, kind: str, said: str, sheet: Sheet) -> None:
    sheet.page.set_input_files("#file", as_file(content, kind=kind))
    sheet.settled(".problem")
    assert said in sheet.page.inner_text("#reason")
    sheet.page.get_by_role("status").get_by_text(said).wait_for()
    sheet.draw(*ROUND[7])
    assert sheet.answer() == "7"


GIVE = """([kind, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "digit.png", {type: "image/png"}));
    const options = {bubbles: true, cancelable: true};
    document.body.dispatchEvent(kind === "paste"
        ? new ClipboardEvent("paste", {...options, clipboardData: data})
        : new DragEvent(kind, {...options, dataTransfer: data}));
}"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(kind: str, sheet: Sheet) -> None:
    if kind == "drop":
        sheet.page.evaluate(GIVE, ["dragover", []])
        sheet.page.locator("#sheet.drop").wait_for()
    sheet.page.evaluate(GIVE, [kind, list(SEVEN)])
    assert sheet.answer() == "7"
    assert sheet.page.locator("#sheet.drop").count() == 0


def test_a_telephone_offers_its_camera(narrow: Sheet) -> None:
    camera = narrow.page.get_by_label("Take photo")
    assert camera.get_attribute("capture") == "environment"
    assert narrow.page.locator("label", has_text="Take photo").is_visible()
    camera.set_input_files(as_file(SEVEN))
    assert narrow.answer() == "7"


# ---- The service is slow, or gone ----


def test_an_old_answer_never_replaces_a_new_one(sheet: Sheet) -> None:
    held: list[Any] = []
    sheet.page.route("**/predict", lambda route: held.append(route), times=1)
    sheet.page.set_input_files("#file", as_file(SEVEN))
    while not held:
        sheet.page.wait_for_timeout(20)
    sheet.click("Clear")
    sheet.draw(*ROUND[0])
    assert sheet.answer() == "0"
    sheet.page.wait_for_timeout(300)
    assert sheet.page.inner_text("#digit") == "0"


def test_a_service_that_is_gone_is_said_and_waited_for(browser: Any) -> None:
    first = run.start()
    page = browser.new_page()
    page.goto(first.address)
    sheet = Sheet.__new__(Sheet)
    sheet.page = page
    first.stop()
    assert page.get_by_role("alert").count() == 0
    place = page.locator("#canvas").bounding_box()
    sheet.draw(*ROUND[7])
    page.get_by_role("alert").get_by_text("The service does not answer. Start it again").wait_for()
    assert page.locator("#canvas").bounding_box() == place  # nothing moves under the pen
    ink = sheet.ink()
    with run.start(port=first.port):
        assert sheet.answer() == "7"
        assert page.get_by_role("alert").count() == 0
        assert sheet.ink() == ink
    page.close()


# ---- Screens, colours, screen readers ----

SCREENS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1900, "height": 1000}},
    "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark"},
    "telephone": {"viewport": {"width": 390, "height": 844}, **PHONE},
    "telephone on its side": {"viewport": {"width": 740, "height": 360}, **PHONE},
    "narrow and dark": {"viewport": {"width": 320, "height": 568}, "color_scheme": "dark", **PHONE},
    "large letters": {"viewport": {"width": 640, "height": 500}, "device_scale_factor": 2},
    "half of a screen": {"viewport": {"width": 800, "height": 700}},
    "own colours": {"viewport": {"width": 1100, "height": 800}, "forced_colors": "active"},
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_shows_all_without_a_violation(
    name: str, browser: Any, service: run.Service
) -> None:
    for sheet in opened(browser, service, **SCREENS[name]):
        for digit in (None, 7):
            if digit is not None:
                sheet.draw(*ROUND[digit])
                assert sheet.answer() == str(digit)
                sheet.page.wait_for_timeout(300)  # colours have faded in
            report = axe.Axe().run(sheet.page)
            assert report.violations_count == 0, report.generate_report()
            wide = sheet.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= SCREENS[name]["viewport"]["width"]
        for selector in ("#canvas", "#undo", "#digit", "#seen", ".bars", "footer a"):
            assert sheet.page.locator(selector).is_visible(), selector
        paper, answer = (sheet.page.locator(part).bounding_box() for part in ("#sheet", "#answer"))
        beside = paper["x"] + paper["width"] <= answer["x"]
        assert beside or paper["y"] + paper["height"] <= answer["y"]


def test_the_picture_in_lesson_9_shows_this_page(browser: Any, service: run.Service) -> None:
    """To renew the picture, remove its file and run this test."""
    for sheet in opened(browser, service, **SCREENS["half of a screen"]):
        sheet.draw(*EUROPEAN[4])
        assert sheet.answer() == "4"
        sheet.page.mouse.move(5, 5)
        sheet.page.wait_for_timeout(1000)  # all has faded in
        seen = Image.open(io.BytesIO(sheet.page.screenshot())).convert("RGB")
    if not PICTURE.exists():
        seen.quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    shown = Image.open(PICTURE).convert("RGB")
    assert seen.size == shown.size
    difference = np.asarray(seen).astype(int) - np.asarray(shown)
    assert np.abs(difference).mean() < 8  # levels; other fonts change some of them


def test_an_unsure_answer_and_a_problem_have_no_violation(sheet: Sheet) -> None:
    sheet.draw([(18, 82), (18, 20), (50, 60), (82, 20), (82, 82)])  # the letter M
    sheet.settled(".unsure")
    assert sheet.page.inner_text("#verdict") == "?\u00a0Not sure"
    assert axe.Axe().run(sheet.page).violations_count == 0
    sheet.page.set_input_files("#file", as_file(b"no picture"))
    sheet.settled(".problem")
    assert axe.Axe().run(sheet.page).violations_count == 0


def test_a_violation_would_be_noticed(sheet: Sheet) -> None:
    sheet.page.locator("#canvas").evaluate("(canvas) => canvas.removeAttribute('aria-label')")
    sheet.page.locator("footer").evaluate("(footer) => footer.append(new Image())")
    assert axe.Axe().run(sheet.page).violations_count > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_reference_has_no_violation(scheme: str, browser: Any, service: run.Service) -> None:
    options = {"viewport": {"width": 320, "height": 640}, "color_scheme": scheme}
    for sheet in opened(browser, service, **options):
        sheet.page.get_by_role("link", name="Use it from a program").click()
        sheet.page.get_by_role("heading", name="POST /predict").wait_for()
        report = axe.Axe().run(sheet.page)
        assert report.violations_count == 0, report.generate_report()
        assert sheet.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_scripts_of_others_do_not_run(sheet: Sheet) -> None:
    """The page's own policy stops what somebody managed to write into the page."""
    sheet.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'taken'";
            document.body.append(script);
        }"""
    )
    assert sheet.page.title() == "Draw a digit"
    assert any("Content Security Policy" in fault for fault in sheet.faults)
    sheet.faults.clear()
