"""docs/extending.md: all changes are made in a copy of the package, and the program below each runs there."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, run_command

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'^```(diff|python)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Change(NamedTuple):
    """A section of the page."""

    title: str
    edits: list[tuple[str, str]]  # file, and lines as a diff has them
    programs: list[str]


def read(section: str) -> Change:
    blocks = BLOCK.findall(section)
    edits = [(file, body) for kind, file, body in blocks if kind == "diff"]
    return Change(section.partition("\n")[0], edits, [body for kind, _, body in blocks if kind == "python"])


CHANGES = [read(section) for section in PAGE.split("\n## ")[1:]]


def apply(edit: str, file: Path) -> None:
    """Make an edit: its old lines stand in the file once, or it is a new file."""
    lines = edit.splitlines()
    assert all(line[:1] in ("+", "-", " ") for line in lines), lines
    before = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
    after = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
    if before == "":
        assert not file.exists()
        file.write_text(after, encoding="utf-8")
        return
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} has these lines {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_there_are_ten_changes_each_in_one_folder_with_one_program():
    assert len(CHANGES) == 10
    for change in CHANGES:
        assert len({Path(file).parent for file, _ in change.edits}) <= 1, change.title
        assert len(change.programs) == 1, change.title


# One process for all programs: to import torch takes longer than to run them.
RUNNER = """
import json, os, pathlib, runpy, traceback
found = {}
for file in sorted(pathlib.Path.cwd().glob("*.py")):
    os.makedirs(f"in-{file.stem}")
    os.chdir(f"in-{file.stem}")
    try:
        runpy.run_path(str(file))
    except BaseException:
        found[file.stem] = traceback.format_exc()
    os.chdir("..")
pathlib.Path("found.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Return the traceback of each program that failed, by the number of its change."""
    folder = tmp_path_factory.mktemp("extended")
    left_out = shutil.ignore_patterns("__pycache__", "_data")
    shutil.copytree(ROOT / "hypersound_lib", folder / "hypersound_lib", ignore=left_out)
    programs = folder / "programs"
    programs.mkdir()
    for number, change in enumerate(CHANGES):
        for file, edit in change.edits:
            apply(edit, folder / file)
        (programs / f"{number}.py").write_text(change.programs[0], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    run_command(sys.executable, "-c", RUNNER, cwd=programs, env=environment, timeout=600)
    return json.loads((programs / "found.json").read_text())


@pytest.mark.parametrize("number", range(10), ids=[change.title for change in CHANGES])
def test_the_change_works(failures, number):
    assert str(number) not in failures, failures[str(number)]
