"""Grade the notebooks of a class on this machine, one after the other.

    python notebooks/assignments/grade.py hw3 FOLDER      # what `make grade HOMEWORK=hw3 FOLDER=...` does

This executes what was handed in: use a container, or a machine that holds nothing of value. Beside each NAME.ipynb
comes NAME.json, in the form that Gradescope reads; a notebook that has one already is not graded again.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

BUILD = Path(__file__).resolve().parents[2] / "build" / "assignments"


def built_folder(build: Path, name: str, seed: int) -> Path:
    """Return where a homework, or its variant of a seed other than 0, is built.

    >>> built_folder(Path("build"), "hw3", 7).as_posix()
    'build/seed7/hw3'
    """
    return build / (f"seed{seed}" if seed else "") / name


def refuse(master: NotebookNode) -> None:
    """Find what would make otter refuse the notebooks of students, who have no part in it.

    Raises:
        ValueError: the master has a `name:`, which otter then asks for in each notebook's metadata, or its own kernel.
    """
    if re.search(r"^name:", master.cells[0].source, re.MULTILINE):
        raise ValueError(
            "ASSIGNMENT CONFIG has a `name:`: otter would refuse each notebook without metadata `otter`, as some "
            "editors drop them. Remove the line"
        )
    kernel = master.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        raise ValueError(
            f"the master names the kernel {kernel!r}; students who have no such kernel meet NoSuchKernel. Take python3"
        )


def grade(notebook: Path, archive: Path) -> Any:
    """Grade one notebook, wherever it was saved; return otter's `GradingResults`.

    Colab, conda and others write names of kernels that only they have, and otter would stop with NoSuchKernel; on
    Gradescope it takes python3, whatever the notebook says. So this takes python3 as well.

    Raises:
        ValueError: the file is no notebook.
    """
    try:
        content = nbformat.read(notebook, as_version=4)
    except Exception as error:
        raise ValueError(f"{notebook} is no notebook: {error}") from error
    content.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # The cell that installs otter on Colab: it is here, and pip takes seconds to see it, or minutes without a network.
    content.cells = [cell for cell in content.cells if not cell.source.startswith("%pip install -q otter-grader")]
    from otter.api import grade_submission  # costs seconds, and only the extra `coursework` brings it

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "submission.ipynb"
        nbformat.write(content, copy)
        return grade_submission(str(copy), str(archive.resolve()), quiet=True)


def saved_by_colab(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook as Colab may hand it back: other metadata, no cell ids, and a student's own cells."""
    colab = deepcopy(notebook)
    colab.nbformat_minor = 0
    colab.metadata = NotebookNode(
        {"colab": {"provenance": []}, "kernelspec": {"name": "conda-env-audio-py", "display_name": "audio"}}
    )
    for number, cell in enumerate(colab.cells):
        cell.pop("id", None)
        cell.metadata = NotebookNode({"id": f"x{number}", "colab": {"base_uri": "https://localhost:8080/"}})
    first = nbformat.v4.new_code_cell("from google.colab import drive\ndrive.mount('/content/drive')")
    last = nbformat.v4.new_code_cell("%%bash\necho a cell of my own")
    colab.cells = [first, *colab.cells, nbformat.v4.new_markdown_cell("Notes."), last]
    for cell in (colab.cells[0], *colab.cells[-2:]):
        cell.pop("id", None)
    return colab


def as_gradescope(graded: Any) -> dict[str, Any]:
    """Return what Gradescope reads, the hidden tests with it."""
    from otter.run import AutograderConfig

    return graded.to_gradescope_dict(AutograderConfig({"show_hidden": True}))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("homework", help="such as hw3; built before by `make assignments`")
    parser.add_argument("folder", type=Path, help="of the notebooks that were handed in")
    parser.add_argument("--seed", type=int, default=0, help="of the variant; default: 0, the masters as they are")
    parser.add_argument(
        "--build", type=Path, default=BUILD, help="folder of the homeworks; default: build/assignments/"
    )
    options = parser.parse_args(arguments)
    place = built_folder(options.build, options.homework, options.seed) / "autograder"
    archive = next(place.glob("*-autograder.zip"), None)
    if archive is None:
        raise SystemExit(f"{place} has no autograder: run `make assignments` first, with the same SEED if any")
    if not options.folder.is_dir():
        raise SystemExit(f"{options.folder} is no folder of notebooks")
    faults = 0
    for notebook in sorted(options.folder.glob("*.ipynb")):
        result = notebook.with_suffix(".json")
        if result.exists():
            continue
        try:
            graded = grade(notebook, archive)
        except Exception as error:  # one that cannot be graded must not keep the others from it
            print(f"{notebook.name}: NOT GRADED: {type(error).__name__}: {error}", file=sys.stderr)
            faults += 1
            continue
        part = result.with_suffix(".part")  # stopped while it is written, the notebook is graded again
        part.write_text(json.dumps(as_gradescope(graded), indent=1), encoding="utf-8")
        os.replace(part, result)
        print(f"{notebook.name}: {graded.total:g} of {graded.possible:g}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
