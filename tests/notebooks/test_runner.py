"""The notebook runner: what it executes, reports and refuses."""

import json
import sys

import nbformat
import pytest
import run

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _restore_backend(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")  # run.main() removes it; monkeypatch puts it back


def texts(path) -> str:
    return "".join(
        out.text for cell in nbformat.read(path, 4).cells for out in cell.get("outputs", []) if "text" in out
    )


def test_one_failure_does_not_stop_the_others_and_is_explained(make_notebook, tmp_path, capsys):
    good, other = make_notebook("good", "print('well')"), make_notebook("other", "print('fine')")
    bad = make_notebook("bad", "before = 1", "cause = 0\n1 / cause")
    build = tmp_path / "build"

    assert run.main([str(good), str(bad), str(other), "--build", str(build)]) == 1

    report = capsys.readouterr().out
    table = {line.split()[0]: line.split()[-1] for line in report.splitlines() if line.endswith(("passed", "FAILED"))}
    assert table == {"good": "passed", "bad": "FAILED", "other": "passed"}
    assert "    1 / cause" in report
    assert "ZeroDivisionError: division by zero" in report
    assert texts(build / "notebooks" / "other.ipynb") == "fine\n"
    assert "The notebook good" in (build / "html" / "good.html").read_text()
    index = (build / "html" / "index.html").read_text()
    assert all(f'href="{name}.html">The notebook {name}</a>' in index for name in table)
    timings = json.loads((build / "notebooks" / "timings.json").read_text())
    assert {name: entry["result"] for name, entry in timings.items()} == table
    assert timings["good"]["seconds"] > 0
    (section,) = timings["good"]["sections"]
    assert section["title"] == "The notebook good"
    assert 0 <= section["seconds"] <= timings["good"]["seconds"]


def test_kernel_mode_folder_and_figures(make_notebook, tmp_path):
    code = "import sys, os\nprint([sys.executable, FAST, SEED, os.getcwd()])"
    figure = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    path = make_notebook("where", code, figure)

    assert run.main([str(path), "--full", "-p", "SEED", "7", "--build", str(tmp_path / "build")]) == 0

    copy = tmp_path / "build" / "notebooks" / "where.ipynb"
    assert texts(copy) == f"{[sys.executable, False, 7, str(copy.parent)]}\n"
    assert "image/png" in nbformat.read(copy, 4).cells[-1].outputs[-1].data  # although the tests set MPLBACKEND=Agg
    assert texts(path) == ""  # the source notebook stays as it was


def test_misspelt_parameter_is_an_error_and_leaves_no_older_copy(make_notebook, tmp_path, capsys):
    path, build = make_notebook("typo", "print(SEED)"), tmp_path / "build"
    run.main([str(path), "--build", str(build)])
    assert (build / "notebooks" / "typo.ipynb").is_file()

    assert run.main([str(path), "-p", "SEEED", "1", "--build", str(build)]) == 1

    assert "typo.ipynb has no parameter SEEED; it has FAST, SEED" in capsys.readouterr().out
    assert not (build / "notebooks" / "typo.ipynb").exists()


def test_hanging_cell_is_stopped(make_notebook, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run, "FAST_CELL_SECONDS", 2)
    path = make_notebook("hanging", "import time\ntime.sleep(60)")
    assert run.main([str(path), "--build", str(tmp_path / "build")]) == 1
    assert "CellTimeoutError" in capsys.readouterr().out


def test_dead_kernel_is_reported(make_notebook, tmp_path, capsys):
    path = make_notebook("dying", "import os\nos._exit(1)")
    assert run.main([str(path), "--build", str(tmp_path / "build")]) == 1
    assert "dying FAILED DeadKernelError" in capsys.readouterr().out


def test_no_notebook_is_an_error(make_notebook, tmp_path):
    with pytest.raises(SystemExit, match="there is no notebook"):
        run.find([], tmp_path)
    first, second = make_notebook("01_first"), make_notebook("02_second")
    assert run.find([], tmp_path) == [first, second]
    assert run.find(["02"], tmp_path) == [second]
    with pytest.raises(SystemExit, match="no notebook '03'"):
        run.find(["03"], tmp_path)
