"""The folded solutions of the exercises run, in their notebook and in its fast mode.

They do so where the library is not installed at first and the clone is out of sight, as on Colab: the bootstrap cell
installs it, and everything a notebook needs must come with the package.
"""

import re
import subprocess
from pathlib import Path

import nbformat
import papermill
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s*```python\n(.+?)```\s*</details>", re.DOTALL)
LOCATE_LIBRARY = """
import hypersound_lib
from hypersound_lib.paths import embedded_data
print(hypersound_lib.__file__, embedded_data("mini"), sep="\\n")
"""

pytestmark = pytest.mark.notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_and_every_solution_run_outside_the_clone(path, bare_python, offline, kernel_of, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    solutions = SOLUTION.findall(text)
    exercises = re.findall(r"^\*\*\d+ · (?:easy|medium|hard)\.\*\*", text, re.MULTILINE)
    assert len(solutions) == len(exercises) >= 3
    notebook.cells += [nbformat.v4.new_code_cell(solution) for solution in solutions]
    with_solutions = tmp_path / path.name
    nbformat.write(notebook, with_solutions)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kernel = kernel_of(bare_python, offline | {"HYPERSOUND_SOURCE": str(ROOT)})

    papermill.execute_notebook(
        with_solutions,
        tmp_path / "executed.ipynb",
        {"FAST": True},
        kernel_name=kernel,
        cwd=elsewhere,
        execution_timeout=600,
        progress_bar=False,
    )

    located = subprocess.check_output([bare_python, "-c", LOCATE_LIBRARY], cwd=elsewhere, env=offline, text=True)
    assert all(Path(line).is_relative_to(bare_python.parents[1]) for line in located.splitlines())
