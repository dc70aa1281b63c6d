"""Slides of the core paths: a row for each section, nothing from another server, and they turn in a browser."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output
from sections import FOLDED, sections

from tests.browser import SCREENSHOTS, opened
from tests.conftest import ROOT, run_command

NAMES = ["01_sound_as_a_function", "03_build_the_hypernetwork"]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="  # a PNG file


class Page(HTMLParser):
    """Collects what a page loads, and the headings of each row of slides."""

    def __init__(self, text: str):
        super().__init__()
        self.loaded, self.rows, self.depth, self.heading = [], [], 0, False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.loaded += [values["src"]] if values.get("src") else []
        self.loaded += [values["href"]] if tag == "link" and values.get("href") else []
        if tag == "section":
            self.rows += [""] if self.depth == 0 else []
            self.depth += 1
        self.heading = tag in ("h1", "h2")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "section"
        self.heading = self.heading and tag not in ("h1", "h2")

    def handle_data(self, data: str) -> None:
        if self.heading and self.rows:
            self.rows[-1] += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the slides of two notebooks whose last cell of code, and a folded one, seem to have shown something."""
    copies, slides = tmp_path_factory.mktemp("copies"), tmp_path_factory.mktemp("made") / "slides"
    for name in NAMES:
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        core = next(section.title for section in sections(notebook)[1:] if section.core)
        place = next(i for i, cell in enumerate(notebook.cells) if f"## {core}\n" in cell.source) + 1
        picture = new_output("display_data", {"text/html": f'<img alt="a dot" src="data:image/png;base64,{PIXEL}">'})
        printed = new_output("stream", name="stdout", text="a line was printed\n")
        shown = new_code_cell(f"{FOLDED}Draw\nunseen = 1", outputs=[picture, printed], execution_count=1)
        notebook.cells.insert(place, shown)
        nbformat.write(notebook, copies / f"{name}.ipynb")
    make_slides(copies, slides)
    return slides


def make_slides(copies: Path, slides: Path, code: int = 0) -> str:
    return run_command(sys.executable, ROOT / "docs/slides.py", "--copies", copies, "--slides", slides, code=code)


@pytest.fixture(scope="module", params=NAMES)
def page(request: pytest.FixtureRequest, folder: Path) -> tuple[str, str]:
    return request.param, (folder / f"{request.param}.html").read_text(encoding="utf-8")


def test_each_section_of_the_core_path_is_a_row_of_slides(page):
    name, text = page
    found = sections(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4))
    assert Page(text).rows == [section.title for section in found if section.core]
    assert "References" not in Page(text).rows


def test_a_page_loads_nothing_from_another_server(page, folder):
    _, text = page
    loaded = [address for address in Page(text).loaded if not address.startswith("data:")]
    assert len(loaded) >= 4
    assert [address for address in loaded if not (folder / address).is_file()] == []
    styles = [text, *(path.read_text(encoding="utf-8") for path in folder.rglob("*.css"))]
    assert [style for style in styles if re.search(r"@import|url\([\"']?(?!data:)[a-z]+:", style)] == []
    assert not re.search(r"\bimport\b[^;\n]*[\"']https?:", text)


def test_code_and_what_it_shows_are_there_but_not_folded_code(page):
    _, text = page
    assert "a line was printed" in text
    assert 'alt="a dot"' in text
    assert "unseen" not in text
    assert text.count('<div class="highlight') > 5


def test_formulas_are_mathml_and_links_to_notebooks_lead_to_slides(page):
    _, text = page
    assert text.count("<math") > 3
    prose = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"\$[^$\n]{1,80}\$", prose)
    assert ".ipynb" not in "".join(re.findall(r'href="(?!https:)[^"]*"', text))


def test_without_an_executed_notebook_there_is_a_remedy(tmp_path):
    assert "run `make tutorial` first" in make_slides(tmp_path, tmp_path / "slides", code=1)


def test_slides_turn_in_a_browser_and_ask_no_server(browser, page, folder):
    name, text = page
    troubles = []
    with opened(browser, troubles, height=720) as tab:
        tab.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else troubles.append(r.url))
        tab.goto((folder / f"{name}.html").as_uri())
        tab.wait_for_selector(".reveal.ready")
        _, first, *_ = Page(text).rows
        tab.keyboard.press("ArrowRight")
        heading = tab.locator("section.present > section.present h2")
        heading.wait_for(state="visible")
        assert heading.inner_text() == first
        tab.screenshot(path=SCREENSHOTS / f"slides_{name[:2]}.png")
        tab.keyboard.press("ArrowDown")
        tab.locator("section.present > section.present .output img").wait_for(state="visible")
    assert troubles == []
