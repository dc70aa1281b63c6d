"""Scoring: what the metrics say, in one process or several; refusals come with their reasons, nothing is hidden."""

import importlib.util
import math

import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import METRICS, Scores, score

from .signals import NOISE, RATE, noisy, voices

pytest.importorskip("pesq")
pytest.importorskip("pystoi")
QUICK = [name for name in METRICS if name not in ("cdpam", "visqol", "dnsmos")]
CLEAN = voices(0.7)
PAIRS = [
    (CLEAN[0], noisy(CLEAN[0], 0.01)),
    (CLEAN[1][:12000], noisy(CLEAN[1], 0.3)[:12000]),  # of another length
    (CLEAN[1], torch.zeros_like(CLEAN[1])),
    (torch.zeros(12000), CLEAN[0][:12000]),
    (NOISE[:1], NOISE[:1]),
]


def test_scores_are_those_of_the_catalogue_in_the_order_asked_for():
    names = ["snr", "stoi", "mse"]
    scores = score(PAIRS[:2], RATE, names)
    for (reference, estimate), clip in zip(PAIRS, scores, strict=False):
        assert list(clip.values) == names
        assert clip.refusals == {}
        assert clip.values == {name: METRICS[name].function(reference, estimate, RATE) for name in names}


def test_refusals_are_nan_with_a_reason_and_nothing_else_is():
    for clip in score(PAIRS, RATE, QUICK):
        assert list(clip.values) == QUICK
        assert {name for name, value in clip.values.items() if not math.isfinite(value)} == set(clip.refusals)
        assert all(math.isnan(clip.values[name]) for name in clip.refusals)
    refused = [set(clip.refusals) for clip in score(PAIRS, RATE, QUICK)]
    assert refused[:3] == [set(), set(), {"pesq"}]
    assert refused[3] == {"si_snr", "pesq", "stoi", "estoi", "nmse", "snr"}
    assert refused[4] == {"lsd", "si_snr", "pesq", "stoi", "estoi", "mel_distance"}


def _comparable(scores: list[Scores]) -> list:
    """NaN is not equal to itself; its text is."""
    return [(repr(clip.values), clip.refusals) for clip in scores]


@pytest.mark.slow
def test_processes_change_nothing():
    assert _comparable(score(PAIRS, RATE, QUICK, processes=2)) == _comparable(score(PAIRS, RATE, QUICK))


@pytest.mark.slow
def test_an_error_in_another_process_arrives():
    with pytest.raises(ConfigError, match="one shape"):
        score([(NOISE[:10], NOISE[:20])], RATE, ["stoi"], processes=2)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("cdpam") is None, reason="the extra cdpam is not installed")
def test_by_default_it_is_the_paper_s_six():
    clip = (CLEAN[0][:10000], noisy(CLEAN[0], 0.1)[:10000])
    (scores,) = score([clip], RATE)
    assert list(scores.values) == ["mse", "lsd", "si_snr", "pesq", "stoi", "cdpam"]
    assert scores.refusals == {}


def test_gradients_and_half_precision_are_taken_off():
    x = NOISE.clone().requires_grad_()
    (scores,) = score([(x, x.bfloat16())], RATE, ["mse", "lsd"])
    assert 0 < scores.values["mse"] < 1e-4


def test_nothing_to_score_gives_nothing():
    assert score([], RATE) == []
    assert score([], RATE, ["stoi"], processes=2) == []
    assert score(PAIRS[:1], RATE, []) == [Scores({}, {})]


@pytest.mark.parametrize(
    ("rate", "names", "processes", "message"),
    [
        (RATE, ["mse", "polqa"], 1, "'polqa'; there are mse, lsd, si_snr"),
        (0, ["mse"], 1, "positive number of Hz, not 0"),
        (RATE, ["mse"], 0, "processes must be positive, not 0"),
    ],
)
def test_wrong_settings_are_refused(rate, names, processes, message):
    with pytest.raises(ConfigError, match=message):
        score(PAIRS, rate, names, processes=processes)
