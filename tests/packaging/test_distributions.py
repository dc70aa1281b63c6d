"""What is built for distribution: complete, with the embedded corpus, and usable away from a clone."""

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_command

CORPORA = ("mini", "fullband")

FIND_CORPORA = f"""
import hypersound_lib
from hypersound_lib.files import embedded_data
print(hypersound_lib.__file__)
for name in {CORPORA}:
    print(sorted(str(p.relative_to(embedded_data(name))) for p in embedded_data(name).rglob("*") if p.is_file()))
"""


def corpus_files(name: str) -> list[str]:
    folder = ROOT / "data" / name
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run_command(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(sdist: Path, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the source distribution, so that this one is seen to be complete."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "-w", folder]
    run_command(sys.executable, "-m", "pip", "wheel", *options, sdist, env=offline)
    (path,) = folder.glob("*.whl")
    return path


def test_source_distribution_holds_the_sources_only(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for file in ("LICENSE", "README.md", "pyproject.toml", "constraints.txt", "Makefile", "hypersound_lib/files.py"):
        assert file in names
    assert any(name.startswith("data/build/") for name in names), ".gitignore's build/ must not swallow data/build/"
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {".git", ".venv", "build", "dist", ".pytest_cache", ".ruff_cache", ".mypy_cache"}
    assert not any("__pycache__" in name or ".ipynb_checkpoints" in name for name in names)


def test_wheel_holds_package_corpus_and_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = archive.read(metadata).decode()
        (licence,) = (name for name in names if name.endswith(".dist-info/licenses/LICENSE"))
        assert "Permission is hereby granted, free of charge" in archive.read(licence).decode()
    assert "License-Expression: MIT AND CC-BY-4.0" in described
    for name in CORPORA:
        prefix = f"hypersound_lib/_data/{name}/"
        assert corpus_files(name)
        assert sorted(n.removeprefix(prefix) for n in names if n.startswith(prefix)) == corpus_files(name)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hypersound_lib"}


def test_installed_wheel_finds_the_corpus_from_anywhere(wheel, bare_python, offline, tmp_path):
    run_command(bare_python, "-m", "pip", "install", "--quiet", wheel, env=offline)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = run_command(bare_python, "-c", FIND_CORPORA, cwd=elsewhere, env=offline, stderr=None)
    file, *found = said.splitlines()
    assert Path(file).is_relative_to(bare_python.parents[1])
    assert found == [str(corpus_files(name)) for name in CORPORA]
