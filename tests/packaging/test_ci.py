"""Continuous integration: .ci/run on a bare system, and the workflow that calls it."""

from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, run_command, variables, write_programs


@pytest.fixture
def system(tmp_path: Path):
    """Return a runner of .ci/run on a make-believe system that has only the programs named; it returns log and output.

    Programs that would change the real system are replaced by ones that write down how they were called.
    """

    def run(*programs: str, user: str = "0", lacks: str = "", make_fails: bool = False, code: int = 0):
        log = tmp_path / "log"
        scripts = {
            "id": f"echo {user}",
            "make": f'echo "make $* CI=$CI" >>"{log}"; exit {int(make_fails)}',
            "git": "echo abc123",
            "apt-get": f'echo "apt-get $*" >>"{log}"; case "$*" in *flite*) exit 1;; esac',
            "python3.11": f'case "$*" in *--missing*) echo "{lacks}";; esac',
            **dict.fromkeys(("chromium", "espeak-ng", "flite"), ""),
        }
        linked = ("bash", "sh", "dirname", "uname", "nproc", "cat")
        folder = write_programs(tmp_path / "bin", {name: scripts[name] for name in programs}, linked)
        command, settings = [folder / "bash", ROOT / ".ci" / "run"], {"env": {"PATH": str(folder)}, "cwd": tmp_path}
        said = run_command(*command, code=code, **settings)
        return log.read_text() if log.exists() else "", said

    return run


COMPLETE = ("id", "make", "git", "apt-get", "python3.11", "chromium", "espeak-ng", "flite")


@pytest.mark.parametrize("fails", [False, True])
def test_complete_system_only_runs_make_test_whose_failure_fails_the_run(system, fails):
    log, _ = system(*COMPLETE, make_fails=fails, code=int(fails))
    assert log == "make test CI=true\n"


def test_missing_packages_are_installed_and_optional_ones_may_fail(system):
    log, said = system("id", "make", "apt-get", "python3.11", lacks="python3-venv python3-dev")
    assert log.splitlines() == [
        "apt-get update -q",
        "apt-get install -q -y --no-install-recommends git python3-venv python3-dev chromium fonts-dejavu-core",
        "apt-get install -q -y --no-install-recommends espeak-ng flite",
        "make test CI=true",
    ]
    assert "going on without the optional espeak-ng flite" in said


def test_system_without_python_installs_it(system):
    log, _ = system("id", "make", "git", "apt-get", "chromium", "espeak-ng", "flite")
    assert "install -q -y --no-install-recommends python3 python3-venv python3-dev build-essential\n" in log


def test_missing_packages_without_root_fail_loudly(system):
    log, said = system("id", "make", "git", "python3.11", "chromium", user="1000", lacks="build-essential", code=1)
    assert log == ""
    assert "install first: build-essential" in said


def test_workflow_runs_the_same_script_and_keeps_what_it_shows():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    steps = jobs["everything"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]
    uploads = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert all(upload["if"] == "always()" for upload in uploads)
    kept = " ".join(upload["with"]["path"] for upload in uploads)
    assert {"build/notebooks", "build/screenshots"} <= set(kept.split())
    assert jobs["library-on-macos"]["runs-on"].startswith("macos")
    for job in jobs.values():
        (python,) = (step["with"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
        assert (python["python-version"], python["cache"]) == ("3.11", "pip")


def test_help_lists_every_command():
    said = run_command("make", "-C", ROOT, "--no-print-directory", env=variables("MAKE"))
    listed = {line.split()[1] for line in said.splitlines()}
    (phony,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert listed == set(phony.split()[1:])
