"""What the tests know of a homework: its master, the typical wrong answers to it, and its built folders."""

import os
import re
import subprocess
import sys
import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks" / "assignments"
# Gradings share the processor. What a notebook would install is there already, so nothing may be downloaded.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PIP_NO_INDEX": "1", "JUPYTER_PREFER_ENV_PATH": "1"}


@dataclass(frozen=True)
class WrongAnswer:
    """A patch on the solution, as a student could have written it, and the points that it must lose, by question."""

    name: str
    why: str
    find: str
    replace: str
    loses: dict[str, float]

    def patched(self, solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """Return a copy of the solved notebook with this answer in it.

        Raises:
            ValueError: the text to be replaced does not occur exactly once in the code cells.
        """
        notebook = deepcopy(solved)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        count = sum(cell.source.count(self.find) for cell in cells)
        if count != 1:
            raise ValueError(f"{self.name}: {self.find!r} occurs {count} times in the solution, not once")
        for cell in cells:
            cell.source = cell.source.replace(self.find, self.replace)
        return notebook


@dataclass(frozen=True)
class Homework:
    """A homework, by its master notebook."""

    master: Path

    @property
    def name(self) -> str:
        """Such as hw1."""
        return self.master.stem.partition("_")[0]

    def read(self) -> nbformat.NotebookNode:
        return nbformat.read(self.master, as_version=4)

    def wrong_answers(self) -> list[WrongAnswer]:
        """Read this homework's file in wrong_answers/; there are none while it has no such file."""
        path = Path(__file__).parent / "wrong_answers" / f"{self.name}.toml"
        entries = tomllib.loads(path.read_text())["wrong"] if path.is_file() else []
        return [WrongAnswer(**entry) for entry in entries]

    def points(self) -> dict[str, float]:
        """Return the points that the master promises for each question."""
        opened = [cell.source for cell in self.read().cells if "# BEGIN QUESTION" in cell.source]
        names = [re.search(r"^name: *(\w+)", source, re.MULTILINE)[1] for source in opened]
        points = [re.search(r"^points: *(\d+)", source, re.MULTILINE)[1] for source in opened]
        return dict(zip(names, map(float, points), strict=True))


HOMEWORKS = [Homework(path) for path in sorted(FOLDER.glob("hw*.ipynb"))]


@dataclass(frozen=True)
class Built:
    """What a build of one homework left in `folder`."""

    homework: Homework
    folder: Path

    @property
    def student(self) -> Path:
        return self.folder / "student"

    @property
    def archive(self) -> Path:
        return self.folder / "autograder" / f"{self.homework.master.stem}-autograder.zip"

    def solved(self) -> nbformat.NotebookNode:
        return nbformat.read(self.folder / "autograder" / self.homework.master.name, as_version=4)

    def handed_out(self) -> nbformat.NotebookNode:
        return nbformat.read(self.student / self.homework.master.name, as_version=4)


def build(homework: Homework, folder: Path) -> Built:
    """Build a homework in folder/hwN as `make assignments` does, but grade nothing yet."""
    command = [sys.executable, FOLDER / "build.py", homework.name, "--no-check", "--build", folder]
    process = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return Built(homework, folder / homework.name)
