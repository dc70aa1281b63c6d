"""The bootstrap cell: on a machine that lacks only the library, such as Colab's, it installs it and nothing else."""

import json
from pathlib import Path

import nbformat

from tests.conftest import run_command
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
        return run_command(bare_python, "-c", code, cwd=tmp_path, env=offline | environment, stderr=None)

    before = json.loads(python(LIST_PACKAGES))
    assert {"torch", "numpy", "ipywidgets"} < {line.split()[0] for line in before}
    run_command(bare_python, "-c", "import hypersound_lib", code=1, cwd=tmp_path, env=offline)

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
    nowhere = offline | {"HYPERSOUND_SOURCE": str(tmp_path / "nowhere")}
    said = run_command(bare_python, "-c", bootstrap_source(), code=1, cwd=tmp_path, env=nowhere)
    assert "CalledProcessError" in said
