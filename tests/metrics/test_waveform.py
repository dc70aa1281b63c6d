"""MSE, SNR, NMSE and SI-SNR: identity is best, more noise is worse, silence is survived, the definitions hold."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.metrics import mse, nmse, si_snr, snr

from .signals import NOISE, speechlike


def test_identity_is_best():
    x = speechlike()
    assert mse(x, x) == 0
    assert snr(x, x) == torch.inf
    assert nmse(x, x) == 0
    assert si_snr(x, x) == torch.inf


def test_more_noise_is_worse_by_every_metric():
    x = speechlike()
    noisy = [x + level * NOISE for level in (1e-4, 1e-3, 1e-2, 1e-1)]
    errors = [float(mse(x, y)) for y in noisy]
    ratios = [float(snr(x, y)) for y in noisy]
    assert errors == sorted(errors)
    assert [float(nmse(x, y)) for y in noisy] == sorted(float(nmse(x, y)) for y in noisy)
    assert [float(si_snr(x, y)) for y in noisy] == sorted((float(si_snr(x, y)) for y in noisy), reverse=True)
    assert ratios == sorted(ratios, reverse=True)


@given(decibels=st.floats(-20, 60))
def test_snr_is_what_was_added(decibels):
    x = speechlike()
    noise = NOISE * (x.norm() / NOISE.norm()) * 10 ** (-decibels / 20)
    assert snr(x, x + noise).item() == pytest.approx(decibels, abs=0.05)


def test_snr_of_silence_as_estimate_is_zero_and_ignores_common_gain():
    x = speechlike()
    assert snr(x, torch.zeros_like(x)).item() == pytest.approx(0, abs=1e-6)
    assert snr(x / 1000, (x + 0.01 * NOISE) / 1000).item() == pytest.approx(snr(x, x + 0.01 * NOISE).item(), abs=1e-3)


def test_snr_and_mse_hear_gain_and_polarity():
    x = speechlike()
    assert snr(x, 0.5 * x).item() == pytest.approx(6.02, abs=0.01)
    assert snr(x, -x).item() == pytest.approx(-6.02, abs=0.01)
    assert mse(x, -x).item() == pytest.approx(4 * x.square().mean().item(), rel=1e-5)


def test_silence_as_reference():
    assert snr(torch.zeros(8192), NOISE) == -torch.inf


def test_batches_equal_loops():
    x = torch.stack([speechlike(seed=s) for s in range(3)])
    y = x + 0.01 * NOISE
    for metric in (mse, snr, nmse, si_snr):
        torch.testing.assert_close(metric(x, y), torch.stack([metric(a, b) for a, b in zip(x, y, strict=True)]))


@settings(max_examples=20)
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


@settings(max_examples=20)
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
