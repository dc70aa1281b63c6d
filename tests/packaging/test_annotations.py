"""Every parameter and result of the library's public functions is annotated: the site's reference shows them.

mypy, by contrast, passes over a function that has no annotation at all.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "hypersound_lib"
FILES = sorted(path for path in LIBRARY.rglob("*.py") if not path.stem.startswith("_") or path.stem == "__init__")


def public_functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions of a module and the methods of its classes that a reader may call, by name."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
            yield owner + node.name, node


def missing(source: str) -> list[str]:
    """Return what lacks an annotation: `function(parameter)`, or `function` for its result."""
    found = []
    for name, node in public_functions(ast.parse(source).body):
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        found += [
            f"{name}({a.arg})" for a in named if a is not None and a.annotation is None and a.arg not in ("self", "cls")
        ]
        if node.returns is None and node.name != "__init__":
            found.append(name)
    return found


def test_all_public_functions_are_annotated():
    lacking = [f"{path.relative_to(LIBRARY)}: {what}" for path in FILES for what in missing(path.read_text())]
    assert not lacking, "\n".join(lacking)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, *b: int, c=1, **d): ...", ["f(a)", "f(c)", "f(d)", "f"]),
        ("class A:\n def __init__(self, x): ...\n def g(self) -> int: ...", ["A.__init__(x)"]),
        ("def _f(a): ...\nclass _B:\n def g(self): ...", []),
    ],
)
def test_what_lacks_an_annotation_is_found(source, expected):
    assert sorted(missing(source)) == sorted(expected)
