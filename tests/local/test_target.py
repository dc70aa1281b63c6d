"""The local target: every grid plays the same function of time, and no rate folds or mirrors a tone."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.local.target import GUARD, FrameGrid, LocalINR
from hypersound_lib.local.waves import LappedTransform, lapped_waves

HOP, FRAMES = 16, 7


def make(batch=2):
    torch.manual_seed(0)
    return LocalINR(HOP), torch.randn(batch, FRAMES, HOP, dtype=torch.float64)


def formula(t, theta, count=HOP):
    """The module's, frame by frame, with the lowest `count` waves: instants `(T,)` in hops, `(B, K, M) -> (B, T)`."""
    frequencies, phases = lapped_waves(HOP)
    sound = torch.zeros(len(theta), len(t), dtype=torch.float64)
    for k in range(theta.shape[1]):
        weight = torch.where((t - k).abs() < 1, torch.cos(math.pi / 2 * (t - k)).square(), 0)
        angles = 2 * math.pi * frequencies[:, None] * (t - k) + phases[:, None]  # (M, T)
        sound += weight * (theta[:, k, :count] @ angles.cos()[:count])
    return sound


@settings(max_examples=25)
@given(hop=st.fractions(10, 40, max_denominator=441) | st.just(HOP), data=st.data())
def test_every_grid_plays_the_formula_and_so_does_any_instant(hop, data):
    target, theta = make()
    total = math.ceil(hop * (FRAMES - 1)) - 1
    start = data.draw(st.integers(0, total - 1))
    count = data.draw(st.integers(1, total - start))
    times = torch.arange(start, start + count, dtype=torch.float64) / float(hop)
    played = target(theta, count, hop, start)
    torch.testing.assert_close(played, formula(times, theta, target._playable(hop)), rtol=0, atol=1e-9)
    torch.testing.assert_close(played, target.at(times, theta, samples_per_hop=hop), rtol=0, atol=1e-9)


@settings(max_examples=40)
@given(
    hop=st.fractions(1, 40, max_denominator=441),
    start=st.integers(0, 10**6),
    count=st.integers(1, 300),
)
def test_windows_sum_to_one_on_any_grid(hop, start, count):
    grid = FrameGrid(hop, start, count)
    ones = torch.ones(1, len(grid.frames), grid.length, dtype=torch.float64)
    torch.testing.assert_close(grid.add(ones), torch.ones(1, count, dtype=torch.float64), rtol=0, atol=1e-6)


def test_frames_may_come_in_part_with_their_number():
    target, theta = make()
    part = target(theta[:, 2:5], 20, start=35, first_frame=2)
    torch.testing.assert_close(part, target(theta)[:, 35:55], rtol=0, atol=1e-12)
    times = torch.linspace(2, 3.9, 9)
    torch.testing.assert_close(target.at(times, theta[:, 2:5], 2), target.at(times, theta), rtol=0, atol=1e-12)


@pytest.mark.parametrize("hop", [None, Fraction(HOP * 640, 441)], ids=str)
def test_gradients_reach_every_number(hop):
    target, theta = make()
    theta = theta[..., :8].requires_grad_()  # below any rate's limit
    padded = torch.nn.functional.pad(theta, (0, HOP - 8))
    (grads,) = torch.autograd.grad(target(padded, samples_per_hop=hop).square().sum(), theta)
    assert bool((grads.abs().sum(dim=0) > 0).all())


TONE_HOP, TONE_FRAMES = 64, 16


@pytest.fixture(scope="module")
def toned():
    """A target, tones with smooth ends by their cycles per hop, and the amplitudes that hold them."""
    target = LocalINR(TONE_HOP)
    tones = torch.tensor([3.0, 7.3, 15.2, 20.9, 24.1, 26.4, 27.9, 28.0, 30.1, 31.7])
    n = torch.arange((TONE_FRAMES - 1) * TONE_HOP, dtype=torch.float64)
    fade = torch.hann_window(len(n), dtype=torch.float64)
    sounds = fade * torch.sin(2 * math.pi * tones[:, None].double() * n / TONE_HOP)
    amplitudes = LappedTransform(TONE_HOP)(sounds)
    torch.testing.assert_close(target(amplitudes, len(n)), sounds, rtol=0, atol=1e-5)
    return target, tones, amplitudes


def spectrum(sound, hop):
    """Return magnitudes in which a tone of the fixture has about 1, and their cycles per hop."""
    fade = torch.hann_window(sound.shape[-1], dtype=torch.float64)
    magnitudes = torch.fft.rfft(sound * fade).abs() / (fade.square().sum() / 2)
    return magnitudes, torch.arange(magnitudes.shape[-1]) / sound.shape[-1] * float(hop)


@pytest.mark.parametrize("hop", [Fraction(32), Fraction(TONE_HOP * 320, 441), Fraction(TONE_HOP * 160, 441)], ids=str)
def test_below_the_trained_rate_no_tone_is_folded_back(toned, hop):
    target, tones, amplitudes = toned
    above = tones > float(hop) / 2
    magnitudes, _ = spectrum(target(amplitudes, samples_per_hop=hop), hop)
    assert above.any()
    assert 20 * math.log10(magnitudes[above].max()) < -60
    well_below = tones < float(hop) / 2 - 2 * GUARD
    if well_below.any():
        peaks = magnitudes[well_below].max(dim=-1).values
        assert (peaks > 0.9).all(), "what the rate can hold stays"


@pytest.mark.parametrize("hop", [Fraction(128), Fraction(TONE_HOP * 640, 441)], ids=str)
def test_above_the_trained_rate_no_tone_has_an_image(toned, hop):
    target, tones, amplitudes = toned
    magnitudes, cycles = spectrum(target(amplitudes, samples_per_hop=hop), hop)
    images = magnitudes[:, cycles > TONE_HOP / 2]
    assert images.shape[-1] > 10
    assert 20 * math.log10(images.max()) < -60
    peaks = magnitudes[tones < TONE_HOP / 2 - 2 * GUARD].max(dim=-1).values
    assert (peaks > 0.9).all(), "what lies well below stays"


def test_what_cannot_be_played_is_refused():
    target, theta = make()
    with pytest.raises(ConfigError, match="sound in frames 5 to 7, and there are 0 to 6"):
        target(theta, 20, start=90)
    for wrong in (theta[0], theta[..., :5], theta[:, :0]):
        with pytest.raises(ConfigError, match=r"θ \(B, K, 16\)"):
            target(wrong)
    with pytest.raises(ConfigError, match="leaves no wave"):
        target(theta, samples_per_hop=Fraction(2))
    with pytest.raises(ConfigError, match="instants must lie"):
        target.at(torch.tensor([6.5]), theta)
    for hop, start, count in ((Fraction(4), -1, 5), (Fraction(4), 0, 0), (Fraction(0), 0, 1)):
        with pytest.raises(ConfigError, match="cannot be played"):
            FrameGrid(hop, start, count)
