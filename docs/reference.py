"""The pages of the library's reference: one per module, in the order in which the package says to read them."""

import ast
import re
from pathlib import Path

from links import ROOT, SOURCE

LIBRARY = ROOT / "hypersound_lib"


def write(folder: Path) -> list[str]:
    """Write the pages, which mkdocstrings fills from the docstrings, and return them in reading order."""
    folder.mkdir(parents=True)
    names = modules()
    for name in names:
        (folder / f"{name}.md").write_text(page(name), encoding="utf-8")
    rows = [f"| [`{name}`]({name}.md) | {summary(file_of(name))} |" for name in names]
    purpose, _, order = docstring(LIBRARY / "__init__.py").partition("\n\n")
    head = f"# The library\n\n{purpose}\n\n{linked(order, names)}\n\n| module | what it is |\n|---|---|\n"
    (folder / "index.md").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return [f"library/{name}.md" for name in names]


def modules() -> list[str]:
    """Return the public modules, first those that the package's docstring names, in its order."""
    entries = [path for path in LIBRARY.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    present = sorted(path.stem for path in entries if not path.stem.startswith("_"))
    named = [n for n in re.findall(r"`(\w+)`", docstring(LIBRARY / "__init__.py")) if n in present]
    return list(dict.fromkeys([*named, *present]))


def page(name: str) -> str:
    """Return the page of a module; that of a package has a section for each of its modules."""
    folder = LIBRARY / name
    source = f"[source]({SOURCE}/{'tree' if folder.is_dir() else 'blob'}/main/{file_of(name).relative_to(ROOT)})"
    source = source.replace("tree", "blob")
    text = f"# {name}\n\n{source}\n\n"
    if not folder.is_dir():
        return text + block(f"hypersound_lib.{name}", "show_root_heading: false", "show_root_toc_entry: false")
    text += block(f"hypersound_lib.{name}", "show_root_heading: false", "show_root_toc_entry: false", "members: false")
    files = [path for path in folder.rglob("*.py") if not path.stem.startswith("_")]
    inside = sorted(".".join(path.relative_to(folder).with_suffix("").parts) for path in files)
    return text + "".join(block(f"hypersound_lib.{name}.{module}") for module in inside)


def block(name: str, *options: str) -> str:
    """Return the directive that mkdocstrings replaces by a module's documentation."""
    lines = [f"::: {name}", *(["    options:"] if options else []), *(f"        {option}" for option in options)]
    return "\n".join(lines) + "\n\n"


def linked(text: str, names: list[str]) -> str:
    """Return `text` with the names of modules as links to their pages."""
    return re.sub(r"`(\w+)`", lambda match: f"[{match[0]}]({match[1]}.md)" if match[1] in names else match[0], text)


def file_of(name: str) -> Path:
    folder = LIBRARY / name
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def summary(path: Path) -> str:
    """Return the first sentence of a module's docstring, as one cell of a table."""
    first, _, _ = docstring(path).partition("\n\n")
    return " ".join(first.split()).replace("|", r"\|")
