"""Log-spectral and mel distance: zero for a copy, growing with noise, deaf to phase, finite on silence."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.metrics import lsd, mel_distance
from hypersound_lib.metrics.spectral import mel_filters

from .signals import NOISE, RATE, speechlike

both = pytest.mark.parametrize("metric", [lsd, mel_distance])


def _frames(signal, n_fft, hop):
    padded = np.pad(signal.numpy(), n_fft // 2, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop] * scipy.signal.get_window("hann", n_fft)


def test_lsd_agrees_with_its_definition():
    # loud enough that no bin falls to the floor
    x, y = (speechlike() + 0.1 * NOISE).double(), (speechlike() + 0.2 * NOISE).double()
    n_fft, hop = 1024, 220  # 2048 · 22050 / 44100 and 22050 / 100
    a, b = (np.log10(np.abs(np.fft.rfft(_frames(signal, n_fft, hop))) ** 2) for signal in (x, y))
    expected = np.sqrt(((a - b) ** 2).mean(axis=1)).mean()
    assert lsd(x, y, RATE).item() == pytest.approx(expected, rel=1e-6)


def _triangles(sample_rate, n_fft, n_mels):
    """Triangles of height 1 on Slaney's scale: linear to 1 kHz (15 mel), then 27 mel for a factor of 6.4."""
    mel_of_nyquist = 15 + 27 * math.log(sample_rate / 2 / 1000) / math.log(6.4)
    mels = np.linspace(0, mel_of_nyquist, n_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    return np.stack([np.interp(bins, edges[i : i + 3], [0, 1, 0]) for i in range(n_mels)])


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_mel_distance_agrees_with_its_definition(rate):
    x, y = speechlike(12000).double(), 0.1 * speechlike(12000, seed=1).double()
    n_fft = round(2048 * rate / 44100)
    filters = _triangles(rate, n_fft, 80)
    full_scale_sine = scipy.signal.get_window("hann", n_fft).sum() / 2
    spectra = [np.abs(np.fft.rfft(_frames(signal, n_fft, n_fft // 4))) / full_scale_sine for signal in (x, y)]
    a, b = (np.log10(np.maximum(spectrum @ filters.T, 1e-5)) for spectrum in spectra)
    assert (np.minimum(a, b) > -5).any()
    assert mel_distance(x, y, rate).item() == pytest.approx(np.abs(a - b).mean(), rel=1e-5)


def test_a_gain_is_its_logarithm():
    x = speechlike()
    assert lsd(x, 0.1 * x, RATE).item() == pytest.approx(2, abs=0.01)  # a tenth is two powers of ten down
    assert mel_distance(x, 0.1 * x, RATE).item() == pytest.approx(1, abs=0.01)  # and one of amplitude


@both
def test_polarity_is_not_heard_and_a_shift_hardly(metric):
    x = speechlike(8192) + 0.03 * NOISE
    assert metric(x, -x, RATE) == 0
    assert metric(x[:-4], x[4:], RATE) < 0.2 * metric(x[:-4], NOISE[4:], RATE)


@both
@settings(max_examples=15)
@given(rate=st.integers(100, 96_000), loud=st.booleans())
def test_silence_is_finite_at_any_rate(metric, rate, loud):
    x, silence = (1e4 if loud else 0) * NOISE, torch.zeros(8192)
    assert torch.isfinite(metric(silence, x, rate))
    assert torch.isfinite(metric(x, silence, rate))
    assert metric(silence, silence, rate) == 0


@both
def test_a_sound_over_silence_is_its_height_above_the_floor(metric):
    tone = torch.sin(2 * math.pi * 1000 / RATE * torch.arange(8192))
    assert 0.5 < metric(tone, torch.zeros(8192), RATE) < 12


@pytest.mark.parametrize("rate", [100, 1000, 4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_no_mel_bin_is_empty(rate):
    filters = mel_filters(rate)
    assert (filters.sum(dim=1) > 0).all()
    assert (filters <= 1).all()
    assert len(filters) == 80 or rate < 4000


@both
def test_the_shortest_signal_has_a_value(metric):
    assert metric(NOISE[:513], NOISE[:513], RATE) == 0
