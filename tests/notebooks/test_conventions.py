"""The notebooks keep the conventions that readers, Colab, papermill and nbval rely on."""

import ast
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbval.plugin import find_comment_markers

from tests.notebooks.conftest import NOTEBOOKS, ROOT, markdown, tagged

SOURCE_URL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
COLAB_URL = SOURCE_URL.replace("https://github.com/", "https://colab.research.google.com/github/")

NOTEBOOK_KEYS = {"kernelspec", "language_info"}
TITLE = "# @title "  # the first line of a folded cell: Colab shows it in the code's place, and so does the site
FOLD = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # what JupyterLab reads, and what Colab reads
MOST_CELLS, MOST_OPEN_CELLS = 40, 32  # about 30
MOST_LINES, MOST_VISIBLE_LINES = 400, 250
MOST_WORDS = 3500  # of text, solutions included
MOST_LINES_OF_A_CELL = 25
MAGICS = {"config", "matplotlib", "pip", "time", "timeit"}  # IPython swallows a cell under a magic it lacks
SHELL = {"system", "getoutput"}  # what `!command` turns into; a command that fails would not fail the notebook
DRAW = {"figure", "plot_sounds", "plot_spectra"}  # of hypersound_lib.notebook.plots: they return a figure
SHOW = {"show", "image_html", "drawing"}
SECTIONS_WITHOUT_CHECK = re.compile(r"exercise|summary|references", re.IGNORECASE)


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 2
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert numbers == [f"{n:02}" for n in range(len(NOTEBOOKS))]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tree(cell: nbformat.NotebookNode) -> ast.Module:
    """Parse a code cell; magics and shell commands become calls of methods of get_ipython()."""
    return ast.parse(TransformerManager().transform_cell(cell.source))


def test_file_is_valid_and_small(path, notebook):
    nbformat.validate(notebook)
    assert path.stat().st_size < 200_000
    kernel = notebook.metadata.kernelspec
    assert (kernel.name, kernel.language) == ("python3", "python")


def test_committed_without_outputs(notebook):
    """`make format` strips all this."""
    assert set(notebook.metadata) <= NOTEBOOK_KEYS
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))
    assert all(set(cell.metadata) <= {"tags", *FOLD} for cell in notebook.cells)


def folded(cell: nbformat.NotebookNode) -> bool:
    return cell.source.startswith(TITLE)


def test_a_cell_is_folded_everywhere_or_nowhere(notebook):
    for cell in notebook.cells:
        settings = {key: value for key, value in cell.metadata.items() if key in FOLD}
        assert settings == (FOLD if folded(cell) else {}), cell.source
    assert all(folded(cell) for cell in tagged(notebook, "bootstrap"))


def test_a_reader_can_take_it_in(path, notebook):
    """It is short, and what is open shorter: plots, and checks of no interest to a reader, are folded."""
    open_cells = [cell for cell in notebook.cells if not folded(cell)]
    lines = [len(cell.source.splitlines()) for cell in open_cells if cell.cell_type == "code"]
    assert len(notebook.cells) <= MOST_CELLS
    assert len(open_cells) <= MOST_OPEN_CELLS
    assert sum(lines) <= MOST_VISIBLE_LINES
    assert max(lines) <= MOST_LINES_OF_A_CELL
    repeated = [cell for cell in tagged(notebook, "model") if folded(cell)]  # known from another notebook
    new = [cell for cell in code_cells(notebook) if cell not in repeated]
    assert sum(len(cell.source.splitlines()) for cell in new) <= MOST_LINES
    assert len(markdown(notebook.cells).split()) <= MOST_WORDS


def test_has_what_a_lesson_needs(notebook):
    """A drawing, two results to predict, a question to discuss, and what to leave out in a short lesson."""
    text = markdown(notebook.cells)
    assert any(calls(tree(cell), {"drawing"}) for cell in code_cells(notebook))
    assert text.count("**Predict, then run.**") >= 2
    assert re.search(r"Discuss \(\d+ minutes", text)
    assert "core path" in text.lower()


def test_opens_with_title_badge_and_facts(path, notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert f"{COLAB_URL}/blob/main/notebooks/{path.name})" in first.source
    assert f"({SOURCE_URL}/blob/main/notebooks/{path.name})" in first.source
    assert f"[glossary]({SOURCE_URL}/blob/main/docs/glossary.md)" in first.source
    opening = markdown(notebook.cells[: notebook.cells.index(code_cells(notebook)[0])]).lower()
    for fact in ("what you will learn", "prerequisites", "runtime", "download"):
        assert fact in opening


def test_bootstrap_comes_first_and_is_the_same_everywhere(notebook):
    (bootstrap,) = tagged(notebook, "bootstrap")
    assert bootstrap is code_cells(notebook)[0]
    (reference,) = tagged(nbformat.read(NOTEBOOKS[0], 4), "bootstrap")
    assert bootstrap.source == reference.source
    assert f"git+{SOURCE_URL}" in bootstrap.source


def test_parameters_are_literals(notebook):
    (cell,) = tagged(notebook, "parameters")
    values = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign), "only `NAME = literal` lines: papermill replaces them"
        (target,) = statement.targets
        values[target.id] = ast.literal_eval(statement.value)
    assert values["FAST"] is True
    assert values["SEED"] == 0


def test_every_section_checks_itself(notebook):
    """A section is what follows a `## ` heading; those that only set up, or only tell, need no assert."""
    sections, title = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (headings := re.findall(r"^## (.+)$", cell.source, re.MULTILINE)):
            title = headings[-1]
        elif cell.cell_type == "code":
            sections.setdefault(title, []).append(cell)
    checked = 0
    for title, cells in sections.items():
        sets_up = any({"bootstrap", "parameters"} & set(cell.metadata.get("tags", [])) for cell in cells)
        if sets_up or SECTIONS_WITHOUT_CHECK.search(title):
            continue
        asserts = [node for cell in cells for node in ast.walk(tree(cell)) if isinstance(node, ast.Assert)]
        assert asserts, f"section {title!r} has no assert"
        checked += 1
    assert checked


def calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    """Return the calls of functions by name, `show(...)` and not `plt.show(...)`."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [call for call in found if call.func.id in names]


def test_every_figure_is_shown_with_a_text(notebook):
    """`show` and `image_html` write an alt text; what matplotlib or a cell's last expression shows has none."""
    for cell in code_cells(notebook):
        module = tree(cell)
        if calls(module, DRAW):
            assert calls(module, SHOW), f"a figure is not shown with a text:\n{cell.source}"
        for call in calls(module, SHOW):
            texts = call.args[1:] + [keyword.value for keyword in call.keywords if keyword.arg == "alt"]
            assert texts, f"no alt text: {ast.unparse(call)}"
            if isinstance(texts[0], ast.Constant):
                assert len(texts[0].value.split()) > 3, f"says too little: {texts[0].value!r}"
        last = module.body[-1] if module.body else None
        if isinstance(last, ast.Expr):
            assert not (isinstance(last.value, ast.Name) and last.value.id.startswith("fig")), ast.unparse(last)
            assert last.value not in calls(module, DRAW), ast.unparse(last)
        imported = [alias.name for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names]
        imported += [node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
        assert "matplotlib.pyplot" not in imported, "draw with hypersound_lib.notebook.plots"


def test_every_colour_bar_says_what_it_shows(notebook):
    for cell in code_cells(notebook):
        for node in ast.walk(tree(cell)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "colorbar":
                assert any(word.arg == "label" for word in node.keywords) or "set_label" in cell.source


def test_promises_an_output_for_nbval(notebook):
    meant = [cell.source for cell in code_cells(notebook) if "NBVAL_CHECK_OUTPUT" in cell.source]
    assert meant
    for source in meant:
        assert ("check", True) in find_comment_markers(source), "nbval wants the marker on a line of its own"


def test_no_shell_commands_unknown_magics_or_expected_errors(notebook):
    for cell in code_cells(notebook):
        for node in ast.walk(tree(cell)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in SHELL, "use subprocess.run(..., check=True) or %pip"
                if node.func.attr in {"run_line_magic", "run_cell_magic"}:
                    assert node.args[0].value in MAGICS
    assert not tagged(notebook, "raises-exception"), "papermill does not know this tag"


def test_notebook_4_trains_the_model_of_notebook_3():
    """It repeats the cells tagged `model` word for word, so that a reader meets one model."""
    third, fourth = (nbformat.read(NOTEBOOKS[n], as_version=4) for n in (3, 4))
    (copy,) = tagged(fourth, "model")
    assert "class HyperSound" in copy.source
    repeated = copy.source.partition("\n")[2] if folded(copy) else copy.source
    assert repeated == "\n\n\n".join(cell.source for cell in tagged(third, "model"))


def test_ends_with_summary_and_references(notebook):
    headings = " ".join(re.findall(r"^##+ (.+)$", markdown(notebook.cells), re.MULTILINE)).lower()
    assert "summary" in headings
    assert "references" in headings


def test_links_resolve(path, notebook):
    text = markdown(notebook.cells)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:href|src)=\"([^\"]+)\"", text)
    assert targets
    for target in targets:
        file = target.partition("#")[0]
        for base in (SOURCE_URL, COLAB_URL):
            if file.startswith(f"{base}/blob/main/"):
                assert (ROOT / file.removeprefix(f"{base}/blob/main/")).exists(), target
        if file and "://" not in file and not file.startswith(("mailto:", "data:")):
            assert (path.parent / file).exists(), target
