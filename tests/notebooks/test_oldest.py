"""The first notebook runs with the oldest versions that the package promises, and the bootstrap cell keeps them.

Colab's torch, numpy and ipywidgets are a release or more behind. Here they are as old as pyproject.toml allows, in an
environment that has nothing else of ours: the bootstrap cell installs the rest from the index, as it does there.
"""

import json
import os
import sys
import tomllib
from pathlib import Path

import nbformat
import papermill
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.conftest import ROOT, run_command, variables
from tests.notebooks.conftest import NOTEBOOKS

KEPT = ("torch", "torchaudio", "numpy", "matplotlib", "ipywidgets", "ipython", "ipykernel")
LIST_VERSIONS = f"""
import json
from importlib.metadata import version
print(json.dumps({{name: version(name).partition("+")[0] for name in {KEPT}}}))
"""

pytestmark = pytest.mark.notebooks


def oldest() -> dict[str, Version]:
    """Return the lower ends of the ranges in pyproject.toml: name -> version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["notebooks"]
    floors = {}
    for requirement in map(Requirement, texts):
        (specifier,) = requirement.specifier
        assert specifier.operator == ">="
        floors[requirement.name] = specifier.version
    return {name: Version(floors[name]) for name in KEPT}


def installed(python: Path) -> dict[str, Version]:
    """Return the versions of these packages in another environment, without what says which build they are."""
    found = json.loads(run_command(python, "-c", LIST_VERSIONS, env=variables("PYTHON", "VIRTUAL_ENV"), stderr=None))
    return {name: Version(version) for name, version in found.items()}


@pytest.fixture
def old_python(environment: Path) -> Path:
    """Make an environment with the oldest versions, and nothing else of what the library needs; return its Python."""
    python, own = environment / "bin" / "python", {"env": variables("PYTHON", "VIRTUAL_ENV")}
    run_command(sys.executable, "-m", "venv", environment, **own)
    pip = [python, "-m", "pip", "--quiet"]
    download = ["download", "--no-deps", "--dest", environment / "reach", f"ipywidgets=={oldest()['ipywidgets']}"]
    said = run_command(*pip, *download, code=None, **own)
    if not list(environment.glob("reach/*")):
        if os.environ.get("CI"):
            pytest.fail(f"pip reaches no index here:\n{said}")
        pytest.skip("pip reaches no index here, so the oldest versions cannot be installed; connect, and try again")
    run_command(*pip, "install", *(f"{name}=={version}" for name, version in oldest().items()), **own)
    return python


def test_first_notebook_runs_with_the_oldest_versions_and_keeps_them(old_python, kernel_of, tmp_path):
    assert installed(old_python) == oldest()
    kernel = kernel_of(old_python, {"HYPERSOUND_SOURCE": str(ROOT)})
    elsewhere, copy = tmp_path / "elsewhere", tmp_path / "copy.ipynb"
    elsewhere.mkdir()
    settings = {"kernel_name": kernel, "cwd": elsewhere, "execution_timeout": 3600, "progress_bar": False}
    papermill.execute_notebook(NOTEBOOKS[0], copy, {"FAST": True}, **settings)
    said = "\n".join(out.get("text", "") for cell in nbformat.read(copy, 4).cells for out in cell.get("outputs", []))
    assert f"torch {oldest()['torch']}" in said, "the notebook tells what it runs on"
    assert installed(old_python) == oldest()
