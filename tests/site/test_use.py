"""What readers do on the website: search, turn the colours, move a slider, unfold a solution, go by keys."""

import json
import re

import pytest

from tests.browser import SCREENSHOTS, opened

from .conftest import COPIES

START = "notebooks/00_start_here/"
FIRST = "notebooks/01_sound_as_a_function/"

pytestmark = pytest.mark.notebooks


@pytest.fixture
def page(browser):
    with opened(browser, []) as page:
        yield page


def test_search_finds_a_word(page, address):
    page.goto(address)
    page.keyboard.press("/")
    page.keyboard.type("Nyquist")
    result = page.locator(".md-search-result__link", has_text="Nyquist").first
    result.click()
    page.wait_for_url(lambda url: url != address)
    assert "Nyquist" in page.locator("article").inner_text()


def test_colours_turn_dark_and_stay_dark(page, address):
    page.goto(address)
    body = page.locator("body")

    def background() -> str:
        return body.evaluate("body => getComputedStyle(body).backgroundColor")

    light = background()
    for _ in range(2):  # from the system's colours to light, to dark
        page.locator("[data-md-component=palette] label:visible").click()
    assert body.get_attribute("data-md-color-scheme") == "slate"
    dark = background()
    assert dark != light
    page.goto(address + START)
    assert background() == dark


def test_a_slider_turns_prepared_pages_without_a_kernel(page, address):
    page.goto(address + START)
    view = page.locator("hypersound-pages", has=page.get_by_role("slider", name="sample rate"))
    view.scroll_into_view_if_needed()
    shown = view.locator("img:visible")
    before, sound = shown.get_attribute("src"), view.locator("audio:visible").first.get_attribute("src")
    pixels = shown.screenshot()
    view.get_by_role("slider", name="sample rate").press("ArrowLeft")
    assert shown.get_attribute("src") != before
    assert view.locator("audio:visible").first.get_attribute("src") != sound
    page.wait_for_function("image => image.complete", arg=shown.element_handle())
    assert shown.screenshot() != pixels


def test_the_front_page_switches_between_recording_and_copy_while_it_plays(page, address):
    page.goto(address)
    player = page.locator("hypersound-compare")
    player.get_by_role("button", name="Play").click()
    position = player.get_by_role("slider")
    page.wait_for_function("slider => slider.value > 0.1", arg=position.element_handle())
    copy = player.get_by_role("button", name=re.compile("makes of it"))
    copy.press("Enter")
    assert copy.get_attribute("aria-pressed") == "true"
    player.get_by_role("button", name="Pause").click()


def test_solutions_and_folded_cells_open_by_the_keyboard_and_code_is_highlighted(page, address):
    page.goto(address + FIRST)
    for text in ("Solution", "Install the library where it is missing"):
        fold = page.locator("details", has_text=text).first
        code = fold.locator(".highlight code").first
        assert not code.is_visible()
        fold.locator("summary").press("Enter")
        assert code.is_visible()
        assert code.locator("span.kn, span.k, span.c1, span.nb").count() > 0


def test_the_focus_is_seen(page, address):
    page.goto(address)
    for _ in range(8):
        page.keyboard.press("Tab")
        style = page.evaluate("(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])"
                              "(getComputedStyle(document.activeElement))")  # fmt: skip
        assert style == ["solid", "3px"], page.evaluate("document.activeElement.outerHTML")


def test_boxes_that_scroll_take_the_focus(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + FIRST)
    wide = page.evaluate(
        "[...document.querySelectorAll('.printed')].filter(b => b.scrollWidth > b.clientWidth + 1).map(b => b.tabIndex)"
    )
    assert wide
    assert set(wide) == {0}


def test_what_needs_a_kernel_says_so(site):
    for path in COPIES.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        shown = [set(output.get("data", {})) for cell in cells for output in cell.get("outputs", [])]
        lone = [s for s in shown if "application/vnd.jupyter.widget-view+json" in s and "text/html" not in s]
        page = (site / "notebooks" / path.stem / "index.html").read_text(encoding="utf-8")
        assert page.count('class="needs-kernel"') == len(lone), path.stem


def test_formulas_are_mathml(page, address):
    page.goto(address + FIRST)
    assert page.locator("math").count() > 20
    assert page.locator("math[display=block]").first.bounding_box()["height"] > 15
    assert page.locator("merror, .arithmatex").count() == 0


@pytest.mark.parametrize(
    ("picture", "name", "width", "scheme"),
    [
        ("site_front", "", 1280, "light"),
        ("site_front_dark", "", 1280, "dark"),
        ("site_front_phone", "", 390, "light"),
        ("site_notebook", START, 1280, "light"),
    ],
)
def test_pictures_for_those_who_look(browser, address, picture, name, width, scheme):
    path = SCREENSHOTS / f"{picture}.png"
    with opened(browser, [], width, height=1000, scheme=scheme) as page:
        page.goto(address + name)
        page.screenshot(path=path)
    assert path.stat().st_size > 20_000  # more than an empty page
