"""Where modules lie, which may import which, and what the package shows of them."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

import hypersound_lib
from tests.conftest import ROOT, run_command

LIBRARY = ROOT / "hypersound_lib"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY.rglob("*.py")}


def imports(module: str) -> list[tuple[str, str]]:
    """Return what a module imports from others of the library when it is loaded: modules, and names in them."""
    nodes = [node for node in MODULES[module].body if isinstance(node, ast.ImportFrom) and node.module in MODULES]
    return [(node.module, alias.name) for node in nodes for alias in node.names]


@cache
def home(module: str, name: str) -> str:
    """Return the module that a name comes from: a package's `__init__` only passes it on."""
    if f"{module}.{name}" in MODULES:
        return f"{module}.{name}"
    sources = {alias: source for source, alias in imports(module)}
    return home(sources[name], name) if name in sources else module


@cache
def longest_chain(module: str) -> tuple[str, ...]:
    """Return the longest chain of imports that loading a module sets off; those inside functions come later."""
    needed = sorted({home(*source) for source in imports(module)})
    return (module, *max(map(longest_chain, needed), key=len, default=()))


def test_the_longest_chain_of_imports_has_at_most_9_modules():
    assert len(MODULES) > 100
    chain = max(map(longest_chain, sorted(MODULES)), key=len)
    assert len(chain) <= 9, " > ".join(chain)


def test_the_top_folder_has_at_most_26_entries():
    entries = sorted(path.name for path in LIBRARY.iterdir() if path.name not in ("__pycache__", "_data"))
    assert len(entries) <= 26, entries


def test_a_file_has_at_most_250_lines_and_a_function_fits_on_a_screen_of_40():
    """Docstrings and decorators included."""
    long = []
    for module, tree in MODULES.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
            if function.end_lineno - first + 1 > 40:
                long.append(f"{module}.{function.name}")
    long += [str(path) for path in LIBRARY.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 250]
    assert not long


def test_layers_are_kept_and_nothing_imports_in_circles():
    """The contracts stand in pyproject.toml."""
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    run_command(sys.executable, "-c", code, cwd=ROOT)


@pytest.mark.parametrize("name", hypersound_lib.__all__)
def test_public_names_complete_by_tab_have_docstrings_and_stand_in_the_overview(name):
    assert name in dir(hypersound_lib)
    assert getattr(hypersound_lib, name).__doc__.strip()
    assert f"`{name}`" in hypersound_lib.__doc__


def test_the_overview_names_each_module_once_below_those_that_it_uses():
    lines = re.findall(r"^- `(\w+)`: \S", hypersound_lib.__doc__, re.MULTILINE)
    present = {path.stem for path in LIBRARY.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert sorted(lines) == sorted(present - {"__init__", "__main__"})
    assert set(lines) <= set(dir(hypersound_lib))
    for number, module in enumerate(lines):
        assert getattr(hypersound_lib, module).__doc__
        inside = [name for name in MODULES if name.split(".")[1:2] == [module]]
        used = {part for name in inside for source in imports(name) for part in home(*source).split(".")[1:2]}
        assert used <= set(lines[: number + 1]), module
