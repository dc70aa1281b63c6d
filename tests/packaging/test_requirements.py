"""pyproject.toml, environment.yml and constraints.txt ask for the same packages, which admit what Colab has."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

EXTRAS = PROJECT["optional-dependencies"]
LINES = (Path(__file__).with_name("colab.txt")).read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))
ELSEWHERE = {"coursework"}  # lecturers' tool: students get otter-grader without what it asks for, see test_elsewhere.py

# What conda-forge calls a package of another name on PyPI.
CONDA_NAMES = {
    "huggingface-hub": "huggingface_hub",
    "matplotlib": "matplotlib-base",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "torch": "pytorch",
}


def declared() -> dict[str, SpecifierSet]:
    """Return the requirements of the library and of all its extras: name -> range."""
    texts = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]
    requirements = [Requirement(text) for text in texts]
    assert len({r.name for r in requirements}) == len(requirements), "a package is required twice"
    return {r.name: r.specifier for r in requirements}


def locked() -> dict[str, Version]:
    """Return the versions that constraints.txt picks for Python 3.11 on Linux."""
    environment = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux"}
    versions = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (pin,) = requirement.specifier
                assert pin.operator == "=="
                versions[canonicalize_name(requirement.name)] = Version(pin.version)
    return versions


def test_lock_satisfies_every_range_and_pairs_torch_and_torchaudio():
    versions = locked()
    for name, specifier in declared().items():
        assert versions[canonicalize_name(name)] in specifier, name
    assert versions["torch"].release[:2] == versions["torchaudio"].release[:2] == (2, 11)


def test_conda_environment_equals_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]
    *conda, from_pip = environment["dependencies"]
    assert conda.pop(0) == "python=3.11"
    assert Version("3.11") in SpecifierSet(PROJECT["requires-python"])
    assert conda.pop(0) == "pip"
    (pip,) = from_pip.values()
    assert pip.pop() == "-e ."

    in_conda = {requirement.name: requirement.specifier for requirement in map(Requirement, conda)}
    in_pip = {requirement.name: requirement.specifier for requirement in map(Requirement, pip)}
    wanted = {CONDA_NAMES.get(name, name): specifier for name, specifier in declared().items()}
    assert not in_conda.keys() & in_pip.keys()
    assert in_conda | in_pip == wanted


@pytest.mark.parametrize("name", PINS)
def test_what_colab_has_is_admitted_so_that_installing_replaces_none_of_it(name):
    """Each pin is a package that we ask for: one that we do not would test nothing."""
    extras = [text for extra in EXTRAS if extra not in ELSEWHERE for text in EXTRAS[extra]]
    asked = [r for r in map(Requirement, [*PROJECT["dependencies"], *extras]) if r.name.lower() == name]
    assert asked
    assert all(r.specifier.contains(PINS[name]) for r in asked), f"Colab's {name} {PINS[name]} is not in {asked}"
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.13")
