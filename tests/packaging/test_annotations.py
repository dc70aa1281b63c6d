"""Every parameter and result of the library's public functions is annotated: the site's reference shows them.

mypy, by contrast, passes over a function that has no annotation at all.
"""

import ast

from tests.conftest import ROOT

LIBRARY = ROOT / "hypersound_lib"
FILES = sorted(path for path in LIBRARY.rglob("*.py") if not path.stem.startswith("_") or path.stem == "__init__")


def missing(node: ast.Module | ast.ClassDef) -> list[str]:
    """Return the functions, and methods of classes, that a reader may call and that lack an annotation."""
    found = []
    for function in node.body:
        name = getattr(function, "name", "_")
        if isinstance(function, ast.ClassDef) and not name.startswith("_"):
            found += missing(function)
        elif isinstance(function, ast.FunctionDef) and (not name.startswith("_") or name == "__init__"):
            given = function.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            bare = [a.arg for a in named if a and not a.annotation and a.arg not in ("self", "cls")]
            if bare or (function.returns is None and name != "__init__"):
                found.append(f"{name}({', '.join(bare)})")
    return found


def test_all_public_functions_are_annotated():
    lacking = {path.relative_to(LIBRARY): missing(ast.parse(path.read_text())) for path in FILES}
    assert {path: names for path, names in lacking.items() if names} == {}
