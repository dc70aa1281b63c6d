"""Metrics: identity is best, more noise is worse, silence is survived, and the definitions hold."""

import math
import sys

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.data import load_dataset
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import lsd, mse, nmse, si_snr, snr, stoi

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
    assert nmse(x, x) == 0
    assert si_snr(x, x) == torch.inf


def test_more_noise_is_worse_by_every_metric():
    x = speechlike()
    noisy = [x + level * NOISE for level in (1e-4, 1e-3, 1e-2, 1e-1)]
    errors = [float(mse(x, y)) for y in noisy]
    ratios = [float(snr(x, y)) for y in noisy]
    distances = [float(lsd(x, y, RATE)) for y in noisy]
    assert errors == sorted(errors)
    assert [float(nmse(x, y)) for y in noisy] == sorted(float(nmse(x, y)) for y in noisy)
    assert [float(si_snr(x, y)) for y in noisy] == sorted((float(si_snr(x, y)) for y in noisy), reverse=True)
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
    for metric in (mse, snr, nmse, si_snr, lambda a, b: lsd(a, b, RATE)):
        torch.testing.assert_close(metric(x, y), torch.stack([metric(a, b) for a, b in zip(x, y, strict=True)]))


@settings(max_examples=20, deadline=None)
@given(level=st.floats(1e-4, 10), gain=st.floats(1e-3, 1e3))
def test_nmse_is_the_error_s_share_of_the_energy_at_any_gain(level, gain):
    x = speechlike()
    y = x + level * NOISE
    expected = ((y.double() - x.double()).square().sum() / x.double().square().sum()).item()
    assert nmse(gain * x, gain * y).item() == pytest.approx(expected, rel=1e-3)


def test_nmse_of_silence():
    x = speechlike()
    assert nmse(x, torch.zeros_like(x)).item() == pytest.approx(1, abs=1e-6)
    assert nmse(torch.zeros_like(x), x) == torch.inf


@settings(max_examples=20, deadline=None)
@given(decibels=st.floats(-20, 60), gain=st.floats(1e-3, 1e3), sign=st.sampled_from([-1, 1]), offset=st.floats(-1, 1))
def test_si_snr_is_what_was_added_at_right_angles_whatever_gain_sign_and_offset(decibels, gain, sign, offset):
    x = speechlike().double()
    x = x - x.mean()
    noise = NOISE.double() - NOISE.double().mean()
    noise = noise - x * (noise @ x) / (x @ x)  # what lies along x would count as signal
    y = x + noise * (x.norm() / noise.norm()) * 10 ** (-decibels / 20)
    assert si_snr(x + offset, sign * gain * y + offset).item() == pytest.approx(decibels, abs=1e-6)


@pytest.mark.parametrize("level", [1e-3, 0.1, 1.0, 30.0])
def test_si_snr_agrees_with_torchmetrics(level):
    audio = pytest.importorskip("torchmetrics.functional.audio")
    x = torch.stack([speechlike(seed=s) for s in range(3)])
    y = 0.4 * x + level * NOISE + 0.02
    expected = audio.scale_invariant_signal_noise_ratio(y.double(), x.double())
    torch.testing.assert_close(si_snr(x, y).double(), expected, rtol=0, atol=1e-3)


def test_si_snr_of_silence_is_minus_infinity_on_either_side():
    x, silence = speechlike(), torch.zeros(8192)
    assert si_snr(x, silence) == -torch.inf
    assert si_snr(silence, x) == -torch.inf
    assert si_snr(silence, silence) == -torch.inf


def test_si_snr_hears_a_shift():
    assert si_snr(NOISE[:-3], NOISE[3:]) < -20


def voices(seconds=2.0):
    """Two stretches of embedded speech, as a batch."""
    sounds = load_dataset("mini")
    count = round(seconds * sounds[0].sample_rate)
    return torch.stack([sounds[i].waveform[8000 : 8000 + count] for i in (0, 5)]), sounds[0].sample_rate


def test_stoi_is_one_for_a_copy_and_falls_with_noise():
    pytest.importorskip("pystoi")
    clean, rate = voices()
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    scores = [stoi(clean, clean + level * clean.std() * noise, rate) for level in (0, 0.3, 3)]
    torch.testing.assert_close(scores[0], torch.ones(2), rtol=0, atol=1e-4)
    assert (scores[0] > scores[1] + 0.02).all()
    assert (scores[1] > scores[2] + 0.1).all()
    # (estimate, clean) would score otherwise: pystoi takes the clean one first, and drops its silent frames.
    pystoi = pytest.importorskip("pystoi")
    noisy = clean[0] + 3 * clean.std() * noise[0]
    expected = pystoi.stoi(clean[0].double().numpy(), noisy.double().numpy(), rate)
    assert stoi(clean[0], noisy, rate).item() == pytest.approx(expected, abs=1e-6)


def test_stoi_keeps_the_shape_of_the_batch():
    pytest.importorskip("pystoi")
    clean, rate = voices(1.0)
    noisy = clean + 0.1 * clean.std() * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    scores = stoi(clean.reshape(1, 2, -1), noisy.reshape(1, 2, -1), rate)
    assert scores.shape == (1, 2)
    assert stoi(clean[1], noisy[1], rate).shape == ()
    torch.testing.assert_close(scores[0, 1], stoi(clean[1], noisy[1], rate))


@pytest.mark.parametrize("num_samples", [1, 100, 300, 4000, 8000, 9000])
def test_stoi_of_too_little_speech_is_refused(num_samples):
    pytest.importorskip("pystoi")
    with pytest.raises(ConfigError, match="half a second of speech"):
        stoi(NOISE.repeat(2)[:num_samples], NOISE.repeat(2)[:num_samples], RATE)


def test_stoi_counts_speech_without_its_pauses():
    pytest.importorskip("pystoi")
    mostly_silence = torch.cat([NOISE, torch.zeros(RATE)])
    with pytest.raises(ConfigError, match="half a second of speech"):
        stoi(mostly_silence, mostly_silence, RATE)


def test_stoi_without_pystoi_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(ConfigError, match=r"pip install 'hypersound-lib\[metrics\]'"):
        stoi(NOISE, NOISE, RATE)


def test_wrong_shapes_are_refused():
    for metric in (nmse, si_snr, lambda a, b: stoi(a, b, RATE)):
        with pytest.raises(ConfigError, match="one shape"):
            metric(torch.zeros(4), torch.zeros(5))
    with pytest.raises(ConfigError, match="one shape"):
        mse(torch.zeros(4), torch.zeros(5))
    with pytest.raises(ConfigError, match="more than 512 samples"):
        lsd(torch.zeros(100), torch.zeros(100), RATE)
