"""MSE, SNR, NMSE and SI-SNR: identity is best, silence is survived, the definitions hold."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.metrics import mse, nmse, si_snr, snr

from .signals import NOISE, speechlike

X, SILENCE = speechlike(), torch.zeros(8192)


@pytest.mark.parametrize(
    ("metric", "reference", "estimate", "value"),
    [
        (mse, X, X, 0),
        (snr, X, X, torch.inf),
        (nmse, X, X, 0),
        (si_snr, X, X, torch.inf),
        (snr, X, SILENCE, pytest.approx(0, abs=1e-6)),
        (snr, SILENCE, NOISE, -torch.inf),
        (nmse, X, SILENCE, pytest.approx(1, abs=1e-6)),
        (nmse, SILENCE, X, torch.inf),
        (si_snr, X, SILENCE, -torch.inf),
        (si_snr, SILENCE, X, -torch.inf),
        (si_snr, SILENCE, SILENCE, -torch.inf),
        (snr, X, 0.5 * X, pytest.approx(6.02, abs=0.01)),
        (snr, X, -X, pytest.approx(-6.02, abs=0.01)),
        (mse, X, -X, pytest.approx(4 * X.square().mean().item(), rel=1e-5)),
        (snr, X / 1000, (X + 0.01 * NOISE) / 1000, pytest.approx(snr(X, X + 0.01 * NOISE).item(), abs=1e-3)),
    ],
)
def test_identity_silence_gain_and_polarity_have_known_values(metric, reference, estimate, value):
    assert metric(reference, estimate).item() == value


@given(decibels=st.floats(-20, 60))
def test_snr_is_what_was_added(decibels):
    x = speechlike()
    noise = NOISE * (x.norm() / NOISE.norm()) * 10 ** (-decibels / 20)
    assert snr(x, x + noise).item() == pytest.approx(decibels, abs=0.05)


@settings(max_examples=20)
@given(level=st.floats(1e-4, 10), gain=st.floats(1e-3, 1e3))
def test_nmse_is_the_error_s_share_of_the_energy_at_any_gain(level, gain):
    x = speechlike()
    y = x + level * NOISE
    expected = ((y.double() - x.double()).square().sum() / x.double().square().sum()).item()
    assert nmse(gain * x, gain * y).item() == pytest.approx(expected, rel=1e-3)


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


def test_si_snr_responds_to_a_shift():
    assert si_snr(NOISE[:-3], NOISE[3:]) < -20
