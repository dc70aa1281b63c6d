"""The folded solutions of the exercises run, in their notebook and in its fast mode."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s*```python\n(.+?)```\s*</details>", re.DOTALL)

pytestmark = pytest.mark.notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_solution_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    solutions = SOLUTION.findall(text)
    exercises = re.findall(r"^\*\*\d+ · (?:easy|medium|hard)\.\*\*", text, re.MULTILINE)
    assert len(solutions) == len(exercises) >= 3
    notebook.cells += [nbformat.v4.new_code_cell(solution) for solution in solutions]
    with_solutions = tmp_path / path.name
    nbformat.write(notebook, with_solutions)
    papermill.execute_notebook(
        with_solutions, tmp_path / "executed.ipynb", {"FAST": True}, cwd=tmp_path, progress_bar=False
    )
