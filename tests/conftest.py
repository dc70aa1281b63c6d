"""What all tests share: their order, commands, a browser, and a bare environment to install the library into."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.browser import browser  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[1]

# Figures of the library's tests need no screen. (notebooks/run.py lets the notebooks choose for themselves.)
os.environ.setdefault("MPLBACKEND", "Agg")

# No test waits for a network, and notebooks show what comes with the library.
os.environ["HYPERSOUND_OFFLINE"] = "1"

# How long an example of hypothesis takes says more of the machine's other work than of the library.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


# Processes that test side by side share the cores: with more threads than cores they slow each other many times over.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))
    # Where two compile librosa's functions at the same time, the one cache of both is left such that each use crashes.
    cache = ROOT / ".pytest_cache" / "numba" / os.environ["PYTEST_XDIST_WORKER"]
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))


def stage(item: pytest.Item) -> int:
    """Say when a test is run: long files first, so that no process is left with one when the others have ended.

    Files that start processes take longest (0), and the notebooks are many of about a minute each (3), after what else
    executes some (2). The website is built from the copies that the notebooks' tests leave. And Playwright keeps an
    event loop running from the browser's start on, in the way of tests that start their own.
    """
    fixtures = set(item.fixturenames)
    if fixtures & {"browser", "site"}:
        return 5 if "browser" in fixtures else 4
    if item.get_closest_marker("notebooks"):
        return 3 if "first_run" in fixtures else 2
    module = getattr(item, "module", None)
    return 0 if hasattr(module, "subprocess") or hasattr(module, "run_command") else 1


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and mark those that `make test` runs last, and those that `make check` runs.

    The latter are the first case of each test that is not marked as slow, in the files that start no other process.
    """
    items.sort(key=stage)
    seen = set()
    for item in items:
        name = (item.path, item.name.partition("[")[0])
        if stage(item) >= 4:
            item.add_marker(pytest.mark.browser)
        if stage(item) == 1 and name not in seen and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.quick)
        seen.add(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Give each process whole files, whose tests share fixtures; and of the notebooks one at a time, with all its runs.

    (pytest-xdist's own `loadgroup` does nothing with pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            return test.partition("[")[2] if file.endswith("test_execution.py") and "[" in test else file

    return ByFile(config, log)


def pytest_report_header() -> str:
    """Say how much disk is free: a full one fails in many ways that do not name it."""
    free = {str(folder): shutil.disk_usage(folder).free / 1e9 for folder in (ROOT, tempfile.gettempdir())}
    return "free disk: " + ", ".join(f"{gigabytes:.0f} GB in {folder}" for folder, gigabytes in free.items())


def pytest_configure(config: pytest.Config) -> None:
    """In continuous integration, name a failure when it happens: of a long log often only a part is kept."""

    class NameFailures:
        @staticmethod
        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report: pytest.TestReport) -> None:
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                message = str(crash.message if crash else report.longrepr)
                short = message if len(message) <= 600 else f"{message[:200]} … {message[-400:]}"
                config.get_terminal_writer().line(f"\n{report.nodeid} ({report.when}): {short}")

    if "CI" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(NameFailures())


def run_command(*command: object, code: int | None = 0, **options: Any) -> str:
    """Run a command; return what it says, errors included, but for `stderr=None`.

    It must end with this exit code; None: with any.
    """
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} | options
    process = subprocess.run(list(map(str, command)), **settings)
    assert code in (None, process.returncode), f"exit code {process.returncode}: {process.stdout}"
    return process.stdout


def variables(*without: str, **added: str) -> dict[str, str]:
    """Return the environment, but for the variables whose names begin so, and with others."""
    return {key: value for key, value in os.environ.items() if not key.startswith(without)} | added


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """Return the Python of an environment as a Colab session is at its start."""
    return make_bare_python(tmp_path)


def make_bare_python(folder: Path) -> Path:
    """Make an environment in a folder in which every package is there but hypersound_lib. Return its Python."""
    run_command(sys.executable, "-m", "venv", "--without-pip", folder / "bare")
    python = folder / "bare" / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib")).iterdir()
    lend_packages(python, folder / "packages", (entry for entry in packages if "hypersound_lib" not in entry.name))
    return python


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Path]:
    """Return the path of an environment of gigabytes that a test will make; it is gone when the test is over.

    Two cores take ten minutes for the three tests that make one, of the 45 that all tests may take there.
    """
    if (os.cpu_count() or 1) <= 2 and "HYPERSOUND_ELSEWHERE" not in os.environ:
        pytest.skip("to make an environment of gigabytes takes two cores minutes: set HYPERSOUND_ELSEWHERE=1")
    needed, free = 8e9, shutil.disk_usage(tmp_path).free  # bytes; with what pip unpacks
    if free < needed:
        pytest.skip(f"{tmp_path} has {free / 1e9:.1f} GB free, and an environment with torch takes {needed / 1e9:.0f}")
    yield tmp_path / "environment"
    shutil.rmtree(tmp_path / "environment", ignore_errors=True)


def lend_packages(python: Path, folder: Path, entries: Iterable[Path]) -> None:
    """Let another environment's Python import packages of this one, by links in a new folder outside it.

    Its pip counts them as installed, but cannot remove or replace what lies outside its environment.
    """
    folder.mkdir()
    for entry in entries:
        (folder / entry.name).symlink_to(entry)
    site_packages = run_command(python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(site_packages, "lent.pth").write_text(f"{folder}\n")


def write_programs(folder: Path, scripts: dict[str, str], linked: Iterable[str] = ()) -> Path:
    """Make a folder that can be a PATH, of shell scripts and of links to the system's own programs, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in linked:
        (folder / name).symlink_to(shutil.which(name))
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def offline() -> dict[str, str]:
    """Return an environment in which pip reaches no index and builds with the hatchling that is installed."""
    no_isolation = "0"  # pip reads this one upside down: 0 turns isolation off
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": no_isolation, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return variables("PIP_", "PYTHON", "VIRTUAL_ENV", PIP_CONFIG_FILE=os.devnull, **pip)
