"""The bootstrap cell: on a machine that lacks only the library, such as Colab's, it installs it and nothing else."""

import json
import subprocess
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.conftest import NOTEBOOKS, ROOT, tagged

LIST_PACKAGES = """
import json
from importlib.metadata import distributions
print(json.dumps(sorted(f"{d.name} {d.version} {d.locate_file('')}" for d in distributions())))
"""
LOCATE_LIBRARY = """
import hypersound_lib
from hypersound_lib.files import embedded_data
print(hypersound_lib.__file__, embedded_data("mini"), sep="\\n")
"""


def bootstrap_source() -> str:
    """Return the bootstrap cell of the first notebook; test_conventions.py sees that all have the same."""
    return tagged(nbformat.read(NOTEBOOKS[0], 4), "bootstrap")[0].source


def test_installs_the_library_and_only_it(bare_python, offline, tmp_path):
    def python(code: str, **environment: str) -> str:
        command = [bare_python, "-c", code]
        return subprocess.check_output(command, cwd=tmp_path, env=offline | environment, text=True)

    before = json.loads(python(LIST_PACKAGES))
    assert {"torch", "numpy", "ipywidgets"} < {line.split()[0] for line in before}
    with pytest.raises(subprocess.CalledProcessError):
        python("import hypersound_lib")

    # Installing and importing in one process, as a notebook does.
    installed = python(f"{bootstrap_source()}\n{LOCATE_LIBRARY}", HYPERSOUND_SOURCE=str(ROOT))
    assert all(Path(line).is_relative_to(bare_python.parents[1]) for line in installed.splitlines()[-2:])
    after = json.loads(python(LIST_PACKAGES))
    assert set(before) < set(after)
    assert [line.split()[0] for line in set(after) - set(before)] == ["hypersound-lib"]

    # The second time it must not even try: this source could not be installed.
    python(bootstrap_source(), HYPERSOUND_SOURCE=str(tmp_path / "nowhere"))
    assert json.loads(python(LIST_PACKAGES)) == after


def test_a_failing_installation_stops_the_notebook(bare_python, offline, tmp_path):
    process = subprocess.run(
        [bare_python, "-c", bootstrap_source()],
        cwd=tmp_path,
        env=offline | {"HYPERSOUND_SOURCE": str(tmp_path / "nowhere")},
        capture_output=True,
        text=True,
    )
    assert process.returncode != 0
    assert "CalledProcessError" in process.stderr
