"""Local targets: windows sum to one, every grid plays the same function, and no rate folds or mirrors a tone."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr import LocalConfig, LocalINR, build_local_target
from hypersound_lib.inr.local import GUARD
from hypersound_lib.inr.overlap import FrameGrid, window
from tests.inr.local_networks import NETWORKS

WAVES = {
    "lapped": LocalConfig(hop=16),
    "paired": LocalConfig(hop=16, waves="paired"),
    "basis": LocalConfig(hop=16, basis=5),
    "textures": LocalConfig(hop=16, bands=4),
    "basis and textures": LocalConfig(hop=16, basis=5, bands=4),
    "pulses": LocalConfig(hop=16, basis=5, bands=4, pulses=(1.0, 4.0)),
}
CONFIGS = WAVES | NETWORKS
FRAMES = 7


def make(name, batch=2):
    torch.manual_seed(0)
    target = build_local_target(CONFIGS[name]).double()
    start = target.start()
    params = {key: start[key] + torch.randn(batch, FRAMES, *shape).double() for key, shape in target.shapes.items()}
    return target, params


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_windows_sum_to_one_at_any_real_time(t):
    first = math.floor(t)
    total = sum(window(torch.tensor(t - k, dtype=torch.float64)) for k in range(first - 2, first + 4))
    assert abs(total.item() - 1) <= 1e-6


@settings(max_examples=40, deadline=None)
@given(
    hop=st.fractions(1, 40, max_denominator=441),
    start=st.integers(0, 10**6),
    count=st.integers(1, 300),
)
def test_windows_sum_to_one_on_any_grid(hop, start, count):
    grid = FrameGrid(hop, start, count)
    ones = torch.ones(1, len(grid.frames), grid.length, dtype=torch.float64)
    torch.testing.assert_close(grid.add(ones), torch.ones(1, count, dtype=torch.float64), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=15, deadline=None)
@given(hop=st.fractions(16, 40, max_denominator=441), data=st.data())
def test_every_grid_plays_the_function_that_any_instant_asks(name, hop, data):
    target, params = make(name)
    total = math.ceil(hop * (FRAMES - 1)) - 1
    start = data.draw(st.integers(0, total - 1))
    count = data.draw(st.integers(1, total - start))
    times = torch.arange(start, start + count, dtype=torch.float64) / float(hop)
    played = target(params, count, hop, start)
    torch.testing.assert_close(played, target.at(times, params, samples_per_hop=hop), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", WAVES)
def test_the_function_is_the_sum_of_its_windows(name):
    """The module's formula, written down wave by wave for one instant."""
    target, params = make(name)
    amplitudes = target._amplitudes(params, range(FRAMES))
    frequencies, phases = target._waves()
    t = 2.3
    expected = torch.zeros(2, dtype=torch.float64)
    for k in range(FRAMES):
        weight = math.cos(math.pi / 2 * (t - k)) ** 2 if abs(t - k) < 1 else 0.0
        expected += weight * (amplitudes[:, k] * torch.cos(2 * math.pi * frequencies * (t - k) + phases)).sum(dim=-1)
    torch.testing.assert_close(
        target.at(torch.tensor([t], dtype=torch.float64), params)[:, 0], expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_frames_may_come_in_part_with_their_number(name):
    target, params = make(name)
    whole = target(params)
    part = target({key: value[:, 2:5] for key, value in params.items()}, 20, start=35, first_frame=2)
    torch.testing.assert_close(part, whole[:, 35:55], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_reach_every_number(name):
    target, params = make(name)
    leaves = [value.requires_grad_() for value in params.values()]
    grads = torch.autograd.grad(target(params).square().sum(), [*leaves, *target.parameters()])
    assert all(g.abs().sum() > 0 for g in grads)


@pytest.mark.parametrize("waves", ["lapped", "paired"])
def test_features_end_at_the_trained_nyquist_frequency(waves):
    frequencies, _ = LocalINR(LocalConfig(hop=160, waves=waves))._waves()
    assert 79 < frequencies.max() < 80
    assert len(frequencies) == 160


def test_lapped_waves_are_a_basis_without_weak_directions_and_paired_ones_are_not():
    """The ratio of the largest to the smallest amplification; the sound's ends, heard by one window, are left out."""
    ratios = {}
    for waves in ("lapped", "paired"):
        matrix = _synthesis(LocalINR(LocalConfig(hop=16, waves=waves)).double(), 12)
        values = torch.linalg.svdvals(matrix)
        ratios[waves] = (values[0] / values[len(matrix) - 1]).item()
    assert ratios["lapped"] <= math.sqrt(2) + 1e-6
    assert ratios["paired"] > 5


def _synthesis(target, frames):
    """Return the matrix from all amplitudes to the sound."""
    size = frames * target.config.hop
    unit = torch.eye(size, dtype=torch.float64).reshape(size, frames, target.config.hop)
    return target({"readout": unit}).T


HOP, TONE_FRAMES = 64, 16


@pytest.fixture(scope="module")
def toned():
    """A target, tones with smooth ends by their cycles per hop, and the amplitudes that hold them exactly."""
    target = LocalINR(LocalConfig(hop=HOP)).double()
    tones = torch.tensor([3.0, 7.3, 15.2, 20.9, 24.1, 26.4, 27.9, 28.0, 30.1, 31.7])
    n = torch.arange((TONE_FRAMES - 1) * HOP, dtype=torch.float64)
    fade = torch.hann_window(len(n), dtype=torch.float64)
    sounds = fade * torch.sin(2 * math.pi * tones[:, None].double() * n / HOP)
    matrix = _synthesis(target, TONE_FRAMES)
    amplitudes = torch.linalg.lstsq(matrix, sounds.T, driver="gelsd").solution.T.reshape(-1, TONE_FRAMES, HOP)
    torch.testing.assert_close(target({"readout": amplitudes}), sounds, rtol=0, atol=1e-9)
    return target, tones, amplitudes


def _spectrum(sound, hop):
    """Return magnitudes in which a tone of the fixture has about 1, and their cycles per hop."""
    fade = torch.hann_window(sound.shape[-1], dtype=torch.float64)
    magnitudes = torch.fft.rfft(sound * fade).abs() / (fade.square().sum() / 2)
    return magnitudes, torch.arange(magnitudes.shape[-1]) / sound.shape[-1] * float(hop)


@pytest.mark.parametrize("hop", [Fraction(HOP, 2), Fraction(HOP * 320, 441), Fraction(HOP * 160, 441)], ids=str)
def test_below_the_trained_rate_no_tone_is_folded_back(toned, hop):
    target, tones, amplitudes = toned
    above = tones > float(hop) / 2
    magnitudes, _ = _spectrum(target({"readout": amplitudes}, samples_per_hop=hop), hop)
    assert above.any()
    assert 20 * math.log10(magnitudes[above].max()) < -60
    well_below = tones < float(hop) / 2 - 2 * GUARD
    if well_below.any():
        peaks = magnitudes[well_below].max(dim=-1).values
        assert (peaks > 0.9).all(), "what the rate can hold stays"


@pytest.mark.parametrize("hop", [Fraction(2 * HOP), Fraction(HOP * 640, 441)], ids=str)
def test_above_the_trained_rate_no_tone_has_an_image(toned, hop):
    target, tones, amplitudes = toned
    magnitudes, cycles = _spectrum(target({"readout": amplitudes}, samples_per_hop=hop), hop)
    images = magnitudes[:, cycles > HOP / 2]
    assert images.shape[-1] > 10
    assert 20 * math.log10(images.max()) < -60
    peaks = magnitudes[tones < HOP / 2 - 2 * GUARD].max(dim=-1).values
    assert (peaks > 0.9).all(), "what lies well below stays"


def test_what_cannot_be_played_is_refused():
    target, params = make("basis and textures")
    with pytest.raises(ConfigError, match="sound in frames 5 to 7, and there are 0 to 6"):
        target(params, 20, start=90)
    with pytest.raises(ConfigError, match="wants readout"):
        target({"readout": params["readout"]})
    with pytest.raises(ConfigError, match="leaves no wave"):
        target(params, samples_per_hop=Fraction(2))
    with pytest.raises(ConfigError, match="instants must lie"):
        target.at(torch.tensor([6.5]), params)
    with pytest.raises(ConfigError, match="waves one of lapped, paired"):
        LocalConfig(waves="square")
