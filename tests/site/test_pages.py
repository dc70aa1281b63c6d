"""Every page of the website in a browser: it loads from one place, plays, fits a phone, and passes axe-core."""

import pytest

from tests.browser import opened

PHONE = 390  # CSS pixels
AXE = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PLAY = """async () => {
  const play = async audio => {
    audio.muted = true;
    try { await audio.play(); } catch (error) { return `${audio.src}: ${error}`; }
    for (let i = 0; i < 200 && audio.currentTime === 0; i++) await new Promise(done => setTimeout(done, 25));
    const fine = audio.currentTime > 0 && Number.isFinite(audio.duration);
    audio.pause();
    return fine ? "" : `${audio.src}: stands at ${audio.currentTime} of ${audio.duration} s`;
  };
  return (await Promise.all([...document.querySelectorAll("audio")].map(play))).filter(Boolean);
}"""
WITHOUT_TEXT = """() => [...document.images]
    .filter(image => !image.alt.trim() || !image.complete || !image.naturalWidth)
    .map(image => image.src)"""
# Of the words of code in one colour, one on a page is enough for axe-core, and of a table's rows five: it takes
# minutes for thousands of them.
THIN = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight code span[class]:not(:has(span))")) {
    if (seen.has(word.className)) word.replaceWith(word.textContent);
    seen.add(word.className);
  }
  for (const row of document.querySelectorAll("tbody tr:nth-child(n + 6)")) row.remove();
}"""

pytestmark = pytest.mark.notebooks


def violations(page) -> list[str]:
    """Return what axe-core finds serious or critical, with the elements."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(THIN)
    found = Axe().run(page, options=AXE).response["violations"]
    return [
        f"{found['id']}: {node['html'][:200]}"
        for found in found
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"][:3]
    ]


@pytest.fixture(scope="module")
def visits(browser, address: str, pages: list[str]) -> dict[str, dict]:
    """Visit every page once and note what was found there."""
    found, troubles, elsewhere = {}, [], []
    with opened(browser, troubles) as page:
        page.on("response", lambda r: troubles.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("request", lambda r: elsewhere.append(r.url) if is_elsewhere(r.url, address) else None)
        for name in pages:
            page.goto(address + name, wait_until="load")
            found[name] = record = {"pictures": page.evaluate(WITHOUT_TEXT)}
            record["players"], record["silent"] = page.locator("audio").count(), page.evaluate(PLAY)
            page.set_viewport_size({"width": PHONE, "height": 844})
            record["width"] = page.evaluate("document.documentElement.scrollWidth")
            page.add_style_tag(content="* { transition: none !important }")  # axe-core would see colours on their way
            page.set_viewport_size({"width": 1280, "height": 900})
            record["axe"] = violations(page)
            record |= {"troubles": troubles[:], "elsewhere": elsewhere[:]}
            troubles.clear()
            elsewhere.clear()
    return found


def is_elsewhere(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def noted(visits: dict[str, dict], what: str) -> dict:
    return {name: record[what] for name, record in visits.items() if record[what]}


@pytest.mark.parametrize("what", ["troubles", "elsewhere", "pictures", "axe"])
def test_every_page_loads_from_one_place_has_texts_for_pictures_and_passes_axe(visits, what):
    """Noted are errors, requests to other servers, pictures without a text, and what axe finds serious."""
    assert len(visits) > 40
    assert noted(visits, what) == {}


def test_every_player_plays(visits):
    assert visits[""]["players"] == 2
    assert sum(record["players"] for record in visits.values()) > 100
    assert noted(visits, "silent") == {}


def test_no_page_is_wider_than_a_phone(visits):
    assert {name: record["width"] for name, record in visits.items() if record["width"] > PHONE} == {}


@pytest.mark.parametrize(
    "name", ["", "notebooks/00_start_here/", "notebooks/05_evaluate/", "library/hypersound/", "results/", "lecturers/"]
)
def test_axe_finds_nothing_serious_in_the_dark(browser, address, name):
    with opened(browser, [], scheme="dark") as page:
        page.goto(address + name)
        assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
        assert violations(page) == []


def test_axe_is_run_and_finds_what_is_wrong(browser, address):
    with opened(browser, []) as page:
        page.goto(address)
        page.evaluate("document.querySelector('main p').style.color = '#ddd'")
        assert any(found.startswith("color-contrast") for found in violations(page))
