"""Tools for tests about notebooks: find and make them, run nbval as `make test` does, name another Python's kernel."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT, run_command, variables

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def tagged(notebook: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def markdown(cells: list[nbformat.NotebookNode]) -> str:
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def nbval(path: Path, kernel: str | None = None, code: int = 0) -> None:
    """Execute a notebook again, and compare the outputs of NBVAL_CHECK_OUTPUT cells: it must end with this code."""
    chosen = "--nbval-current-env" if kernel is None else f"--nbval-kernel-name={kernel}"
    flags = ["--nbval-lax", chosen, "--nbval-cell-timeout=3600", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", *flags, path]
    run_command(*command, code=code, env=variables("PYTEST", "PYTHONPATH", "MPLBACKEND"))


@pytest.fixture
def make_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of notebooks in `tmp_path`: a heading, a `parameters` cell, then a cell for each source."""

    def make(name: str, *sources: str, parameters: str = "FAST = True\nSEED = 0") -> Path:
        cells = [nbformat.v4.new_markdown_cell(f"# The notebook {name}")]
        cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
        return path

    return make


@pytest.fixture
def kernel_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, dict[str, str]], str]:
    """Return a function that makes a kernel of a Python and an environment of variables, and returns its name."""

    def make(python: Path, variables: dict[str, str]) -> str:
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel = {"argv": argv, "display_name": "other", "language": "python", "env": variables}
        spec = tmp_path / "jupyter" / "kernels" / "other" / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps(kernel))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        return "other"

    return make
