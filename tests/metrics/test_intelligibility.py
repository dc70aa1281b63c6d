"""STOI and ESTOI: one for a copy, falling with noise, the same twice; too little speech is refused."""

import numpy as np
import pytest
import torch

from hypersound_lib.errors import MetricRefused
from hypersound_lib.metrics import estoi, stoi

from .signals import NOISE, RATE, noisy, voices

pystoi = pytest.importorskip("pystoi")

both = pytest.mark.parametrize(("metric", "extended"), [(stoi, False), (estoi, True)], ids=["stoi", "estoi"])


@both
def test_the_reference_comes_first(metric, extended):
    # (estimate, clean) would score otherwise: pystoi takes the clean one first, and drops its silent frames.
    clean = voices()[0]
    estimate = noisy(clean, 3)
    expected = pystoi.stoi(clean.double().numpy(), estimate.double().numpy(), RATE, extended=extended)
    assert metric(clean, estimate, RATE).item() == pytest.approx(expected, abs=1e-6)
    assert metric(estimate, clean, RATE).item() != pytest.approx(expected, abs=1e-3)


@both
def test_a_silent_estimate_scores_nothing_and_always_the_same(metric, extended):
    clean = voices()[0]
    silence = torch.zeros_like(clean)
    np.random.seed(1)  # noqa: NPY002
    once = metric(clean, silence, RATE)
    assert abs(once) < 0.05
    assert metric(clean, silence, RATE) == once


def test_numpy_s_generator_goes_on_as_if_nothing_had_happened():
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.standard_normal(3)  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    estoi(voices(1.0), voices(1.0), RATE)
    np.testing.assert_array_equal(np.random.standard_normal(3), expected)  # noqa: NPY002


def test_estoi_is_the_stricter():
    clean = voices()
    assert (estoi(clean, noisy(clean, 1), RATE) < stoi(clean, noisy(clean, 1), RATE)).all()


@both
def test_pauses_are_no_speech(metric, extended):
    mostly_silence = torch.cat([NOISE, torch.zeros(RATE)])
    with pytest.raises(MetricRefused, match="half a second of speech"):
        metric(mostly_silence, mostly_silence, RATE)
