"""Every notebook runs in fast mode, and a second run of the executed copy gives the outputs that it promises."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import find_comment_markers

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COPIES = ROOT / "build" / "notebooks"

pytestmark = pytest.mark.notebooks


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def first_run(request: pytest.FixtureRequest) -> tuple[subprocess.CompletedProcess, Path]:
    """Execute one notebook as `make tutorial` does; return how that ended and where its executed copy lies."""
    command = [sys.executable, ROOT / "notebooks" / "run.py", request.param]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return process, COPIES / request.param.name


def test_notebook_runs_in_fast_mode(first_run):
    process, copy = first_run
    assert process.returncode == 0, process.stdout
    assert "FAST = True" in injected_parameters(copy)


def test_second_run_gives_the_same_outputs(first_run, nbval):
    process, copy = first_run
    assert process.returncode == 0, "the first run failed"
    # nbval passes over pictures and over cells that never ran; so first see that it has something to compare.
    promised = [cell for cell in nbformat.read(copy, 4).cells if ("check", True) in find_comment_markers(cell.source)]
    assert promised
    for cell in promised:
        assert cell.execution_count is not None
        assert any("text" in output or "text/plain" in output.get("data", {}) for output in cell.outputs), cell.source
    second = nbval(copy)
    assert second.returncode == 0, second.stdout


def test_nbval_finds_a_changed_output(make_notebook, nbval):
    path = make_notebook("changing", "# NBVAL_CHECK_OUTPUT\nprint(1 + 1)")
    for said, verdict in [("2\n", 0), ("3\n", 1)]:
        notebook = nbformat.read(path, 4)
        notebook.cells[-1].update(execution_count=2, outputs=[nbformat.v4.new_output("stream", text=said)])
        nbformat.write(notebook, path)
        process = nbval(path)
        assert process.returncode == verdict, process.stdout


def injected_parameters(copy: Path) -> str:
    """Return the source of the cell that papermill added."""
    cells = nbformat.read(copy, 4).cells
    return next(cell.source for cell in cells if "injected-parameters" in cell.metadata.get("tags", []))
