"""Every notebook runs in fast mode; a second run gives the outputs that it promises, and runs the folded solutions.

The second run is one as on Colab: the clone is out of sight, and what a notebook needs must come with the package. In
the first such run the library is not installed, and the bootstrap cell installs it; the runs after it find it there.
"""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import find_comment_markers

from tests.conftest import make_bare_python, run_command
from tests.notebooks.conftest import NOTEBOOKS, ROOT, markdown, nbval, tagged
from tests.notebooks.test_bootstrap import LOCATE_LIBRARY

COPIES = ROOT / "build" / "notebooks"
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s*```python\n(.+?)```\s*</details>", re.DOTALL)
pytestmark = pytest.mark.notebooks


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def first_run(request: pytest.FixtureRequest) -> Path:
    """Execute one notebook as `make tutorial` does; return where its executed copy lies."""
    run_command(sys.executable, ROOT / "notebooks" / "run.py", request.param)
    return COPIES / request.param.name


@pytest.fixture(scope="session")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment for all second runs of this process, at first without the library."""
    return make_bare_python(tmp_path_factory.mktemp("colab"))


def test_notebook_runs_in_fast_mode(first_run):
    (parameters,) = tagged(nbformat.read(first_run, 4), "injected-parameters")  # papermill added it
    assert "FAST = True" in parameters.source


def test_second_run_outside_the_clone_gives_the_same_outputs_and_solutions_run(
    first_run, colab, offline, kernel_of, tmp_path
):
    notebook = nbformat.read(first_run, 4)
    # nbval passes over pictures and over cells that never ran; so first see that it has something to compare.
    promised = [cell for cell in notebook.cells if ("check", True) in find_comment_markers(cell.source)]
    assert promised
    for cell in promised:
        assert cell.execution_count is not None
        assert any("text" in output or "text/plain" in output.get("data", {}) for output in cell.outputs), cell.source
    notebook.cells += [nbformat.v4.new_code_cell(solution) for solution in solutions(notebook)]
    elsewhere = tmp_path / "elsewhere" / first_run.name
    elsewhere.parent.mkdir()
    nbformat.write(notebook, elsewhere)

    nbval(elsewhere, kernel_of(colab, offline | {"HYPERSOUND_SOURCE": str(ROOT)}))

    located = run_command(colab, "-c", LOCATE_LIBRARY, cwd=tmp_path, env=offline, stderr=None)
    assert all(Path(line).is_relative_to(colab.parents[1]) for line in located.splitlines())


def test_nbval_finds_a_changed_output_and_a_cell_that_fails(make_notebook):
    path = make_notebook("changing", "# NBVAL_CHECK_OUTPUT\nprint(1 + 1)")
    for said, verdict in [("2\n", 0), ("3\n", 1)]:
        notebook = nbformat.read(path, 4)
        notebook.cells[-1].update(execution_count=2, outputs=[nbformat.v4.new_output("stream", text=said)])
        nbformat.write(notebook, path)
        nbval(path, code=verdict)
    nbval(make_notebook("failing", "assert 1 + 1 == 3"), code=1)  # as a solution, which never ran before


def solutions(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the code of the folded solutions: one for each exercise, and there are three or more."""
    text = markdown(notebook.cells)
    found = SOLUTION.findall(text)
    exercises = re.findall(r"^\*\*\d+ · (?:easy|medium|hard)\.\*\*", text, re.MULTILINE)
    assert len(found) == len(exercises) >= 3
    return found
