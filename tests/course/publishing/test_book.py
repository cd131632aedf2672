"""The book of a small course: what its pages show, and which faults stop it."""

from __future__ import annotations

import io
import re
from copy import deepcopy
from pathlib import Path

import good_lesson
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from mnist_lab import plots
from mnist_lab.course import CourseError
from mnist_lab.course.execution.catalogue import read_course
from mnist_lab.course.publishing import site
from mnist_lab.course.publishing.book import Page, make_book
from mnist_lab.course.publishing.chapters import chapter, lighter
from mnist_lab.course.publishing.cover import cover
from mnist_lab.course.publishing.glossary import glossary_of, glossary_page

ROOT = Path(__file__).resolve().parents[3]
COURSE = read_course(ROOT)
OWNER, TAG = f"{COURSE.pointer.owner}/{COURSE.pointer.repo}", COURSE.pointer.tag
COLAB = "https://colab.research.google.com/github/mnist-lab/mnist-lab/blob/v0.1.0"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
    "hwGA60e6kgAAAABJRU5ErkJggg=="
)
NAMES = ("notebooks/02_fnn.ipynb", "exercises/02_fnn.ipynb")
INDEX = """\
# A book

```{toctree}
notebooks/02_fnn
exercises/02_fnn
glossary
api
```
"""
API = "API\n===\n\n.. automodule:: mnist_lab.models\n   :members: fnn_softmax\n"


def lesson() -> NotebookNode:
    """The good lesson, with a stored figure and a formula."""
    notebook = good_lesson.build()
    figure = {"image/png": PNG, plots.FINGERPRINT: "0123abcd"}
    good_lesson.cell(notebook, "grid").outputs = [new_output("display_data", figure)]
    link = f"[the exercises]({COLAB}/exercises/02_fnn.ipynb)"
    good_lesson.cell(notebook, "network").source += f"\n\nSee {link}. $a^2$\n\n$$\\frac{{1}}{{b}}$$"
    return notebook


def exercise() -> NotebookNode:
    notebook = good_lesson.build()
    check = new_code_cell("# CHECK 02-one (1 point)\nassert True", id="check-1")
    hint = new_markdown_cell("<details><summary>Hint 1</summary>Look again.</details>", id="hint")
    notebook.cells = [*notebook.cells[:1], hint, check]
    return notebook


def small_book() -> dict[str, Page]:
    good = lesson()
    terms = glossary_of(good, "02_fnn")
    return {
        "index.md": INDEX,
        "notebooks/02_fnn.ipynb": chapter(good, NAMES, terms),
        "exercises/02_fnn.ipynb": chapter(exercise(), NAMES),
        "glossary.md": glossary_page(terms, {"02_fnn": "2 · Good"}),
        "api.rst": API,
    }


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(small_book(), tmp_path_factory.mktemp("book"))


def page(book: Path, name: str) -> str:
    return (book / f"{name}.html").read_text(encoding="utf-8")


def test_lesson_is_a_page(book: Path) -> None:
    text = page(book, "notebooks/02_fnn")
    assert "<h1>2 · A good lesson" in text
    assert (
        f'<a class="open-in-colab" href="{COLAB}/notebooks/02_good.ipynb">Open in Colab</a>' in text
    )
    assert 'alt="Ten handwritten digits in a row, dark on white, each under its label."' in text
    assert 'href="../exercises/02_fnn.html"' in text
    assert re.search(r'href="\.\./glossary\.html#term-Epoch"', text)
    assert "<details><summary>Answer</summary>" in text
    assert "Show the set-up" in text
    assert "0123abcd" not in text


def test_formulas_need_no_script(book: Path) -> None:
    text = page(book, "notebooks/02_fnn")
    assert re.search(r"<math[^>]*><mrow><msup><mi>a</mi><mn>2</mn></msup></mrow></math>", text)
    assert re.search(r'<div class="formula"><math[^>]*display="block"><mrow><mfrac>', text)


def test_checks_of_exercises_are_folded(book: Path) -> None:
    text = page(book, "exercises/02_fnn")
    assert "Show the check" in text
    assert "<details><summary>Hint 1</summary>Look again.</details>" in text


def test_docstring_leads_to_the_lesson_that_teaches(book: Path) -> None:
    assert re.search(r'Taught in <a [^>]*href="notebooks/02_fnn\.html"', page(book, "api"))


def test_nothing_is_loaded_from_elsewhere(book: Path) -> None:
    assert loaded_from_elsewhere('<script src="https://a.org/b.js"></script>')
    for path in book.rglob("*.html"):
        assert loaded_from_elsewhere(path.read_text(encoding="utf-8")) == []
    styles = [path.read_text(encoding="utf-8") for path in book.rglob("*.css")]
    assert styles
    assert not any(re.search(r"(url\(|@import )[\"']?https?:", style) for style in styles)


def loaded_from_elsewhere(text: str) -> list[str]:
    tags = r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=[\"'](?:https?:)?//[^>]*>"
    return re.findall(tags, text)


def test_book_is_small(book: Path) -> None:
    assert "fontawesome.js" not in page(book, "index")  # a script of 1.5 MB


FAULTS = {
    "link": ("[x](missing.md)", "missing.md"),
    "picture": ("![x](missing.png)", "missing.png"),
    "term": ("{term}`missing`", "missing"),
}


def make(pages: dict[str, Page], folder: Path) -> Path:
    make_book(pages, folder / "html", folder / "work", title="Small")
    return folder / "html"


def test_faults_are_named_until_they_are_mended(tmp_path: Path) -> None:
    faults = "\n\n".join(fault for fault, _ in FAULTS.values())
    for _ in range(2):  # the second time, Sphinx knows the page already
        with pytest.raises(CourseError, match="The book has faults, so mend them") as error:
            make({"index.md": f"# A\n\n{faults}"}, tmp_path)
        said = str(error.value)
        assert [name for name, (_, words) in FAULTS.items() if words not in said] == []
        assert "\x1b" not in said
    make({"index.md": "# A\n\nNothing."}, tmp_path)


def test_only_what_changed_is_made_again(tmp_path: Path) -> None:
    index = "# A\n\n```{toctree}\nb\n```\n"
    html = make({"index.md": index, "b.md": "# B\n"}, tmp_path)
    (html / "own.html").write_text("not of the book")
    before = (html / "b.html").stat().st_mtime_ns
    make({"index.md": f"{index}\nMore.", "b.md": "# B\n"}, tmp_path)
    assert "More." in page(html, "index")
    assert (html / "b.html").stat().st_mtime_ns == before
    make({"index.md": "# A\n"}, tmp_path)
    assert {path.stem for path in html.glob("*.html")} == {"index", "search", "own"}


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        (f"{COLAB}/exercises/02_fnn.ipynb", "../exercises/02_fnn.ipynb"),
        (f"{COLAB}/notebooks/02_fnn.ipynb", "../notebooks/02_fnn.ipynb"),
        ("02_fnn.ipynb", "../notebooks/02_fnn.ipynb"),
        (f"{COLAB}/notebooks/09_else.ipynb", f"{COLAB}/notebooks/09_else.ipynb"),
        ("https://keras.io/02_fnn.ipynb", "https://keras.io/02_fnn.ipynb"),
        ("#here", "#here"),
    ],
)
def test_links_of_a_chapter_lead_into_the_book(target: str, leads_to: str) -> None:
    notebook = new_notebook(cells=[new_markdown_cell(f"See [it]({target}).")])
    assert chapter(notebook, NAMES).cells[0].source == f"See [it]({leads_to})."


def test_chapter_leaves_the_notebook_as_it_was() -> None:
    notebook = lesson()
    before = deepcopy(notebook)
    chapter(notebook, NAMES, ["Epoch"])
    assert notebook == before


@pytest.mark.parametrize(
    ("colours", "mode", "share"), [(8, "RGBA", 0.7), (900, "RGBA", 0.98), (900, "RGB", 1.0)]
)
def test_pictures_get_lighter_and_keep_every_pixel(colours: int, mode: str, share: float) -> None:
    numbers = np.random.default_rng(0).integers(colours, size=(60, 80))
    picture = Image.fromarray(
        np.stack([numbers % 256, numbers // 256, 0 * numbers], 2).astype("u1")
    )
    stream = io.BytesIO()
    picture.convert(mode).save(stream, "PNG")
    found = lighter(stream.getvalue())
    before = len(stream.getvalue())
    assert len(found) <= share * before
    assert (len(found) < 0.7 * before) == (colours <= 256)  # only few colours get a palette
    assert Image.open(io.BytesIO(found)).convert("RGB").tobytes() == picture.tobytes()


def test_transparent_pictures_stay() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(stream, "PNG")
    assert lighter(stream.getvalue()) == stream.getvalue()


def test_colours_are_those_of_the_figures() -> None:
    import seaborn as sns

    css = (ROOT / "mnist_lab/course/publishing/theme/static/book.css").read_text(encoding="utf-8")
    palette = sns.color_palette("colorblind").as_hex()
    used = re.findall(r"--course-blue: (#\w+)", css)
    assert len(used) == 2
    assert set(used) <= {*palette}


def test_cover_becomes_colourful() -> None:
    drawn = cover()
    assert drawn == cover()
    picture = Image.open(io.BytesIO(drawn)).convert("RGB")
    assert picture.width > 2 * picture.height
    left, right = (picture.crop((x, 0, x + 100, picture.height)) for x in (0, picture.width - 100))
    assert colourfulness(right) > 5 * colourfulness(left)
    assert len(drawn) < 250_000


def colourfulness(picture: Image.Image) -> float:
    return sum(picture.convert("HSV").getchannel("S").histogram()[150:])


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return site.site_pages(COURSE)


def test_site_has_every_part(pages: dict[str, Page]) -> None:
    for listed in COURSE.lessons:
        assert {f"notebooks/{listed.name}.ipynb", f"exercises/{listed.name}.ipynb"} <= set(pages)
        assert f"[{listed.heading}](notebooks/{listed.name}.ipynb)" in str(pages["index.md"])
        assert f"assignments/{listed.name}.md" in pages
    assert {f"api/{name}.rst" for name in ("data", "models", "plots", "pictures")} <= set(pages)
    assert not {"api/course.rst", "api/serving.rst"} & set(pages)
    assert "`doctor` finds out" in str(pages["instructors.md"])  # text of the README
    assert '<table class="dataframe">' in str(pages["results.md"])


def test_site_of_a_course_without_exercises_and_answers(tmp_path: Path) -> None:
    """A fork may keep them to itself, as the README says."""
    for name in ("course.toml", "README.md", "CONTRIBUTING.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for folder in ("notebooks", "site"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    pages = site.site_pages(read_course(tmp_path))
    assert not [name for name in pages if name.startswith(("exercises/", "assignments/"))]
    assert "assignments/" not in str(pages["instructors.md"]).partition("```{toctree}")[2]


@pytest.mark.parametrize(
    ("source", "target", "leads_to"),
    [
        ("README.md", "notebooks/01_eda.ipynb", "notebooks/01_eda.ipynb"),
        ("README.md", "CONTRIBUTING.md#a", "CONTRIBUTING.md#a"),
        ("README.md", "LICENSE", f"https://github.com/{OWNER}/blob/{TAG}/LICENSE"),
        ("README.md", "https://keras.io", "https://keras.io"),
        ("README.md", "missing.md", "missing.md"),  # Sphinx names it
        ("assignments/README.md", "../README.md#for-instructors", "../instructors.md"),
        ("assignments/README.md", "../CONTRIBUTING.md", "../CONTRIBUTING.md"),
    ],
)
def test_links_of_the_repository_lead_into_the_book(
    source: str, target: str, leads_to: str
) -> None:
    names = {"notebooks/01_eda.ipynb", "instructors.md", "CONTRIBUTING.md", "assignments/README.md"}
    page = source.replace("README.md", "index.md") if "/" not in source else source
    assert site._target(target, course=COURSE, names=names, source=source, page=page) == leads_to


def test_readme_without_a_part_is_refused(tmp_path: Path) -> None:
    for name in ("course.toml", "README.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.md").write_text("{{ readme('## Missing', '## Start') }}")
    with pytest.raises(CourseError, match=r"README.md lacks '## Missing' or '## Start': write it"):
        site.site_pages(read_course(tmp_path))
