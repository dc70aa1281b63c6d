"""The browser of the tests of what people see: the system's Chromium, driven by Playwright, without the network.

Where there is no Chromium these tests are skipped with the remedy. In continuous integration that is a failure:
there .ci/run installs one.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCREENSHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",  # root has none in a container
    *("--disable-gpu", "--disable-quic", "--disable-sync", "--disable-background-networking"),
    *("--disable-component-update", "--no-first-run"),
    "--autoplay-policy=no-user-gesture-required",  # a test starts players without a click
]


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Start the system's Chromium once for all tests; skip without one, but fail in continuous integration."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        reason = f"there is none of {', '.join(NAMES)}; on Debian: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield started
        started.close()


@contextmanager
def opened(
    browser, troubles: list[str], width=1280, height=900, scheme="light", kinds=("error", "warning")
) -> Iterator:
    """Open a page that knows nothing of others; it adds its errors to `troubles`, and what its console shows."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("console", lambda message: troubles.append(message.text) if message.type in kinds else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    context.close()
