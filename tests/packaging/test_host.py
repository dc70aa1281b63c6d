"""`make host` moves the project to another repository: every address follows, and nothing else changes."""

import json
import re
import runpy
import shutil
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest

from tests.conftest import ROOT, run_command

HERE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"].removeprefix(
    "https://github.com/"
)
SOUNDS_AND_WEIGHTS = {".ogg", ".flac", ".safetensors", ".png", ".hs"}
LISTED = run_command("git", "ls-files", cwd=ROOT).splitlines()
FILES = [name for name in LISTED if Path(name).suffix not in SOUNDS_AND_WEIGHTS and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """Return a copy of all text files under version control, themselves under version control."""
    folder = tmp_path_factory.mktemp("copy")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for command in ("init --quiet", "add --all --force"):
        run_command("git", *command.split(), cwd=folder)
    return folder


def host(copy: Path, repository: str) -> None:
    """Run the copy's script in this process, for an interpreter takes long to start."""
    with mock.patch.object(sys, "argv", ["host.py", repository]):
        runpy.run_path(str(copy / ".ci/host.py"), run_name="__main__")


def contents(copy: Path) -> dict[str, bytes]:
    return {name: (copy / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("there", ["octocat/sounds", "Uni-X/hyper.sound-lib_2", "a/b", f"{HERE}2"])
def test_every_address_follows_and_comes_back(copy, there):
    before = contents(copy)
    host(copy, there)
    moved = contents(copy)

    left = re.compile(rf"(?<![\w-]){re.escape(HERE)}(?!2)|\b{re.escape(HERE.partition('/')[0])}\.github\.io".encode())
    assert not [name for name in FILES if left.search(moved[name])]
    changed = {name for name in FILES if moved[name] != before[name]}
    notebooks = {name for name in FILES if name.endswith(".ipynb")}
    assert {"pyproject.toml", "LICENSE", "docs/index.md", *notebooks} == changed
    for name in notebooks:
        json.loads(moved[name])
    source = tomllib.loads(moved["pyproject.toml"].decode())["project"]["urls"]["Source"]
    assert source == f"https://github.com/{there}"

    host(copy, there)
    assert contents(copy) == moved, "a second time changes nothing"
    shutil.copy(ROOT / "LICENSE", copy)
    shutil.copy(ROOT / "pyproject.toml", copy)
    host(copy, there)
    assert contents(copy) == moved, "what an interruption left is finished"
    host(copy, HERE)
    assert contents(copy) == before


BAD = ["", "sounds", "octocat/", "/sounds", "a/b/c", "https://github.com/c/d", "octocat/sounds.git", "-a/b"]
BAD += ["a-/b", "a--b/c", "a_b/c", "a/..", "a/b c", "a/b\n", 'a/b"', "a" * 40 + "/b", "a/" + "b" * 101, "ä/b"]


def test_names_that_github_would_refuse_change_nothing(copy):
    before = contents(copy)
    for name in BAD:
        with pytest.raises(SystemExit, match=re.escape(f"not {name!r}")):
            host(copy, name)
    assert contents(copy) == before
