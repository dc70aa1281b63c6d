"""The run on a slowed machine: one core, shared; and what it compares."""

import os
import subprocess
import sys

import nbformat
import pytest
import run
import slow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux can tie processes to one core"),
]
CORES = "import os; print(len(os.sched_getaffinity(0)))"


def test_a_slow_machine_is_one_core_that_a_busy_process_shares(monkeypatch):
    started = []

    class Process(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Process)
    cores = os.sched_getaffinity(0)
    with slow.slow_machine():
        (sibling,) = started
        assert sibling.poll() is None
        assert len(os.sched_getaffinity(0)) == 1
        assert os.sched_getaffinity(sibling.pid) == os.sched_getaffinity(0)
        assert os.getpriority(os.PRIO_PROCESS, sibling.pid) == os.getpriority(os.PRIO_PROCESS, 0)
    assert sibling.returncode is not None
    assert os.sched_getaffinity(0) == cores


def test_the_busy_process_ends_with_its_parent():
    start = f"subprocess.Popen([sys.executable, '-c', {slow.BUSY!r}, str(os.getpid())])"
    code = f"import os, subprocess, sys; print({start}.pid)"
    # Its output stays open as long as the sibling lives, so this returns only when that has ended.
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, timeout=60)


def test_a_notebook_that_says_something_else_is_found(make_notebook, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "Agg")  # run.main() removes it; monkeypatch puts it back
    monkeypatch.setattr(slow, "BUILD", tmp_path / "slow")
    monkeypatch.setattr(run, "BUILD", tmp_path / "usual")
    path = make_notebook("cores", f"{slow.MARKER}\n{CORES}", f"{CORES}  # not compared")

    assert slow.main([str(path)]) == 1  # there is nothing to compare with
    assert "run `make tutorial`" in capsys.readouterr().out

    (copy,) = (tmp_path / "slow" / "notebooks").glob("*.ipynb")
    notebook = nbformat.read(copy, as_version=4)
    assert [slow.said(cell) for cell in notebook.cells[-2:]] == ["1\n", "1\n"]  # its kernel is tied, too
    usual = tmp_path / "usual.ipynb"
    for place, word, found in [(-1, "2\n", 0), (-2, "2\n", 1)]:
        notebook.cells[place].outputs[0].text = word
        nbformat.write(notebook, usual)
        assert len(slow.compare(copy, usual)) == found
    notebook.cells[-1].source = "another = 1"
    nbformat.write(notebook, usual)
    with pytest.raises(ValueError, match="is of another version"):
        slow.compare(copy, usual)
