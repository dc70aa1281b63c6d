"""Widgets: what they show with a kernel, and that their static form does the same on a page without one."""

import re

import ipywidgets
import nbformat
import numpy as np
import pytest
import run
import torch
from IPython.core.formatters import DisplayFormatter

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.players import compare_html, players_html
from hypersound_lib.notebook.widgets import LiveTraining, page_choice, page_slider, rate_slider, weight_explorer
from tests.notebook.sounds import RATE, played, tone

PAGES = {"one": "<p>1</p>", "two": "<p>2</p>", "three": "<p>3</p>"}


def live(view):
    """The control and the page of a view's widget."""
    control, page, _ = view.widget.children
    return control, page


@pytest.mark.parametrize(
    ("make", "kind"), [(page_slider, ipywidgets.SelectionSlider), (page_choice, ipywidgets.Dropdown)]
)
def test_the_widget_turns_its_pages(make, kind):
    control, page = live(make(PAGES, "number", start="two"))
    assert isinstance(control, kind)
    assert control.description == "number"
    assert page.value == "<p>2</p>"
    control.value = "three"
    assert page.value == "<p>3</p>"


@pytest.mark.parametrize(
    ("pages", "start", "message"), [(PAGES, "four", r"no page 'four'.*'three'"), ({}, None, "no page")]
)
@pytest.mark.parametrize("make", [page_slider, page_choice])
def test_a_page_that_is_not_there_is_an_error(make, pages, start, message):
    with pytest.raises(ConfigError, match=message):
        make(pages, "number", start=start)


def shared_sounds():
    """Return a list of two pages, on each of which one of its two sounds is the same."""
    sounds = {"a": 440, "b": 500}
    pages = {name: compare_html({"the same": tone(300), name: tone(hertz)}, RATE) for name, hertz in sounds.items()}
    return page_choice(pages, "sound").static_html


def test_what_several_pages_hold_is_written_once():
    page = shared_sounds()
    assert len(played(page)) == 3
    assert page.count("<audio controls") == 4
    assert page.count("customElements.define") == 2


def test_without_scripts_a_shared_sound_is_found_in_its_page():
    pages = {name: players_html({"the same": tone(300)}, RATE) for name in ("<a>", "b", "c")}
    page = page_choice(pages, "sound").static_html
    assert page.count("<span data-elsewhere>the same as in “&lt;a&gt;”</span>") == page.count("data-same=") == 2
    assert page.index("data-elsewhere") > page.index("</audio>"), "what stands inside is seen by no browser"


@pytest.mark.slow
def test_an_exported_page_takes_the_static_form(tmp_path):
    view = page_slider(PAGES, "number")
    data, _ = DisplayFormatter().format(view)  # both forms go into one output
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == view.widget.model_id
    assert all(text in data["text/html"] for text in PAGES.values())
    assert "0x" not in data["text/plain"]
    output = nbformat.v4.new_output("display_data", data=dict(data))
    cells = [nbformat.v4.new_markdown_cell("# Views"), nbformat.v4.new_code_cell("view", outputs=[output])]
    metadata = {
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2, "version_minor": 0}}
    }
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "views.ipynb")
    run.write_html(tmp_path / "views.ipynb", tmp_path / "views.html")
    page = (tmp_path / "views.html").read_text(encoding="utf-8")
    assert '<hypersound-pages data-control="range"' in page
    assert "widget-view+json" not in page
    assert "html-manager" not in page


def test_a_rate_is_heard_and_seen_at_its_own_rate():
    rates = [8000, 16000, 44100]
    view = rate_slider(lambda rate: tone(1000, rate), rates, start=16000)
    control, page = live(view)
    assert control.value == "16000 Hz"
    pictures = set()
    for rate in rates:
        control.value = f"{rate} Hz"
        ((samples, found, *_),) = played(page.value)
        assert found == rate
        assert np.allclose(samples, tone(1000, rate), atol=1e-3)
        pictures.add(re.search(r'src="(data:image[^"]+)"', page.value)[1])
    assert len(pictures) == len(rates)
    assert len(view.static_html) < 500_000


@pytest.mark.slow
def test_changed_weights_are_heard():
    weights = {"pitch": torch.tensor([[440.0]]), "level": torch.ones(3)}

    def play(params):
        return tone(params["pitch"].item()) * params["level"].mean()

    changes = {"zeroed": torch.zeros_like, "halved": lambda w: w / 2}
    control, page = live(weight_explorer(weights, play, RATE, changes, ("unit", "input"), "layer"))
    assert control.options == ("pitch", "level")
    control.value = "level"
    written, zeroed, halved = (samples for samples, *_ in played(page.value))
    assert np.abs(zeroed).max() == 0
    assert np.allclose(written, 2 * halved, atol=1e-3)
    control.value = "pitch"
    assert "<figcaption>weights, pitch: halved" in page.value
    _, zeroed, halved = (samples for samples, *_ in played(page.value))
    for samples, hertz in ((zeroed, 0), (halved, 220)):
        assert np.allclose(samples, tone(hertz), atol=1e-3)
    assert torch.equal(weights["level"], torch.ones(3))


def test_a_training_is_watched_in_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, page):
            shown.append(page.data)

    def display(page, display_id):
        shown.append(page.data)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    view = LiveTraining({"the recording": tone(440)}, RATE)
    view.update("after 10 steps", tone(450), "<p>a curve</p>")
    view.update("after 20 steps", tone(445))
    assert [len(played(page)) for page in shown] == [1, 2, 3]
    assert ["<p>a curve</p>" in page for page in shown] == [False, True, True]


def test_a_training_that_has_diverged_goes_on_with_the_reason_in_place_of_the_sound():
    view = LiveTraining({"the recording": tone(440)}, RATE)
    view.update("<10> steps", torch.full((50,), torch.nan))
    view.update("after 20 steps", tone(445))
    assert "&lt;10&gt; steps cannot be played: sample 0 of the sound is NaN" in view._page()
    assert len(played(view._page())) == 2


# In a browser


@pytest.mark.notebooks
def test_the_static_slider_is_turned_by_keys(show):
    page = show(page_slider(PAGES, "number", start="two").static_html)
    slider = page.get_by_role("slider", name="number")
    assert page.locator("p:visible").all_inner_texts() == ["2"]
    slider.press("ArrowRight")
    assert page.locator("p:visible").all_inner_texts() == ["3"]
    assert slider.get_attribute("aria-valuetext") == "three"
    assert page.locator("output").inner_text() == "three"
    slider.press("Home")
    assert page.locator("p:visible").all_inner_texts() == ["1"]


@pytest.mark.notebooks
def test_the_static_list_turns_pages_with_shared_sounds_and_stops_those_left(show):
    page = show(shared_sounds())
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    assert not page.locator("[data-elsewhere]").count(), "where the script has put the sound there is no need of it"
    page.get_by_role("combobox", name="sound").press("ArrowDown")
    page.get_by_role("button", name="Play").click()  # of the other page, with the sound that both share
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("combobox", name="sound").press("ArrowUp")
    page.get_by_role("button", name="Play").wait_for()
    first, again = page.evaluate(
        "[...document.querySelectorAll('audio')].map(a => a.src).filter((_, i) => i % 2 === 0)"
    )
    assert first == again


@pytest.mark.notebooks
def test_without_scripts_the_pages_unfold(browser, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    path = tmp_path / "page.html"
    path.write_text(page_slider(PAGES, "number").static_html, encoding="utf-8")
    page.goto(path.as_uri())
    assert page.locator("p:visible").all_inner_texts() == ["1"]
    page.get_by_text("two").click()
    assert "2" in page.locator("p:visible").all_inner_texts()
    context.close()
