"""The book in a real browser, from ``file://`` and without a network, as a reader meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import chromium
import pytest

from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.publishing.book import make_book
from mnist_lab.course.publishing.site import TITLE, site_pages

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")

ROOT = Path(__file__).resolve().parents[3]
COURSE = read_course(ROOT)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
MOST_BYTES = 1_500_000  # of a lesson with all that it loads
NARROW = 320  # pixels

pytestmark = chromium.NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    make_book(site_pages(COURSE), folder / "html", folder / "w", title=TITLE)
    return folder / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.opened() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


class Targets(HTMLParser):
    """What a page links to and shows, and the places in it that a link can lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [v for k in ("href", "src") if (v := values.get(k)) is not None]
        self.places |= {v for k in ("id", "name") if (v := values.get(k))}


def pages_of(folder: Path) -> list[Path]:
    """The pages of a book, without the theme's own templates among its style sheets."""
    return [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]


def dead_links(folder: Path) -> list[str]:
    """Every link and picture of the pages in a folder that leads nowhere within the folder."""
    pages = {path: Targets(path) for path in pages_of(folder)}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            known = pages[target].places if target in pages else {place}
            if not target.is_file() or (place and place not in known):
                dead.append(f"{path.relative_to(folder)}: {link}")
    return dead


def test_links_and_pictures_are_there(site: Path) -> None:
    assert dead_links(site) == []


def test_a_dead_link_is_noticed(tmp_path: Path) -> None:
    links = '<a href="b.html#c">x</a><a href="b.html#d">x</a><img src="e.png"><a href="#f">x</a>'
    (tmp_path / "a.html").write_text(links)
    (tmp_path / "b.html").write_text('<p id="c">x</p>')
    assert dead_links(tmp_path) == ["a.html: b.html#d", "a.html: e.png", "a.html: #f"]


def faults(tab: Any, path: Path) -> list[str]:
    """What a reader with a telephone would meet on a page, and what the page asks others for."""
    found: list[str] = []

    def said(message: Any) -> None:
        if message.type in {"error", "warning"}:
            found.append(f"console: {message.text}")

    def asked(request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            found.append(f"request: {request.url}")

    tab.on("console", said)
    tab.on("pageerror", lambda error: found.append(f"exception: {error}"))
    tab.on("request", asked)
    tab.on("requestfailed", lambda request: found.append(f"failed: {request.url}"))
    tab.set_viewport_size({"width": NARROW, "height": 800})
    tab.goto(path.as_uri())
    width = tab.evaluate("document.documentElement.scrollWidth")
    if width > NARROW:
        found.append(f"width: {width} pixels")
    undescribed = "[...document.images].filter(i => !i.alt).map(i => i.src)"
    found += [f"no description: {source}" for source in tab.evaluate(undescribed)]
    empty = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    found += [f"no picture: {source}" for source in tab.evaluate(empty)]
    return found


def test_every_page_opens_without_a_fault(site: Path, browser: Any) -> None:
    found = {}
    for path in pages_of(site):
        page = browser.new_page()
        if of_page := faults(page, path):
            found[path.relative_to(site).as_posix()] = of_page
        page.close()
    assert found == {}


def test_faults_of_a_page_are_noticed(tmp_path: Path, tab: Any) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<script>console.error("oh"); throw new Error("no")</script><img src="missing.png">'
        '<img alt="x" src="https://example.invalid/x.png"><div style="width: 900px">x</div>'
    )
    kinds = {fault.partition(":")[0] for fault in faults(tab, page)}
    wanted = {"console", "exception", "request", "failed", "width", "no description", "no picture"}
    assert kinds == wanted


def test_search_finds_dropout_in_lesson_3(site: Path, tab: Any) -> None:
    tab.goto((site / "index.html").as_uri())
    tab.keyboard.press("Control+k")
    tab.keyboard.type("dropout")
    tab.keyboard.press("Enter")
    result = tab.locator("#search-results a", has_text="3 · Dropout").first
    result.click()
    tab.wait_for_load_state()
    assert "notebooks/03_deep_dropout_ann.html" in tab.url


def focused(tab: Any) -> str:
    text: str = tab.evaluate("document.activeElement.innerText || ''")
    return " ".join(text.split())


def walk_to(tab: Any, words: str) -> None:
    """Press Tab until a link has the focus whose text matches, and check that the focus is seen."""
    for _ in range(400):
        tab.keyboard.press("Tab")
        if re.search(words, focused(tab)):
            seen = "getComputedStyle(document.activeElement).outlineStyle != 'none'"
            assert tab.evaluate(f"{seen} || document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"no key leads to {words!r}")


def test_keyboard_leads_from_the_start_to_an_exercise(site: Path, tab: Any) -> None:
    tab.goto((site / "index.html").as_uri())
    walk_to(tab, "Skip to main content")
    tab.keyboard.press("Enter")
    walk_to(tab, "Begin with lesson 1")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/notebooks/01_eda.html")
    walk_to(tab, "^exercise notebook$")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/exercises/01_eda.html")
    walk_to(tab, "^Hint 1")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.parentElement.open")


def violations(tab: Any, path: Path) -> list[str]:
    tab.emulate_media(reduced_motion="reduce")  # or a colour may still be changing when axe looks
    tab.goto(path.as_uri())
    options = {"runOnly": {"type": "tag", "values": WCAG}}
    response = axe_playwright.Axe().run(tab, options=options).response
    return [
        f"{fault['id']}: {node['html'][:150]}"
        for fault in response["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "name",
    ["index", "notebooks/03_deep_dropout_ann", "exercises/05_comparison", "results", "glossary"],
)
def test_page_is_accessible(name: str, scheme: Any, site: Path, browser: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900})
    assert violations(context.new_page(), site / f"{name}.html") == []
    context.close()


def test_what_is_not_accessible_is_noticed(tmp_path: Path, tab: Any) -> None:
    path = tmp_path / "page.html"
    path.write_text('<title>A</title><p style="color: #ccc; background: #fff">pale</p>')
    assert {fault.partition(":")[0] for fault in violations(tab, path)} == {
        "color-contrast",
        "html-has-lang",
    }


def weight(tab: Any, path: Path) -> int:
    """The bytes of a page and of all files that it loads."""
    urls: set[str] = set()
    tab.on("request", lambda request: urls.add(request.url.partition("?")[0]))
    tab.goto(path.as_uri())
    tab.wait_for_load_state("networkidle")
    files = [Path(unquote(urlsplit(url).path)) for url in urls if url.startswith("file:")]
    assert path in files
    return sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.name)
def test_lesson_is_light(lesson: Any, site: Path, tab: Any) -> None:
    assert weight(tab, site / f"notebooks/{lesson.name}.html") < MOST_BYTES


def test_every_file_of_a_page_is_weighed(tmp_path: Path, tab: Any) -> None:
    (tmp_path / "s.js").write_text(" " * 1000)
    page = tmp_path / "page.html"
    page.write_text('<script src="s.js?v=1"></script>')
    assert weight(tab, page) == 1000 + page.stat().st_size
