"""pyproject.toml, environment.yml and constraints.txt ask for the same packages."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

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
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
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


def test_extras():
    assert set(PROJECT["optional-dependencies"]) == {
        "notebooks",
        "metrics",
        "cdpam",
        "perceptual",
        "tensorboard",
        "coursework",
        "site",
        "browser",
        "dev",
    }


def test_lock_satisfies_every_range():
    versions = locked()
    for name, specifier in declared().items():
        assert versions[canonicalize_name(name)] in specifier, name


def test_lock_pairs_torch_and_torchaudio():
    versions = locked()
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
