"""The committed corpus and the modules that build it (``data/build`` is no package, so its folder joins the path)."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path.append(str(DATA / "build"))  # last, so that build.py never hides an installed package


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """Read ``folder/manifest.csv``."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder that holds the committed corpus."""
    return DATA


@pytest.fixture(scope="session")
def mini_rows() -> list[dict[str, str]]:
    """Return the manifest of ``data/mini``."""
    return read_manifest(DATA / "mini")


@pytest.fixture(scope="session")
def fullband_rows() -> list[dict[str, str]]:
    """Return the manifest of ``data/fullband``."""
    return read_manifest(DATA / "fullband")


@pytest.fixture(scope="session")
def mini_audio(mini_rows: list[dict[str, str]]) -> list[np.ndarray]:
    """Decode every clip of ``data/mini`` once: float32 ``(T,)`` in manifest order."""
    return [soundfile.read(DATA / "mini" / row["path"], dtype="float32")[0] for row in mini_rows]


@pytest.fixture(scope="session")
def fullband_pcm(fullband_rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """Decode every sound of ``data/fullband`` once: int16 ``(T,)`` by name."""
    return {row["name"]: soundfile.read(DATA / "fullband" / row["path"], dtype="int16")[0] for row in fullband_rows}
