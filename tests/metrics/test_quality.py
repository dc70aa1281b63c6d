"""PESQ: best for a copy, falling with noise, deaf to gain; refused where the package has no value or would crash."""

import pytest
import torch

from hypersound_lib.data import resample
from hypersound_lib.errors import MetricRefused
from hypersound_lib.metrics import pesq

from .signals import RATE, noisy, voices

package = pytest.importorskip("pesq")


def test_gain_and_polarity_are_not_heard():
    clean = voices()[0]
    expected = pesq(clean, noisy(clean, 0.01), RATE).item()
    assert pesq(clean, -noisy(clean, 0.01), RATE).item() == pytest.approx(expected, abs=1e-3)
    assert pesq(clean, 0.1 * noisy(clean, 0.01), RATE).item() == pytest.approx(expected, abs=1e-2)


def test_wide_band_at_16_khz_with_the_reference_first():
    clean = voices()[0]
    estimate = noisy(clean, 0.03)
    x, y = resample(clean, RATE, 16000).numpy(), resample(estimate, RATE, 16000).numpy()
    assert pesq(clean, estimate, RATE).item() == pytest.approx(package.pesq(16000, x, y, "wb"), abs=1e-6)
    assert pesq(clean, estimate, RATE).item() != pytest.approx(package.pesq(16000, y, x, "wb"), abs=1e-3)
    assert pesq(clean, estimate, RATE).item() != pytest.approx(package.pesq(16000, x, y, "nb"), abs=1e-3)


def test_too_long_is_refused_before_the_package_runs_out_of_its_arrays():
    """60 bursts of speech, a second apart, end the whole process with a segmentation fault in pesq 0.0.4."""
    burst = torch.cat([voices(0.5)[0], torch.zeros(RATE // 2)])
    with pytest.raises(MetricRefused, match=r"up to 20 s at a time, not 60\.0 s"):
        pesq(burst.repeat(60), burst.repeat(60), RATE)


def test_as_many_utterances_as_the_longest_sound_can_hold():
    t = torch.arange(20 * 16000) / 16000
    bursts = torch.randn(len(t), generator=torch.Generator().manual_seed(0)) * (t % 0.41 < 0.21)
    assert 1 < pesq(bursts, noisy(bursts, 0.1), 16000) < 4.6


def test_clicks_are_no_utterance():
    t = torch.arange(2 * 16000) / 16000
    clicks = torch.randn(len(t), generator=torch.Generator().manual_seed(0)) * (t % 0.3 < 0.05)
    with pytest.raises(MetricRefused, match="no utterance"):
        pesq(clicks, noisy(clicks, 0.1), 16000)
