"""How long trainings take elsewhere follows from what was measured, and the file is in step with that."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "data" / "build"))
expected_steps = importlib.import_module("expected_steps")


def load(name: str) -> dict:
    return json.loads((expected_steps.RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    for name in ("bench_tutorial", "bench_step", "bench_gpu_speed"):
        shutil.copy(expected_steps.RESULTS / f"{name}.json", tmp_path)
    return tmp_path


def test_the_file_holds_what_follows_from_the_records():
    assert load("expected_steps")["results"] == expected_steps.estimates(expected_steps.RESULTS), "run `make readme`"


def test_what_was_measured_is_the_measurement_and_the_rest_is_called_an_estimate():
    rows = {(row["preset"], row["machine"]): row for row in load("expected_steps")["results"]}
    tutorial = load("bench_tutorial")["results"]
    assert rows["tutorial", "laptop"]["steps_per_second"] == [tutorial["steps"] / tutorial["seconds"]] * 2
    speeds = [loop["steps_per_second"] for loop in load("bench_gpu_speed")["results"]["loops"]]
    assert rows["paper-base", "H200"]["steps_per_second"][0] in speeds
    measured = {place for place, row in rows.items() if row["how"].startswith("measured")}
    assert measured == {("tutorial", "laptop"), ("paper-base", "H200")}
    assert all(row["how"].startswith("estimate") for place, row in rows.items() if place not in measured)


def test_a_card_is_estimated_by_arithmetic_and_by_memory(records):
    document = load("bench_gpu_speed")
    for loop in document["results"]["loops"]:
        loop["steps_per_second"] *= 10  # now memory gives the higher end, whichever did before
    (records / "bench_gpu_speed.json").write_text(json.dumps(document), encoding="utf-8")
    before, after = expected_steps.estimates(expected_steps.RESULTS), expected_steps.estimates(records)
    for old, new in zip(before, after, strict=True):
        if old["machine"] in expected_steps.CARDS:
            assert new["steps_per_second"][0] == old["steps_per_second"][0]
            assert new["steps_per_second"][1] == pytest.approx(10 * old["steps_per_second"][1])
    by_card = {row["machine"]: row["steps_per_second"] for row in before if row["preset"] == "paper-base"}
    step = document["results"]["steps"]["paper-base"]
    (peak, memory), low = expected_steps.CARDS["T4"], by_card["T4"][0]
    assert low == pytest.approx(peak / step["flops"] * step["float32"]["fraction_of_peak"])
    assert by_card["T4"][1] == pytest.approx(by_card["H200"][0] * memory / expected_steps.H200_MEMORY)


def test_the_table_of_notebook_4_says_what_the_file_says():
    hours = {}
    for row in load("expected_steps")["results"]:
        ends = [row["steps"] / speed / 3600 for speed in reversed(row["steps_per_second"])]
        hours[row["preset"], row["machine"]] = ends
    (days, more), (measured, _) = ([end / 24 for end in hours["paper-base", "A100"]], hours["paper-base", "H200"])
    text = (ROOT / "notebooks" / "04_train_hypersound.ipynb").read_text(encoding="utf-8")
    assert f"{60 * hours['tutorial', 'laptop'][0]:.0f} minutes, *measured*" in text
    assert all(round(end) == 1 for end in hours["t4", "T4"])
    assert "about an hour, *estimated*" in text
    assert f"{days:.1f} to {more:.1f} days on an A100, *estimated*; {measured:.0f} hours on an H200" in text
