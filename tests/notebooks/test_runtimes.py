"""The measured runtimes: kept with provenance, and the README's table agrees with them."""

import json
import re

import pytest
import runtimes

from tests.notebooks.conftest import NOTEBOOKS, each_notebook

SECTIONS = [{"title": "The time grid", "seconds": 2.5}]
ENTRY = {"title": "Sound as a function", "seconds": 8.26, "mode": "fast", "result": "passed", "sections": SECTIONS}


def test_readme_is_in_step_and_every_notebook_has_a_measured_runtime():
    rows = runtimes.measurements()
    measured = {row["notebook"] for row in rows if (row["mode"], row["device"]) == ("fast", "cpu")}
    assert measured == {path.stem for path in NOTEBOOKS}, "run `make runtimes`"
    readme = runtimes.README.read_text(encoding="utf-8")
    assert runtimes.render_readme(readme, rows) == readme, "run `make readme`"


@each_notebook
def test_notebooks_tell_their_measured_runtime(path):
    rows = runtimes.measurements()
    assert runtimes.render_notebook(path, rows) == path.read_text(encoding="utf-8"), "run `make readme`"


def test_record_replaces_the_same_measurement_and_keeps_the_others(tmp_path):
    path = tmp_path / "notebooks.json"
    on_cpu = {"DEVICE": "cpu", "SEED": 3}
    runtimes.record(path, {"01": ENTRY, "02": ENTRY}, on_cpu)
    runtimes.record(path, {"01": ENTRY | {"seconds": 192.4}}, on_cpu)
    runtimes.record(path, {"01": ENTRY | {"mode": "full"}}, {"DEVICE": "cuda:0"})

    rows = json.loads(path.read_text())["runtimes"]
    measured = {(row["notebook"], row["mode"], row["device"]): row["seconds"] for row in rows}
    assert measured == {("01", "fast", "cpu"): 192.4, ("01", "full", "cuda"): 8.26, ("02", "fast", "cpu"): 8.26}
    assert {row["provenance"]["seed"] for row in rows} == {3, 0}
    assert all(row["sections"] == SECTIONS for row in rows)
    for row in rows:
        row["provenance"]["machine"] = {"cpu": "Abacus", "cpu_cores": 2, "gpu": "Loom"}
        row["provenance"]["packages"]["torch"] = "2.11.0"
    assert runtimes.table(rows, {"01": "see it"}).splitlines() == [
        "| Notebook | you will | fast, CPU | full, GPU |",
        "| --- | --- | ---: | ---: |",
        "| [Sound as a function](notebooks/01.ipynb) | see it | 3 min 12 s | 8 s |",
        "| [Sound as a function](notebooks/02.ipynb) |  | 8 s | — |",
        "",
        "Measured on CPU: Abacus, 2 cores, torch 2.11.0; GPU: Loom, torch 2.11.0.",
    ]


def test_device_is_where_the_notebooks_ran(monkeypatch):
    for available, found in [(True, "cuda"), (False, "cpu")]:
        monkeypatch.setattr("torch.cuda.is_available", lambda answer=available: answer)
        assert runtimes.device_used({}) == runtimes.device_used({"DEVICE": "auto"}) == found
    assert runtimes.device_used({"DEVICE": "cuda:1"}) == "cuda"


def test_a_page_without_markers_is_refused_and_without_measurements_it_says_so():
    readme = f"before\n{runtimes.BEGIN}\nold\n{runtimes.END}\nafter\n"
    assert runtimes.render_readme(readme, []) == readme.replace("old", "No runtimes have been measured yet.")
    with pytest.raises(SystemExit, match=r"README\.md lacks the markers"):
        runtimes.render_readme("no markers", [])


ORIGIN = {"machine": {"cpu": "Abacus", "cpu_cores": 2, "gpu": None}, "packages": {"torch": "2.11.0"}}
ROW = {"mode": "fast", "device": "cpu", "title": "New", "seconds": 8.26, "provenance": ORIGIN}


def test_what_the_readme_says_of_a_notebook_stays():
    readme = runtimes.README.read_text(encoding="utf-8")
    rows = [ROW | {"notebook": path.stem} for path in NOTEBOOKS]
    anew = runtimes.render_readme(readme, rows)
    before, after = (re.findall(r"^\| \[.*? \| (.+?) \|", text, re.MULTILINE) for text in (readme, anew))
    assert before == after
    assert len(after) == len(NOTEBOOKS)
    assert runtimes.render_readme(anew, rows) == anew


def test_a_notebook_names_mode_and_machine():
    rows = [ROW | {"notebook": "01"}, ROW | {"notebook": "01", "mode": "full", "seconds": 600.0}]
    assert runtimes.sentence(rows, "01") == (
        "8 s in fast mode (Abacus, 2 cores, torch 2.11.0); 10 min 0 s in full mode (Abacus, 2 cores, torch 2.11.0)."
    )
    assert runtimes.sentence(rows, "02") == "not measured yet."
