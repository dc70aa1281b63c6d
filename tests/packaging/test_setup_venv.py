"""The set-up of .venv: made once, left alone while healthy, repaired when broken; all without the network."""

import json
import os
import runpy
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_command, variables, write_programs

# A project that installs in a moment: no dependency, and a build backend of its own that needs none.
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info, files = "toy-1.0.dist-info", {}
    extras = "".join(f"Provides-Extra: {name}\\n" for name in ("notebooks", "metrics", "dev"))
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: toy\\nVersion: 1.0\\n{extras}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: toy\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files["toy.py"] = "VALUE = 1\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(f"{folder}/toy-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return "toy-1.0-py3-none-any.whl"
"""


class Project:
    """A throw-away project with this one's Makefile and set-up."""

    def __init__(self, root: Path):
        self.root = root
        self.python = root / ".venv" / "bin" / "python"
        self.stamp = root / ".venv" / "installed.json"
        self.healthy = False  # whether a test left it so

    def set_up(self, code: int = 0, **environment: str) -> str:
        """Run `make venv` offline, which must end with this code; return what it said."""
        own = variables("PIP_", "MAKE", "MFLAGS", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull) | environment
        return run_command("make", "--no-print-directory", "venv", code=code, cwd=self.root, env=own)

    def toy(self) -> Path:
        """Return where the installed module lies, as the Python of .venv finds it."""
        return Path(run_command(self.python, "-I", "-c", "import toy; print(toy.__file__)").strip())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("a folder") / "project"
    shutil.copytree(ROOT / ".ci", root / ".ci")
    shutil.copy(ROOT / "Makefile", root)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "constraints.txt").write_text("")
    (root / "backend.py").write_text(BACKEND)
    return Project(root)


@pytest.fixture
def project(shared: Project) -> Project:
    """Return the project with a healthy .venv, whatever the test before did to it."""
    if not shared.healthy:
        shared.set_up()
    shared.healthy = False
    return shared


def assert_repaired(project: Project, reason: str, **environment: str) -> None:
    assert reason in project.set_up(**environment)
    assert project.toy().is_relative_to(project.root / ".venv")
    assert_unchanged(project)


def assert_unchanged(project: Project) -> None:
    stamp = project.stamp.stat().st_mtime_ns
    assert project.set_up() == ""
    assert project.stamp.stat().st_mtime_ns == stamp
    project.healthy = True


def test_second_run_changes_nothing(project):
    assert_unchanged(project)


def test_interrupted_installation_is_done_afresh_and_no_surroundings_leak_in(project, tmp_path):
    project.stamp.unlink()  # as an installation that was killed leaves it
    (project.root / ".venv" / "leftover").touch()
    surroundings = dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"), str(tmp_path))
    surroundings |= {"PIP_USER": "1", "PIP_TARGET": str(tmp_path / "target")}
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    assert_repaired(project, "rebuild: there is none, or it was left half made", **surroundings)
    assert not (project.root / ".venv" / "leftover").exists()


def test_interpreter_that_is_too_old_is_replaced_while_its_environment_is_active(project):
    stamp = json.loads(project.stamp.read_text())
    project.stamp.write_text(json.dumps(stamp | {"python": [3, 10]}))
    path = f"{project.python.parent}{os.pathsep}{os.environ['PATH']}"
    active = {"PATH": path, "VIRTUAL_ENV": str(project.root / ".venv")}
    assert_repaired(project, "rebuild: it was moved, or its Python was replaced", **active)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda p: (p.python.unlink(), p.python.symlink_to("/nowhere/python3.11")), "rebuild"),
        (lambda p: p.toy().unlink(), "update: files are missing or changed in toy==1.0"),
        (lambda p: shutil.rmtree(p.toy().parent / "toy-1.0.dist-info"), "update: toy changed"),
        # Without its list of files pip cannot take a package away, so this goes on to a fresh .venv.
        (lambda p: (p.toy().parent / "toy-1.0.dist-info" / "RECORD").unlink(), "installing about 6 GB"),
    ],
    ids=["interpreter", "file", "package", "record"],
)
def test_what_was_deleted_comes_back(project, damage, reason):
    damage(project)
    assert_repaired(project, reason)


def test_changed_requirements_update_in_place(project):
    (project.root / ".venv" / "kept").touch()
    constraints = project.root / "constraints.txt"
    constraints.write_text(constraints.read_text() + "# another\n")
    assert_repaired(project, "update: pyproject.toml or constraints.txt changed")
    assert (project.root / ".venv" / "kept").exists()


def test_failed_update_keeps_the_old_environment(project):
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text(PYPROJECT.replace('"backend"', '"no_such_backend"'))
    assert "could not be updated" in project.set_up(code=2)
    assert project.toy().is_file()
    pyproject.write_text(PYPROJECT)
    assert_unchanged(project)


def test_moved_folder(project, tmp_path):
    moved = Project(tmp_path / "moved")
    shutil.copytree(project.root, moved.root, symlinks=True)
    assert_repaired(moved, "rebuild: it was moved")


def find_python(folder: Path, scripts: dict[str, str], code: int = 0, **environment: str) -> str:
    """Run the search for a Python where there are only these programs."""
    path = str(write_programs(folder, scripts, linked=("sh", "dirname", "cat")))
    return run_command(f"{path}/sh", ROOT / ".ci" / "venv.sh", code=code, env={"PATH": path} | environment)


def test_newer_python_is_found_beside_an_old_python3(tmp_path):
    chosen = 'case "$*" in *version_info*) exit 0;; *) echo "$0";; esac'
    scripts = {"python3": "exit 1", "python3.11": "exit 127", "python3.12": chosen}
    assert find_python(tmp_path, scripts) == f"{tmp_path}/python3.12\n"


@pytest.mark.parametrize(
    ("scripts", "environment", "said"),
    [
        ({"python3": "exit 1"}, {}, "No Python 3.11 or newer was found"),
        ({"python3.11": "exit 0"}, {"PYTHON": "/nowhere/x"}, "PYTHON=/nowhere/x is not a Python 3.11 or newer"),
    ],
)
def test_a_python_that_is_too_old_or_does_not_run_is_refused(tmp_path, scripts, environment, said):
    assert said in find_python(tmp_path, scripts, code=1, **environment)


def test_missing_tools_are_named(monkeypatch, tmp_path):
    setup_venv = runpy.run_path(str(ROOT / ".ci" / "setup_venv.py"))
    monkeypatch.setitem(setup_venv["set_up"].__globals__, "STAMP", tmp_path / "none.json")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(SystemExit, match="sudo apt-get install python3-venv build-essential python3-dev"):
        setup_venv["set_up"](lock=0)
