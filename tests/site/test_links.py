"""All links of the built website lead somewhere: to a file that is there, and to an anchor that is on it."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.conftest import ROOT

from .conftest import PREFIX

HERE = "http://here" + PREFIX

pytestmark = pytest.mark.notebooks


class Page(HTMLParser):
    """Collects a page's anchors, and the addresses that it refers to."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.addresses = set(), []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        self.addresses += [values[key] for key in ("href", "src") if values.get(key)]


@pytest.fixture(scope="module")
def parsed(site: Path, pages: list[str]) -> dict[str, Page]:
    return {name: Page((site / file_of(name)).read_text(encoding="utf-8")) for name in pages}


def file_of(name: str) -> str:
    return name + "index.html" if name == "" or name.endswith("/") else name


def fault(name: str, address: str, parsed: dict[str, Page], site: Path) -> str | None:
    """Return what is wrong with one address on a page, if anything."""
    url = urlsplit(urljoin(HERE + name, address))
    if url.scheme not in ("http", "https", "data", "mailto"):
        return "leads nowhere"
    if url.netloc != "here":
        return None
    target = unquote(url.path).removeprefix(PREFIX)
    if not unquote(url.path).startswith(PREFIX) or not (site / file_of(target)).is_file():
        return "is not there"
    # Material writes links that its own script handles.
    if url.fragment.startswith("__") or not url.fragment or target not in parsed:
        return None
    return None if unquote(url.fragment) in parsed[target].anchors else "has no such anchor"


def test_all_links_lead_somewhere(parsed, site):
    addresses = [(name, address) for name, page in parsed.items() for address in page.addresses]
    assert len(addresses) > 1000
    faults = {(name, address): fault(name, address, parsed, site) for name, address in addresses}
    assert {place: wrong for place, wrong in faults.items() if wrong} == {}


def test_the_front_page_leads_to_the_first_notebook_and_the_map(parsed):
    addresses = parsed[""].addresses
    assert "notebooks/00_start_here/" in addresses
    assert "notebooks/00_start_here/#the-map-of-the-course" in addresses


def test_every_public_module_has_a_page(pages):
    entries = [
        path for path in (ROOT / "hypersound_lib").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    ]
    names = {path.stem for path in entries if not path.stem.startswith("_")}
    assert {f"library/{name}/" for name in names} <= set(pages)
