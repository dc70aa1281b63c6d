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


# Processes that test side by side share the cores: with more threads than cores they slow each other many times over.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))


def stage(item: pytest.Item) -> int:
    """Say when a test is run: what takes minutes comes late, so that a slip shows within seconds.

    What runs the notebooks comes before what grades homeworks, so that one process grades while another is at the last
    notebook. The website is built from the copies that the notebooks' tests leave. And Playwright keeps an event loop
    running from the browser's start on, in the way of tests that start their own.
    """
    fixtures = set(item.fixturenames)
    if fixtures & {"browser", "site"}:
        return 4 if "site" in fixtures else 3
    if item.get_closest_marker("notebooks") is None:
        return 0
    return 1 if "first_run" in fixtures else 2


def group(item: pytest.Item) -> str:
    """Name what one process runs: a file, for its fixtures; a notebook with all its runs; all that shares a browser."""
    if stage(item) >= 3:
        return "browser"
    return item.callspec.id if stage(item) == 1 else item.path.relative_to(item.config.rootpath).as_posix()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and tell which of them belong to one process."""
    items.sort(key=stage)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder, shared by all processes, with an empty file for each notebook that this run has executed."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "executed"
    folder.mkdir(exist_ok=True)
    return folder


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
