"""What all tests share: their order, a browser, and a bare environment to install the library into."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.browser import browser  # noqa: F401 - a fixture

# Figures of the library's tests need no screen. (notebooks/run.py lets the notebooks choose for themselves.)
os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes minutes last, so that a slip shows within seconds; and last of all what needs a browser.

    The website is built from the copies that the notebooks' tests leave. Playwright keeps an event loop running from
    the browser's start on, which is in the way of tests that start their own.
    """
    items.sort(key=lambda item: ("browser" in item.fixturenames, item.get_closest_marker("notebooks") is not None))


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """Make an environment as a Colab session is: every package is there but hypersound_lib. Return its Python.

    The other packages are links in a folder outside the new environment. It can import them and its pip counts
    them as installed, but pip cannot remove or replace what lies outside its environment.
    """
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "hypersound_lib" not in entry.name:
            (packages / entry.name).symlink_to(entry)
    environment = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site_packages = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (site_packages / "packages.pth").write_text(f"{packages}\n")
    return environment / "bin" / "python"


@pytest.fixture
def offline() -> dict[str, str]:
    """Return an environment in which pip reaches no index and builds with the hatchling that is installed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one upside down: 0 turns isolation off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
