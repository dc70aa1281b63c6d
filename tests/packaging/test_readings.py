"""What the page of results concludes from its tables is what the records show, and is not said where they do not."""

import copy
import importlib
import json
import sys

import pytest

from tests.conftest import ROOT

sys.path.append(str(ROOT / "data" / "build"))
listed, readings, readings_of_codes = map(importlib.import_module, ("listed", "readings", "readings_of_codes"))

READINGS = {
    "bench_rate": readings_of_codes.fixed_code,
    "bench_tutorial": readings_of_codes.tutorial,
    "evaluate_vctk16": readings_of_codes.equal_size,
    "evaluate_speech48": readings_of_codes.equal_size,
    "bench_local_minutes": readings.minutes,
    "bench_local_ablation": readings.parts,
    "bench_clip_length": readings.clip_lengths,
    "bench_clip_numbers": readings.clip_numbers,
    "bench_window": readings.windows,
    "bench_overfit": readings.overfit,
    "gpu_local": readings.gpu_training,
}


def results_of(name: str) -> dict:
    return json.loads((ROOT / "data" / "results" / f"{name}.json").read_text(encoding="utf-8"))["results"]


@pytest.mark.parametrize("name", READINGS)
def test_a_record_still_shows_what_the_page_concludes(name):
    said = READINGS[name](results_of(name))
    assert said, "the record has changed: say what it shows now"
    assert said in (ROOT / "data" / "results" / "README.md").read_text(encoding="utf-8")


def test_table_1_still_shows_what_the_page_concludes():
    paths = sorted((ROOT / "data" / "results" / "table1").glob("*.json"))
    records = {path.stem: results_of(f"table1/{path.stem}") for path in paths}
    assert "cannot be told from a linear code of its size" in readings_of_codes.table1(records)
    assert readings_of_codes.table1({name: record for name, record in records.items() if name != "small"}) == ""


def test_what_records_do_not_show_is_not_said():
    window = results_of("bench_window")
    window["trainings"][0]["validation"]["nmse"] = 0.5
    assert readings.windows(window) == ""
    training = results_of("gpu_local")
    training["curves"][0]["scores"][-1]["si_snr"] = 30.0
    assert readings.gpu_training(training) == ""
    overfit = results_of("bench_overfit")
    overfit["rows"][1]["curve"][0][2] = 50.0
    assert readings.overfit(overfit) == ""
    parts = results_of("bench_local_ablation")
    parts["rows"] = [row | {"at": parts["rows"][0]["at"]} for row in parts["rows"]]
    assert readings.parts(parts) == ""
    rate = results_of("bench_rate")
    rate["rows"] = [row | {"si_snr": -1.0} if row["system"] == "fixed code" else row for row in rate["rows"]]
    assert readings_of_codes.fixed_code(rate) == ""


def test_rows_that_had_more_steps_are_compared_at_those_that_all_had():
    rows = [
        {"num_params": 5, "curve": [[0, 0, 1.0], [10, 1, 3.0], [20, 2, 9.0]]},
        {"num_params": 5, "curve": [[0, 0, 2.0], [10, 1, 1.0]]},
        {"num_params": 7, "curve": [[0, 0, 4.0]]},
    ]
    assert [readings.common_steps(row, rows) for row in rows] == [10, 10, 0]
    assert [readings.reached(row, rows) for row in rows] == [3.0, 2.0, 4.0]


def test_who_is_ahead_is_read_from_the_record():
    row = results_of("bench_tutorial")
    assert "PCA 3571/s is better on all 4 metrics" in readings_of_codes.tutorial(row)
    worse = copy.deepcopy(row)
    worse["beside"]["PCA 3571/s"] = worse["beside"]["untrained"]
    assert "PCA 3571/s is better on none of 4 metrics" in readings_of_codes.tutorial(worse)


def test_the_fixed_code_is_compared_at_equal_bits():
    local = [
        {"system": "local", "clips": 1, "kbps": kbps, "si_snr": snr, "pesq": snr / 5, "lsd": 20 / snr}
        for kbps, snr in ((16.0, 20.0), (4.0, 10.0))
    ]
    fixed = {"system": "fixed code", "clips": 1, "kbps": 8.0, "si_snr": 15.5, "pesq": 1.0, "lsd": 2.0}
    said = readings_of_codes.fixed_code({"rows": [*local, fixed]})
    assert "15.5 dB at 8.00 kbit/s (`local` 15.0)" in said
    assert "PESQ is 3.00 against 1.00" in said
    assert readings_of_codes.fixed_code({"rows": [*local, fixed | {"si_snr": 14.5}]}) == ""
    assert readings_of_codes.fixed_code({"rows": [*local, fixed | {"kbps": 20.0}]}) == ""


def test_speakers_are_counted_once():
    assert listed.count_voices({"speech22": 10, "speech48": 10}) == 1
    assert listed.count_voices({"vctk16": 10, "speech48": 10, "speech22": 10, "libri16": 10}) == 12
    assert "20 by nathalie_nlF (Dutch) alone" in listed.all_voices({"speech22": 10, "speech48": 10, "vctk16": 10})
    assert listed.some_voices({"mini": 3}) == "voices not trained on"
    assert listed.all_voices({"mini": 3}) == "voices not trained on (3 of mini)"


@pytest.mark.parametrize("name", ["local", "hypersound-small"])
def test_a_card_names_no_voice_as_training_data_that_was_held_out(name):
    card = (ROOT / "data" / "checkpoints" / name / "README.md").read_text(encoding="utf-8")
    told = card.partition("## Training data")[2].partition("##")[0]
    sources = [line for line in told.splitlines() if line.startswith("- ")]
    speakers = [speaker for folder in ("speech22", "speech48") for speaker in listed.held_out_speakers(folder)]
    held_out = {speaker.partition("_")[0] for speaker in speakers}
    assert len(sources) >= 3
    assert held_out == {"nathalie"}
    assert not [line for line in sources for voice in held_out if voice in line]
