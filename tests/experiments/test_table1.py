"""Reproducing Table 1: every row has a run at every scale, what is done is kept, and the table tells what was found."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from hypersound_lib.cli import main
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import ClipRow, Evaluation, Size
from hypersound_lib.experiments import ROWS, Table, read_results, render, reproduce, scale, table1
from hypersound_lib.experiments.table1 import run_names, train_run
from hypersound_lib.metrics import TABLE_1
from hypersound_lib.training import read_log, training_stores

SCALES = ("smoke", "tutorial", "paper")


@pytest.mark.parametrize("name", SCALES)
def test_every_row_of_the_paper_has_its_run_and_runs_differ_from_base_in_one_thing(name):
    chosen = scale(name)
    assert {chosen.same.get(row.run, row.run) for row in ROWS} - {"rave"} == set(chosen.runs)
    assert set(run_names(chosen)) == {"rave", *chosen.runs}
    assert all(row.paper is None or len(row.paper) == len(TABLE_1) for row in ROWS)
    base = chosen.runs["base"]
    for run, other in chosen.runs.items():
        same_model, same_training = other.model == base.model, other.training == base.training
        assert (run == "base") == (same_model and same_training)
        assert same_model or same_training


def test_the_paper_scale_is_the_papers():
    chosen = scale("paper")
    sizes = {name: chosen.runs[name].model.target.width for name in ("small", "base", "large")}
    assert sizes == {"small": 64, "base": 256, "large": 384}
    assert chosen.runs["base"].training.steps == 1_250_000
    assert chosen.runs["base"].training.loss.terms == "smooth_l1+mel_stft"
    assert chosen.runs["l1+0.1mel"].training.loss.weights == {"smooth_l1": 1.0, "mel_stft": 0.1}
    assert chosen.rave_training.steps == 3_000_000
    assert chosen.data == "vctk"


@pytest.mark.slow
def test_the_smoke_scale_runs_goes_on_and_keeps_what_is_done(tmp_path, capsys):
    out = tmp_path / "table1"
    assert reproduce("smoke", out, only=["base", "rave"], command="test") is False
    assert {path.name for path in out.iterdir()} == {"base.json", "rave.json", "table1.md"}
    before = (out / "base.json").read_bytes()
    results = read_results(out, "smoke")
    assert results["base"]["steps"] == scale("smoke").runs["base"].training.steps
    assert len(results["base"]["evaluation"]["recordings"]) == scale("smoke").limit
    assert json.loads(before)["provenance"]["command"] == "test"
    # The rest, as a reader would run it.
    capsys.readouterr()
    assert main(["reproduce", "table1", "--scale", "smoke", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "== small: training" in printed
    assert "== base" not in printed
    assert (out / "base.json").read_bytes() == before
    assert set(read_results(out)) == set(run_names(scale("smoke")))
    page = (out / "table1.md").read_text()
    assert all(f"| {row.label}" in page for row in ROWS)
    assert "scale `smoke`" in page
    with pytest.raises(ConfigError, match="another --out"):
        read_results(out, "paper")
    (out / "base.json").write_text("{}")
    with pytest.raises(ConfigError, match="move it away"):
        read_results(out)


@pytest.mark.slow
def test_an_interrupted_training_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    """The second call trains the rest only; between the two nothing is taken for done."""
    chosen = scale("smoke")
    preset = chosen.runs["small"]
    stores = training_stores(chosen.data, preset.model.sample_rate)
    half = dataclasses.replace(preset.training, steps=2)
    first = dataclasses.replace(chosen, runs={"small": dataclasses.replace(preset, training=half)})
    assert train_run(first, "small", stores, tmp_path / "t-runs" / "small").step == 2

    trained = train_run(chosen, "small", stores, tmp_path / "t-runs" / "small")
    assert (trained.step, trained.stop_reason) == (4, "steps")
    straight = train_run(chosen, "small", stores, tmp_path / "straight")
    curves = [read_log(tmp_path / run / "validation.csv") for run in ("t-runs/small", "straight")]
    assert curves[0]["step"][-1] == curves[1]["step"][-1] == straight.step == 4
    again = train_run(chosen, "small", stores, tmp_path / "t-runs" / "small")
    for p, q in zip(trained.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(p, q), "a finished training is loaded, not continued"

    interrupted = dataclasses.replace(trained, stop_reason="interrupted")
    monkeypatch.setattr(table1, "train_run", lambda *_: interrupted)
    assert reproduce("smoke", tmp_path / "t", only=["small"]) is False
    assert "the same command goes on" in capsys.readouterr().out.splitlines()[-1]
    assert not list((tmp_path / "t").glob("*.json"))


def test_unknown_names_are_refused(tmp_path, capsys):
    with pytest.raises(ConfigError, match="there are base"):
        reproduce("smoke", tmp_path / "t", only=["bass"])
    with pytest.raises(ConfigError, match="smoke, tutorial, paper"):
        scale("huge")
    assert main(["reproduce", "table1", "--out", str(tmp_path / "t"), "--only", "bass"]) == 2
    assert "bass" in capsys.readouterr().err


def record(run, values, rate=16000, references=()):
    """A run's record whose recordings scored `values`, and beside it references."""
    rows = [
        ClipRow(name, rate, f"c{i}", "s", dict.fromkeys((*TABLE_1, "nmse"), value))
        for name, scores in [(run, values), *references]
        for i, value in enumerate(scores)
    ]
    clips = [f"c{i}" for i in range(len(values))]
    evaluation = Evaluation(rows, (*TABLE_1, "nmse"), {run: Size(1.0, 1.0)}, clips, {})
    return {
        "scale": "smoke", "run": run, "same": [], "data": "mini", "sample_rate": rate, "steps": 7, "seconds": 60.0,
        "evaluation": evaluation.to_json(),
        "configs": [
            "a summary",
            {"target": {"hidden_layers": 1, "width": 5}, "num_samples": 256, "sample_rate": rate},
            {"loss": {"terms": "mse"}},
        ],
    }  # fmt: skip


def test_a_row_beats_a_reference_only_where_every_recording_tells_so():
    zeros, noise = ("zeros", [2.0, 2.1, 2.2, 2.3]), ("random phase", [1.0, 1.2, 0.8, 1.1])
    records = {"base": record("base", [1.0, 1.1, 1.2, 1.3], references=[zeros, noise])}
    table, row = Table(records), ROWS[0]
    # Lower is better for these three; for the others zeros would win.
    assert table.beaten(row, "zeros") == ["mse", "lsd", "cdpam"]
    assert table.beaten(row, "random phase") == [], "one recording in four says otherwise"
    page = render(records)
    assert "0.99 → **1.15** [" in page
    assert "| 3 of 6 |" in page
    assert "base: 4 × 256*; here 1 × 5" in page
    assert "a clip is 256 samples at 16000 Hz" in page
    assert "| RAVE |" not in page, "a run that is missing has no row"


@pytest.mark.parametrize(("last", "won"), [(1.1, list(TABLE_1)), (float("nan"), [])])
def test_what_has_a_value_beats_what_has_none(last, won):
    nothing = ("zeros", [float("nan")] * 2)
    assert Table({"base": record("base", [1.0, last], references=[nothing])}).beaten(ROWS[0], "zeros") == won


def test_a_run_that_stands_in_for_another_fills_its_row():
    base = record("base", [1.0, 2.0]) | {"same": ["l1+mel"]}
    assert "L1 + MelSTFT" in render({"base": base})
    assert render({}).strip() == "Nothing has been run yet."


def test_the_folder_of_trainings_is_beside_that_of_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    beside = tmp_path.with_name(tmp_path.name + "-runs")
    for out, expected in ((".", beside), ("x/..", beside), ("x", tmp_path / "x-runs"), (tmp_path, beside)):
        assert table1._runs_folder(Path(out)) == expected
    with pytest.raises(ConfigError, match="need a folder that has a name"):
        reproduce("smoke", tmp_path.anchor)


@pytest.mark.parametrize("results", [{"scale": "smoke"}, {"run": "base"}, [], None])
def test_a_file_that_is_no_result_is_named(tmp_path, results):
    (tmp_path / "x.json").write_text(json.dumps({"results": results}))
    with pytest.raises(ConfigError, match=r"x\.json is no result of this command"):
        read_results(tmp_path)
