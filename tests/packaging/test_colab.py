"""What Colab has installed satisfies this package, so that installing it there replaces none of it."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = (Path(__file__).with_name("colab.txt")).read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))
EXTRAS = PROJECT["optional-dependencies"]
ELSEWHERE = {"coursework"}  # lecturers' tool: students get otter-grader without what it asks for, see test_elsewhere.py
REQUIREMENTS = [*PROJECT["dependencies"], *(r for extra in EXTRAS if extra not in ELSEWHERE for r in EXTRAS[extra])]


@pytest.mark.parametrize("name", PINS)
def test_what_colab_has_is_admitted(name):
    """Each pin is a package that we ask for: one that we do not would test nothing."""
    asked = [r for r in map(Requirement, REQUIREMENTS) if r.name.lower() == name]
    assert asked
    assert all(r.specifier.contains(PINS[name]) for r in asked), f"Colab's {name} {PINS[name]} is not in {asked}"


def test_its_python_is_admitted():
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.13")
