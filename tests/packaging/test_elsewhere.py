"""The package in environments that are not .venv: Colab's packages, newer Pythons.

What needs an index or another Python is skipped where there is none. The library's tests on newer Pythons take minutes
and gigabytes: HYPERSOUND_PYTHONS=1 make test ARGS="tests/packaging/test_elsewhere.py -n 0"
"""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.test_requirements import ELSEWHERE, EXTRAS, PINS

ROOT = Path(__file__).resolve().parents[2]
INSTALL = runpy.run_path(str(ROOT / "notebooks/assignments/build.py"))["INSTALL"]
UV = Path(sys.executable).with_name("uv")
FAST = ["tests/inr", "tests/hypersound", "tests/coding", "tests/training/test_loop.py", "tests/cli/test_flags.py"]


def run(*command: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run a command away from this environment's variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV"))}
    return subprocess.run(list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True)


def test_otter_needs_no_more_in_a_notebook_than_the_homeworks_install(tmp_path):
    """Of what it asks for, Colab lacks these, and has ipywidgets 7 and wrapt 2, which it would replace."""
    assert "--no-deps" in INSTALL.split()
    left_out = ("jupytext", "python_on_whales", "sphinx", "docutils", "pydantic")
    code = f"import sys; sys.modules.update(dict.fromkeys({left_out})); import otter; otter.Notebook()"
    process = run(sys.executable, "-c", code, cwd=tmp_path)
    assert process.returncode == 0, process.stderr


def test_with_what_colab_has_everything_can_be_installed():
    """But otter-grader, which the homeworks therefore install alone."""
    extras = [word for extra in EXTRAS if extra not in ELSEWHERE for word in ("--extra", extra)]
    options = ["--python-version", "3.13", "--constraints", "tests/packaging/colab.txt", "--no-annotate", "--no-header"]
    process = run(UV, "pip", "compile", "--quiet", "pyproject.toml", *extras, *options)
    if "Failed to fetch" in process.stderr or "network" in process.stderr.lower():
        pytest.skip("uv reaches no index here; connect, and try again")
    assert process.returncode == 0, process.stderr
    chosen = dict(line.split("==") for line in process.stdout.splitlines() if "==" in line)
    assert {name: chosen[name] for name in PINS} == PINS


def find_python(version: str) -> str | None:
    """Return a Python of this version that starts: pyenv's shims are on the PATH also where they cannot."""
    managed = run(UV, "python", "find", "--managed-python", version).stdout.strip()
    found = [shutil.which(f"python{version}"), managed]
    return next((path for path in found if path and run(path, "-c", "import ensurepip").returncode == 0), None)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_library_works_on_a_newer_python(version, tmp_path):
    if "HYPERSOUND_PYTHONS" not in os.environ:
        pytest.skip("takes minutes and gigabytes; HYPERSOUND_PYTHONS=1 runs it")
    base = find_python(version)
    if base is None:
        pytest.skip(f"there is no Python {version}: uv python install {version}")
    python = tmp_path / "bin/python"
    assert run(base, "-m", "venv", tmp_path).returncode == 0
    download = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path / "reach", "packaging"]
    if run(*download).returncode != 0:
        pytest.skip("pip reaches no index here; connect, and try again")
    pip = run(python, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", f"{ROOT}[notebooks,metrics,dev]")
    assert pip.returncode == 0, pip.stderr[-3000:]
    installed = run(python, "-I", "-c", "import hypersound_lib; print(hypersound_lib.__file__)", cwd=tmp_path)
    assert str(tmp_path) in installed.stdout, installed.stderr
    tests = run(python, "-m", "pytest", "-q", "-m", "not notebooks and not slow and not browser", *FAST)
    assert tests.returncode == 0, tests.stdout[-3000:]
