"""What the tests know of a homework: its master, the typical wrong answers to it, and its built folders."""

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import nbformat
from variants import replace, replacements, vary

from tests.conftest import ROOT, run_command

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
            ValueError: the text to be replaced does not occur exactly once in the code cells, or stays as it is.
        """
        notebook = deepcopy(solved)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        count = sum(cell.source.count(self.find) for cell in cells)
        if count != 1 or self.find == self.replace:
            raise ValueError(f"{self.name}: {self.find!r} occurs {count} times in the solution, not once")
        for cell in cells:
            cell.source = cell.source.replace(self.find, self.replace)
        return notebook


@dataclass(frozen=True)
class Homework:
    """A homework, by its master notebook and the seed of its variant."""

    master: Path
    seed: int = 0

    @property
    def name(self) -> str:
        """Such as hw1."""
        return self.master.stem.partition("_")[0]

    def __str__(self) -> str:
        return f"{self.name}-seed{self.seed}" if self.seed else self.name

    def read(self) -> nbformat.NotebookNode:
        return vary(nbformat.read(self.master, as_version=4), self.seed)

    def wrong_answers(self) -> list[WrongAnswer]:
        """Read this homework's file in wrong_answers/, with the texts of the variant; there may be no such file yet."""
        path = Path(__file__).parent / "wrong_answers" / f"{self.name}.toml"
        entries = tomllib.loads(path.read_text()) if path.is_file() else {}
        chosen = replacements(nbformat.read(self.master, as_version=4), self.seed)
        for entry in entries.values():
            entry |= {key: replace(entry[key], chosen) for key in ("find", "replace")}
        return [WrongAnswer(name, **entry) for name, entry in entries.items()]

    def batches(self) -> list[list[WrongAnswer]]:
        """Sort the wrong answers into as few lists as possible, so that no two of one list cost the same question.

        One notebook holds all of a list: what a question loses is then due to one answer.
        """
        batches: list[list[WrongAnswer]] = []
        for answer in self.wrong_answers():
            fitting = (batch for batch in batches if all(not answer.loses.keys() & other.loses for other in batch))
            if (batch := next(fitting, None)) is None:
                batches.append(batch := [])
            batch.append(answer)
        return batches

    def points(self, *, manual: bool = False) -> dict[str, float]:
        """Return the points that the master promises for each question that tests grade; or that a person grades."""
        opened = [cell.source for cell in self.read().cells if "# BEGIN QUESTION" in cell.source]
        fields = [dict(re.findall(r"^(\w+): *(\w+)", source, re.MULTILINE)) for source in opened]
        return {field["name"]: float(field["points"]) for field in fields if ("manual" in field) == manual}


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


def build(homeworks: Iterable[Homework], folder: Path) -> dict[Homework, Built]:
    """Build homeworks in folder/ as `make assignments` does, one process for a seed; but grade nothing yet."""
    built = {}
    for seed, same in groupby(sorted(homeworks, key=lambda homework: homework.seed), lambda homework: homework.seed):
        wanted = list(same)
        names = [homework.name for homework in wanted]
        options = ["--seed", seed, "--no-check", "--build", folder]
        run_command(sys.executable, FOLDER / "build.py", *names, *options, env=os.environ | ENVIRONMENT)
        place = folder / f"seed{seed}" if seed else folder
        built |= {homework: Built(homework, place / homework.name) for homework in wanted}
    return built
