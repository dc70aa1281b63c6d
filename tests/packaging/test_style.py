"""The code and the notebooks pass ruff, as rule-checker and as formatter; the library passes mypy."""

import sys

import pytest

from tests.conftest import ROOT, run_command


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_style(command):
    """If this fails, `make format` may help."""
    run_command(sys.executable, "-m", *command.split(), cwd=ROOT)
