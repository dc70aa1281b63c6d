"""Pulses: heard where they are, played where they were heard, at about unit power."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_features import lapped_waves
from hypersound_lib.inr.pulses import pulse_waves, track_pitch

HOP, PULSES = 256, (1.4, 9.3)
U = torch.arange(2 * HOP, dtype=torch.float64) / HOP - 1


def harmonic(nu, phi, partials=12):
    """Return harmonics that all peak where ν u + φ is whole: `(2 HOP,)`."""
    partials = torch.arange(1, partials + 1, dtype=torch.float64)[:, None]
    return (torch.cos(2 * math.pi * partials * (nu * U + phi)) / partials).sum(dim=0)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.6, 9.0), st.floats(-0.5, 0.5), st.floats(1e-3, 1.0))
def test_rate_and_phase_of_a_voice_are_heard_at_any_level(nu, phi, level):
    rate, phase, sure = track_pitch(level * harmonic(nu, phi)[None], *PULSES)[0].tolist()
    assert math.exp(rate) == pytest.approx(nu, rel=0.02)
    assert abs((phase - phi + 0.5) % 1 - 0.5) < 0.05
    assert sure > 0.9


def test_noise_is_no_voice_and_silence_is_finite():
    noise = torch.randn(50, 2 * HOP, generator=torch.Generator().manual_seed(0))
    assert track_pitch(noise, *PULSES)[:, 2].mean() < 0.5
    assert track_pitch(torch.zeros(1, 2 * HOP), *PULSES).isfinite().all()


@settings(max_examples=30, deadline=None)
@given(st.floats(1.5, 9.0), st.floats(-0.5, 0.5))
def test_pulses_have_about_unit_power_whatever_their_rate(nu, phi):
    pitch = torch.tensor([[math.log(nu), phi]], dtype=torch.float64)
    power = pulse_waves(pitch, *lapped_waves(HOP), PULSES[1]).square().mean()
    assert 0.5 < power < 2


def test_a_steady_train_is_played_where_it_was_heard():
    """Frames that agree on the pulses play one pulse per period, and next to nothing between."""
    target = LocalINR(LocalConfig(HOP, basis=4, bands=4, pulses=PULSES)).double()
    nu, frames = 2.0, 9
    quiet = {name: torch.full((1, frames, *shape), -18.0).double() for name, shape in target.shapes.items()}
    pitch = torch.tensor([math.log(nu), 0.25], dtype=torch.float64).expand(1, frames, 2)
    sound = target(quiet | {"voices": torch.zeros_like(quiet["voices"]), "pitch": pitch})[0, 2 * HOP : 6 * HOP]
    peaks = [n for n in range(2, len(sound) - 2) if sound[n] > 0.5 * sound.max()]
    # ν u + φ is whole at u = 0.375 and 0.875 hops.
    assert {n % (HOP // 2) for n in peaks} <= {95, 96, 97}
    away = torch.tensor([20 < n % (HOP // 2) < 70 for n in range(len(sound))])
    assert sound[away].abs().max() < 0.05 * sound.max()


def test_pulses_without_bands_or_faster_than_can_be_heard_are_refused():
    for config in (
        {"bands": 0, "pulses": (1.0, 4.0)},
        {"bands": 4, "pulses": (1.0, 5.0)},
        {"bands": 4, "pulses": (2.0,)},
    ):
        with pytest.raises(ConfigError, match="pulses need bands"):
            LocalConfig(hop=16, **config)
