"""The first notebook runs with the oldest versions that the package promises, and the bootstrap cell keeps them.

Colab's torch, numpy and ipywidgets are a release or more behind. Here they are as old as pyproject.toml allows, in an
environment that has nothing else of ours: the bootstrap cell installs the rest from the index, as it does there.
"""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import papermill
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FIRST = min((ROOT / "notebooks").glob("*.ipynb"))
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


def run(*command: object, **variables: str) -> str:
    """Run a command away from this environment's variables; return what it prints."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    process = subprocess.run(list(map(str, command)), env=kept | variables, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def installed(python: Path) -> dict[str, Version]:
    """Return the versions of these packages in another environment, without what says which build they are."""
    return {name: Version(version) for name, version in json.loads(run(python, "-c", LIST_VERSIONS)).items()}


@pytest.fixture
def old_python(environment: Path) -> Path:
    """Make an environment with the oldest versions, and nothing else of what the library needs; return its Python."""
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "venv", environment)
    pins = [f"{name}=={version}" for name, version in oldest().items()]
    download = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", environment / "reach"]
    reached = subprocess.run([*download, f"ipywidgets=={oldest()['ipywidgets']}"], capture_output=True, text=True)
    if reached.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(f"pip reaches no index here:\n{reached.stderr}")
        pytest.skip("pip reaches no index here, so the oldest versions cannot be installed; connect, and try again")
    run(python, "-m", "pip", "install", "--quiet", *pins)
    return python


def test_first_notebook_runs_with_the_oldest_versions_and_keeps_them(old_python, kernel_of, tmp_path):
    assert installed(old_python) == oldest()
    kernel = kernel_of(old_python, {"HYPERSOUND_SOURCE": str(ROOT)})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copy = tmp_path / "copy.ipynb"
    papermill.execute_notebook(
        FIRST, copy, {"FAST": True}, kernel_name=kernel, cwd=elsewhere, execution_timeout=3600, progress_bar=False
    )
    said = "\n".join(
        output.get("text", "") for cell in nbformat.read(copy, 4).cells for output in cell.get("outputs", [])
    )
    assert f"torch {oldest()['torch']}" in said, "the notebook tells what it runs on"
    assert installed(old_python) == oldest()
