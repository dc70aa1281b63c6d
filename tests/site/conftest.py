"""The website as tests see it: built from the executed notebooks that are there, and served on this machine."""

import os
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import ROOT, run_command

COPIES = ROOT / "build" / "notebooks"
PREFIX = "/hypersound_lib/"  # where GitHub Pages shows a project's site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make site` does, but without running a notebook; return its folder."""
    present = {path.name for path in COPIES.glob("*.ipynb")}
    if missing := sorted({path.name for path in (ROOT / "notebooks").glob("*.ipynb")} - present):
        reason = f"there is no executed copy of {', '.join(missing)}: run `make tutorial` first"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    base = tmp_path_factory.getbasetemp()
    # Processes that test side by side have a folder each in one of the session: the first builds, the others wait.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            run_command(sys.executable, ROOT / "docs" / "build.py", "--copies", COPIES, "--site", folder)
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Return the addresses of all pages, relative to the front page, which comes first."""
    found = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted(name.removesuffix("index.html") for name in found)


class Quiet(SimpleHTTPRequestHandler):
    """Serves the site below PREFIX and keeps no log."""

    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        inside = path.removeprefix(PREFIX)
        return super().translate_path("/" + inside) if inside != path else str(Path(self.directory) / "no such file")

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="session")
def address(site: Path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()
