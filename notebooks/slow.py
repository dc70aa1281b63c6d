"""Run notebooks as a machine does that is four times slower: on one core, which a busy process shares.

    python notebooks/slow.py 05   # one, by the start of its name; without a name all of them, in fast mode

Each must end without an error, and its cells marked NBVAL_CHECK_OUTPUT must say what they said in the usual run whose
copy lies in build/notebooks/: a slow machine gets the same lesson, later. The copies go to build/slow/.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import run

BUILD = run.BUILD / "slow"
MARKER = "# NBVAL_CHECK_OUTPUT"
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"  # it ends with its parent


@contextmanager
def slow_machine() -> Iterator[None]:
    """Tie this process, and those that it starts, to one core, and share that with a busy process of equal priority."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("only Linux can tie processes to one core")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    sibling = subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())])
    try:
        yield
    finally:
        sibling.kill()
        sibling.wait()
        os.sched_setaffinity(0, cores)


def compare(copy: Path, usual: Path) -> list[str]:
    """Return the sources of the marked cells that say something else in `copy` than in the `usual` copy.

    Raises:
        ValueError: the usual copy is missing, or is one of another version of the notebook.
    """
    if not usual.is_file():
        raise ValueError(f"there is no {usual}: run `make tutorial`")
    cells, others = code_cells(copy), code_cells(usual)
    if [cell.source for cell in cells] != [cell.source for cell in others]:
        raise ValueError(f"{usual} is of another version: run `make tutorial`")
    pairs = zip(cells, others, strict=True)
    return [cell.source for cell, other in pairs if MARKER in cell.source and said(cell) != said(other)]


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def said(cell: nbformat.NotebookNode) -> str:
    """Return all text that a cell showed."""
    return "".join(out.get("text", out.get("data", {}).get("text/plain", "")) for out in cell.outputs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", help="paths, or beginnings of names; default: all")
    names = parser.parse_args(arguments).notebooks
    with slow_machine():
        failed = run.main([*names, "--build", str(BUILD)])
    copies = [BUILD / "notebooks" / path.name for path in run.find(names)]
    for copy in filter(Path.is_file, copies):  # one that is missing has failed
        try:
            changed = compare(copy, run.BUILD / "notebooks" / copy.name)
        except ValueError as error:
            print(f"\n{copy.stem} was not compared: {error}")
            failed = True
            continue
        for source in changed:
            print(f"\n{copy.stem} says something else than in the usual run:\n{source}")
        failed = failed or bool(changed)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
