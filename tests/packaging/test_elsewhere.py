"""The package in environments that are not .venv: Colab's packages, newer Pythons.

What needs an index or another Python is skipped where there is none.
"""

import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT, lend_packages, variables, write_programs
from tests.packaging.test_requirements import ELSEWHERE, EXTRAS, PINS

INSTALL = runpy.run_path(str(ROOT / "notebooks/assignments/build.py"))["INSTALL"]
UV = Path(sys.executable).with_name("uv")
UV_PIP = [UV, "pip", "--native-tls", "--quiet"]  # certificates of the machine, as pip takes them
BESIDE = re.search(r"^BESIDE := ([\w ]+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()


def run(*command: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run a command away from this environment's variables."""
    own = variables("PYTHON", "PYTEST", "VIRTUAL_ENV")
    return subprocess.run(list(map(str, command)), cwd=cwd, env=own, capture_output=True, text=True)


def skip_without_index(process: subprocess.CompletedProcess) -> None:
    if "Failed to fetch" in process.stderr or "network" in process.stderr.lower():
        pytest.skip("uv reaches no index here; connect, and try again")


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
    process = run(*UV_PIP, "compile", "pyproject.toml", *extras, *options)
    skip_without_index(process)
    assert process.returncode == 0, process.stderr
    chosen = dict(line.split("==") for line in process.stdout.splitlines() if "==" in line)
    assert {name: chosen[name] for name in PINS} == PINS


def find_python(version: str) -> str | None:
    """Return a Python of this version that starts and makes environments.

    pyenv's shims are on the PATH also where they refuse to start, so those that it manages are looked for, too.
    """
    name = f"python{version}"
    managed = run(UV, "python", "find", "--managed-python", version).stdout.strip() if UV.exists() else ""
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/{name}"))
    found = [shutil.which(name), managed, *pyenv[::-1], f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    return next((str(path) for path in found if path and _is_python(path, version)), None)


def _is_python(path: str | Path, version: str) -> bool:
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        process = run(path, "-c", code)
    except OSError:  # there is no such file, or it is no program
        return False
    return process.returncode == 0 and process.stdout.strip() == version


def test_a_python_is_one_that_starts(tmp_path, monkeypatch):
    """Of shims that refuse, of another version, and of one in pyenv's folder, the last is found."""
    shims, real = tmp_path / "shims", tmp_path / "versions/9.8.7/bin"
    other = tmp_path / "versions/9.8.12/bin"
    for folder, script in ((shims, "exit 127"), (real, "echo 9.8"), (other, "echo 9.7")):
        write_programs(folder, {"python9.8": script})
    monkeypatch.setenv("PATH", str(shims), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert find_python("9.8") == str(real / "python9.8")
    assert find_python("9.9") is None


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_library_works_on_a_newer_python(version, environment, tmp_path):
    base = find_python(version)
    if base is None:
        pytest.skip(f"there is no Python {version}: uv python install {version}")
    python = environment / "bin/python"
    assert run(UV, "venv", "--quiet", "--python", base, environment).returncode == 0
    # NVIDIA's libraries, which torch loads, are the same for every Python, and half of the gigabytes.
    lent = list(Path(sysconfig.get_path("purelib")).glob("nvidia*"))
    lend_packages(python, tmp_path / "lent", lent)
    names = [entry.name.split("-")[0].replace("_", "-") for entry in lent if entry.suffix == ".dist-info"]
    (tmp_path / "left_out.txt").write_text("".join(f"{name}; python_version < '3'\n" for name in names))
    options = ["--cache-dir", environment / "cache", "-c", "constraints.txt", "--overrides", tmp_path / "left_out.txt"]
    process = run(*UV_PIP, "install", "--python", python, *options, f"{ROOT}[notebooks,metrics,dev]")
    skip_without_index(process)
    assert process.returncode == 0, process.stderr[-3000:]
    installed = run(python, "-I", "-c", "import hypersound_lib; print(hypersound_lib.__file__)", cwd=tmp_path)
    assert str(environment) in installed.stdout, installed.stderr
    tests = run(python, "-m", "pytest", "-q", "-m", "quick", *(f"--ignore=tests/{name}" for name in BESIDE))
    assert tests.returncode == 0, tests.stdout[-3000:]
