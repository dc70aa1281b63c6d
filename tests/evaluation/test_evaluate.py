"""Evaluation: a perfect system scores best, references take their places, and nothing is dropped in silence."""

import json
import math

import numpy as np
import pytest
import torch

from hypersound_lib.data import load_dataset, resample, save_audio
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import (
    System,
    choose_excerpts,
    evaluate,
    evaluation_from_json,
    model_system,
    reference_systems,
)
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.metrics import METRICS
from hypersound_lib.presets import preset

FAST = ("mse", "lsd", "si_snr", "nmse", "snr", "stoi")


def copier(name="copy", gain=1.0, rate=None, **sizes):
    return System(name, lambda waveform, rate, to: gain * resample(waveform, rate, to), rate, **sizes)


@pytest.fixture(scope="module")
def excerpts():
    return choose_excerpts("mini", limit=3, seconds=1.5)[0]


@pytest.mark.slow
def test_a_perfect_copy_scores_as_the_original_and_best(excerpts):
    found = evaluate([copier(), copier("half", 0.5)], excerpts, rates=[16000], metrics=FAST, references=True)
    perfect, original = found.means("copy"), found.means("original")
    assert perfect == original
    for name in FAST:
        metric = METRICS[name]
        assert perfect[name] == pytest.approx(metric.best, abs=1e-3)
        better = max if metric.higher_is_better else min
        assert better(perfect[name], found.means("half")[name]) == perfect[name]
    assert found.means("half")["nmse"] == pytest.approx(0.25, rel=1e-4), "NMSE responds to the level"
    assert found.means("zeros")["nmse"] == pytest.approx(1)


@pytest.mark.slow
def test_references_are_ordered_as_theory_has_it(excerpts):
    found = evaluate(
        copier(rate=8000, theta_per_second=4000, narrowest_per_second=800), excerpts, rates=[16000], metrics=FAST
    )
    snr = {name: found.means(name)["snr"] for name, _ in found.systems}
    assert snr["MDCT 4000/s"] > snr["MDCT 800/s"] > snr["zeros"] == pytest.approx(0, abs=1e-6)
    assert snr["PCA 4000/s"] > snr["PCA 800/s"] > 0
    assert snr["MDCT 800/s"] > snr["PCA 800/s"], "coefficients chosen per sound beat fixed ones"
    assert snr["random phase"] < 0
    lsd = {name: found.means(name)["lsd"] for name, _ in found.systems}
    assert lsd["Griffin-Lim"] < lsd["random phase"] < lsd["zeros"]
    assert snr["soxr 8000 Hz"] == pytest.approx(snr["copy"])


def test_every_rate_is_compared_with_the_reference_at_that_rate(excerpts):
    found = evaluate(copier(rate=16000), excerpts, rates=[8000, 22050], metrics=("snr", "lsd"), references=False)
    assert found.systems == [("copy", 8000), ("copy", 22050)]
    assert found.interval("copy", "snr", 8000).mean > 40, "soxr alone stands between the two"
    assert found.interval("copy", "lsd", 22050).mean > 0.5, "what lies above 8 kHz is missing"


def test_a_metric_that_refuses_is_counted_and_told(tmp_path):
    sound = load_dataset("mini", "test")[0]
    save_audio(tmp_path / "voice.wav", sound.waveform[: 2 * sound.sample_rate], sound.sample_rate)
    save_audio(tmp_path / "short.wav", sound.waveform[8000:10000], sound.sample_rate)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    found = evaluate(copier(), tmp_path, rates=[16000], metrics=("stoi", "snr"), references=False)
    assert sorted(found.clips) == ["short.wav", "voice.wav"]
    assert set(found.skipped) == {"broken.wav"}
    assert found.interval("copy", "stoi").count == 1
    assert math.isnan(next(row for row in found.rows if row.clip == "short.wav").values["stoi"])
    assert sum(found.refusals().values()) == 1
    notes = "\n".join(found.notes())
    assert "2 recordings, 1 skipped" in notes
    assert "broken.wav" in notes
    assert "refused 1 times" in notes
    assert "(1 of 2)" in found.table()


@pytest.mark.slow
def test_json_keeps_everything(excerpts):
    found = evaluate(copier(theta_per_second=1000.0, narrowest_per_second=10.0), excerpts, rates=[16000], metrics=FAST)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    again = evaluation_from_json(data)
    assert again.systems == found.systems
    assert again.sizes == found.sizes
    assert again.clips == found.clips
    for system, rate in found.systems:
        for metric in FAST:
            assert again.interval(system, metric, rate).mean == pytest.approx(
                found.interval(system, metric, rate).mean, rel=1e-4, nan_ok=True
            )


ROW = {"system": "m", "sample_rate": 8000, "clip": "a", "speaker": "", "values": {"snr": 1.0}}


@pytest.mark.parametrize(
    "rows", [None, [], 3, [3], [{}], *([ROW | {"values": v}] for v in (3, [], {"snr": "loud"}, {"snr": []}))]
)
def test_json_that_is_no_evaluation_is_refused(rows):
    data = {"floats_per_second": {}, "recordings": ["a"], "skipped": {}}
    assert evaluation_from_json(data | {"rows": [ROW]}).values("m", "snr") == [1.0]
    with pytest.raises(ConfigError, match="holds no evaluation"):
        evaluation_from_json(data | {"rows": rows})


def test_models_are_compared_side_by_side_and_keep_their_mode(excerpts):
    small = HyperSound(preset("tutorial").model).train()
    found = evaluate([small, copier("b")], excerpts[:1], metrics=("nmse",), references=False)
    assert {name for name, _ in found.systems} == {"model 1", "b"}
    assert {rate for _, rate in found.systems} == {8000}, "the highest of the models' own rates"
    assert small.training


def test_the_sizes_are_what_flows_through_the_model_in_a_second():
    model = HyperSound(preset("tutorial").model)
    system = model_system(model, "m")
    code = model.encoder.output_shape(2048)
    assert system.narrowest_per_second == pytest.approx(min(800, code[0] * code[1]) * 8000 / 1792)
    assert system.theta_per_second == pytest.approx(model.hypernetwork.num_generated * 8000 / 1792)
    names = [reference.name for reference in reference_systems([system])]
    assert f"MDCT {system.narrowest_per_second:.0f}/s" in names


@pytest.mark.parametrize("name", ["copy", "original", "zeros", "Griffin-Lim", "soxr 22050 Hz"])
def test_no_two_systems_have_one_name_and_references_count(name, excerpts):
    models = [copier(rate=22050), copier(name)]
    with pytest.raises(ConfigError, match=f"called '{name}': give each a name of its own"):
        evaluate(models, excerpts)
    if name != "copy":
        found = evaluate(models, excerpts[:1], rates=[8000], metrics=("nmse",), references=False)
        assert found.systems == [("copy", 8000), (name, 8000)]


def test_a_rate_given_twice_counts_once_in_any_kind_of_whole_number(excerpts):
    rates = [8000, np.int64(8000), 16000, 8000]
    found = evaluate(copier(), excerpts[:2], rates=rates, metrics=("nmse",), references=False)
    assert found.systems == [("copy", 8000), ("copy", 16000)]
    assert found.interval("copy", "nmse", 8000).count == 2
    json.dumps(found.to_json(), allow_nan=False)


def test_impossible_wishes_are_refused(excerpts):
    with pytest.raises(ConfigError, match=r"unknown metrics loudness.*pesq"):
        evaluate(copier(), excerpts, metrics=("loudness",))
    with pytest.raises(ConfigError, match="at least 1000"):
        evaluate(copier(), excerpts, rates=[800])
    with pytest.raises(ConfigError, match="at least one model"):
        evaluate([], excerpts)
    with pytest.raises(ConfigError, match="cannot be evaluated"):
        evaluate(torch.nn.Linear(1, 1), excerpts)
    found = evaluate(copier(), excerpts[:1], rates=[16000], metrics=("snr",), references=False)
    with pytest.raises(ConfigError, match="there are copy at 16000 Hz"):
        found.values("other", "snr")
