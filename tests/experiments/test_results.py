"""The stored results of Table 1 are in step with the table beside them, and tell where they come from."""

import json
from pathlib import Path

import pytest

from hypersound_lib.experiments import ROWS, read_results, render, scale
from hypersound_lib.experiments.table1 import run_names

FOLDER = Path(__file__).resolve().parents[2] / "data" / "results" / "table1"
FILES = sorted(FOLDER.glob("*.json"))

pytestmark = pytest.mark.skipif(not FILES, reason="no results are stored yet")


def test_the_table_is_what_its_records_say():
    assert render(read_results(FOLDER)) == (FOLDER / "table1.md").read_text(encoding="utf-8"), (
        "run `hypersound reproduce table1 --scale tutorial --out data/results/table1`"
    )


def test_every_row_of_the_paper_has_its_record():
    records = read_results(FOLDER, "tutorial")
    assert set(records) == set(run_names(scale("tutorial")))
    assert {row.run for row in ROWS} <= set(records) | {name for record in records.values() for name in record["same"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_record_is_whole_and_tells_where_it_comes_from(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    origin, record = document["provenance"], document["results"]
    assert record["run"] == path.stem
    assert isinstance(origin["seed"], int)
    assert origin["command"].startswith("hypersound reproduce table1")
    assert origin["git_revision"]
    assert origin["machine"]["cpu"]
    assert origin["machine"]["cpu_cores"] > 0
    assert origin["packages"]["torch"]
    assert record["steps"] > 0
    assert record["seconds"] > 0
    assert len(record["evaluation"]["recordings"]) == len(set(record["evaluation"]["recordings"])) > 1
    assert {row["clip"] for row in record["evaluation"]["rows"]} == set(record["evaluation"]["recordings"])
    assert all(len(column) == len(record["validation"]["step"]) for column in record["validation"].values())
