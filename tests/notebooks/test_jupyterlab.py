"""JupyterLab as `make lab` starts it: notebook 0 is run in a browser, its sliders are moved, its players play."""

import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.browser import SCREENSHOTS, opened
from tests.conftest import ROOT, variables

NOTEBOOK = "00_start_here.ipynb"
RUN_SECONDS = 120

SETTINGS = {  # nothing from the network, and all cells in the page, also those out of sight
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
BADGE = '<svg xmlns="http://www.w3.org/2000/svg"/>'  # stands for what the notebook shows from the network
# A page that is turned has another picture in another element.
NEW_PICTURE = "([box, source]) => box.querySelector('img').src !== source"

pytestmark = pytest.mark.notebooks


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start what `make lab` starts, on a copy of the notebooks, and return its address and token."""
    folder, token = tmp_path_factory.mktemp("lab"), secrets.token_hex(16)
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / NOTEBOOK, folder / "notebooks")
    for name, settings in SETTINGS.items():
        path = folder / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, command = f"http://127.0.0.1:{port}", lab_command(folder / "notebooks", port, token)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=log, stderr=log)
        try:
            wait_for(address, process, folder / "log")
            yield address, token
        finally:
            process.terminate()
            process.wait(timeout=30)


def lab_command(notebooks: Path, port: int, token: str) -> list[str]:
    """Return the Makefile's command, for another folder and without a browser of its own."""
    (recipe,) = re.findall(r"^lab:.*\n\t(.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    arguments = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", "--no-browser"]
    arguments += ["--allow-root"] * (os.geteuid() == 0)
    assert "--notebook-dir=notebooks" in recipe
    recipe = recipe.replace("--notebook-dir=notebooks", f"--notebook-dir={shlex.quote(str(notebooks))}")
    return shlex.split(recipe.replace("$(PY)", shlex.quote(sys.executable)).replace("$(ARGS)", shlex.join(arguments)))


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the reader's own settings do not count, and none are changed."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    return variables("JUPYTER", "PYTEST", "MPLBACKEND", JUPYTER_PREFER_ENV_PATH="1", **own)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/login", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()}")


@pytest.fixture(scope="module")
def console():
    return []


@pytest.fixture(scope="module")
def lab(server, browser, console):
    """Open notebook 0 and run all of its cells; return the page."""
    address, token = server
    with opened(browser, console, height=1000, kinds=("error",)) as page:
        page.route(lambda url: not url.startswith(address), lambda route: route.fulfill(body=BADGE))
        page.goto(f"{address}/lab/tree/{NOTEBOOK}?token={token}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_text(re.compile(r"\| Idle$")).wait_for()  # until then "Run" would ask for a kernel
        for item in ("Run", "Run All Cells"):
            page.get_by_role("menuitem", name=item, exact=True).click()
        page.wait_for_function(
            """() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputArea-prompt")]
                .every(prompt => /\\d/.test(prompt.textContent))""",
            timeout=1000 * RUN_SECONDS,
        )
        yield page


def view(page, description: str):
    """Return the live widget whose control has this description, or label."""
    label = page.locator(".widget-label", has_text=re.compile(f"^{description}$"))
    return page.locator(".widget-vbox", has=label).first


def sounds(box) -> list[str]:
    return [audio.get_attribute("src") for audio in box.locator("audio").all()]


def test_all_cells_run_without_an_error(lab):
    assert lab.locator(".jp-Notebook .jp-CodeCell").count() >= 8
    said = [f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr")]
    assert lab.locator(", ".join(said)).all_inner_texts() == []


def test_the_live_widget_is_preferred_to_its_static_form(lab):
    for description in ("voice", "sample rate", "half"):
        assert view(lab, description).is_visible()
    assert lab.locator("hypersound-pages").count() == 0


def test_the_rate_slider_is_moved_by_keys_and_changes_picture_and_sound(lab):
    box = view(lab, "sample rate")
    box.scroll_into_view_if_needed()
    picture = box.locator("img")
    source, played, pixels = picture.get_attribute("src"), sounds(box), picture.screenshot()
    lab.screenshot(path=SCREENSHOTS / "lab_rate_slider_before.png")
    for _ in range(2):
        box.get_by_role("slider").press("ArrowLeft")
    box.get_by_text("8000 Hz").first.wait_for()
    lab.wait_for_function(NEW_PICTURE, arg=[box.element_handle(), source])
    lab.screenshot(path=SCREENSHOTS / "lab_rate_slider_after.png")
    assert sounds(box) != played
    assert picture.screenshot() != pixels


@pytest.mark.parametrize("description", ["voice", "half"])
def test_lists_turn_their_pages_and_their_players_play(lab, description):
    box = view(lab, description)
    box.scroll_into_view_if_needed()
    source, played = box.locator("img").get_attribute("src"), sounds(box)
    box.get_by_role("combobox").press("ArrowDown")
    lab.wait_for_function(NEW_PICTURE, arg=[box.element_handle(), source])
    assert sounds(box) != played
    box.get_by_role("button", name="Play", exact=True).press("Space")
    position = box.get_by_role("slider", name="position in seconds")
    box.get_by_role("group", name="which sound is heard").get_by_role("button").nth(1).press("Space")
    lab.wait_for_function("slider => slider.value > 0.1", arg=position.element_handle())
    box.get_by_role("button", name="Pause", exact=True).press("Space")
    lab.screenshot(path=SCREENSHOTS / f"lab_{description}.png")


def test_the_console_stays_clean(lab, console):
    assert console == []
