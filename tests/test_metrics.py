"""Metrics: identity is best, more noise is worse, silence is survived, and the definitions hold."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import lsd, mse, snr

RATE = 22050


def speechlike(num_samples=8192, seed=0):
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(num_samples) / RATE
    voice = sum(torch.sin(2 * math.pi * 120 * k * t) / k for k in range(1, 30))
    return 0.3 * voice / voice.abs().max() + 1e-3 * torch.randn(num_samples, generator=generator)


NOISE = torch.randn(8192, generator=torch.Generator().manual_seed(1))


def test_identity_is_best():
    x = speechlike()
    assert mse(x, x) == 0
    assert snr(x, x) == torch.inf
    assert lsd(x, x, RATE) == 0


def test_more_noise_is_worse_by_every_metric():
    x = speechlike()
    noisy = [x + level * NOISE for level in (1e-4, 1e-3, 1e-2, 1e-1)]
    errors = [float(mse(x, y)) for y in noisy]
    ratios = [float(snr(x, y)) for y in noisy]
    distances = [float(lsd(x, y, RATE)) for y in noisy]
    assert errors == sorted(errors)
    assert ratios == sorted(ratios, reverse=True)
    assert distances == sorted(distances)


@given(decibels=st.floats(-20, 60))
def test_snr_is_what_was_added(decibels):
    x = speechlike()
    noise = NOISE * (x.norm() / NOISE.norm()) * 10 ** (-decibels / 20)
    assert snr(x, x + noise).item() == pytest.approx(decibels, abs=0.05)


def test_snr_of_silence_as_estimate_is_zero_and_ignores_common_gain():
    x = speechlike()
    assert snr(x, torch.zeros_like(x)).item() == pytest.approx(0, abs=1e-6)
    assert snr(x / 1000, (x + 0.01 * NOISE) / 1000).item() == pytest.approx(snr(x, x + 0.01 * NOISE).item(), abs=1e-3)


def test_silence_as_reference():
    silence = torch.zeros(8192)
    assert snr(silence, NOISE) == -torch.inf
    assert torch.isfinite(lsd(silence, NOISE, RATE))
    assert lsd(silence, silence, RATE) == 0


def test_lsd_agrees_with_its_definition():
    # loud enough that no bin falls to the floor
    x, y = (speechlike() + 0.1 * NOISE).double(), (speechlike() + 0.2 * NOISE).double()
    n_fft, hop = 1024, 220  # 2048 · 22050 / 44100 and 22050 / 100

    def log_power(signal):
        padded = np.pad(signal.numpy(), n_fft // 2, mode="reflect")
        window = scipy.signal.get_window("hann", n_fft)
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop] * window
        return np.log10(np.abs(np.fft.rfft(frames)) ** 2)

    expected = np.sqrt(((log_power(x) - log_power(y)) ** 2).mean(axis=1)).mean()
    assert lsd(x, y, RATE).item() == pytest.approx(expected, rel=1e-6)


def test_lsd_of_a_gain_is_its_logarithm_and_phase_is_ignored():
    x = speechlike()
    assert lsd(x, 0.1 * x, RATE).item() == pytest.approx(2, abs=0.01)  # a tenth is two powers of ten down
    assert lsd(x, -x, RATE) == 0


def test_batches_equal_loops():
    x = torch.stack([speechlike(seed=s) for s in range(3)])
    y = x + 0.01 * NOISE
    for metric in (mse, snr, lambda a, b: lsd(a, b, RATE)):
        torch.testing.assert_close(metric(x, y), torch.stack([metric(a, b) for a, b in zip(x, y, strict=True)]))


def test_wrong_shapes_are_refused():
    with pytest.raises(ConfigError, match="one shape"):
        mse(torch.zeros(4), torch.zeros(5))
    with pytest.raises(ConfigError, match="more than 512 samples"):
        lsd(torch.zeros(100), torch.zeros(100), RATE)
