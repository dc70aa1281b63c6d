"""The code and the notebooks pass ruff, as rule-checker and as formatter; the library passes mypy."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_style(command):
    process = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, f"try `make format`\n{process.stdout}{process.stderr}"
