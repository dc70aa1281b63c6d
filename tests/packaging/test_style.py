"""The code and the notebooks pass ruff, as rule-checker and as formatter."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff(command):
    process = subprocess.run([sys.executable, "-m", "ruff", *command, ROOT], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, f"try `make format`\n{process.stdout}{process.stderr}"
