"""Local targets that are networks: each frame asks its own, they hold no weights, and features end at Nyquist."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr import (
    FourierMLPConfig,
    LocalConfig,
    LocalNetworkConfig,
    SIRENConfig,
    build_inr,
    build_local_target,
    local_network,
)
from hypersound_lib.inr.fourier_mlp import FourierMLP
from tests.inr.local_networks import NETWORKS

FRAMES = 5


def make(name, batch=2):
    torch.manual_seed(0)
    target = build_local_target(NETWORKS[name]).double()
    start = target.start()
    params = {key: start[key] + torch.randn(batch, FRAMES, *shape).double() for key, shape in target.shapes.items()}
    return target, params


@pytest.mark.parametrize("name", NETWORKS)
def test_the_function_is_the_sum_of_its_windows(name):
    """The module's formula, written down network by network for one instant."""
    target, params = make(name)
    network = build_inr(NETWORKS[name].network).double()
    t = 2.3
    expected = torch.zeros(2, dtype=torch.float64)
    for item in range(2):
        for k in (2, 3):
            theta = {key: value[item, k] for key, value in params.items()}
            coords = torch.tensor([[0.5 + (t - k) / 2]], dtype=torch.float64)
            own = torch.func.functional_call(network, theta, (coords,))
            expected[item] += math.cos(math.pi / 2 * (t - k)) ** 2 * own.item()
    played = target.at(torch.tensor([t], dtype=torch.float64), params)[:, 0]
    torch.testing.assert_close(played, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("hop", [Fraction(16), Fraction(40), Fraction(16 * 640, 441)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_all_say_one_play_one(name, hop):
    target, params = make(name)
    last = [key for key in params if key.startswith("layers.") and key.endswith("bias")][-1]
    silent = {key: torch.zeros_like(value) for key, value in params.items()}
    sound = target(silent | {last: torch.ones_like(params[last])}, samples_per_hop=hop)
    torch.testing.assert_close(sound, torch.ones_like(sound), rtol=0, atol=1e-12)


@pytest.mark.parametrize("hop", [None, Fraction(16 * 640, 441)], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_chunks_do_not_change_the_sound(name, hop, monkeypatch):
    target, params = make(name)
    times = torch.linspace(0.1, FRAMES - 1.1, 70, dtype=torch.float64)
    whole, anywhere = target(params, samples_per_hop=hop), target.at(times, params)
    monkeypatch.setattr(local_network, "_CHUNK", 33)
    torch.testing.assert_close(target(params, samples_per_hop=hop), whole, rtol=0, atol=1e-9)
    torch.testing.assert_close(target.at(times, params), anywhere, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_all_weights_are_generated_and_start_as_the_network_initialises_itself(name):
    target, _ = make(name)
    network = build_inr(NETWORKS[name].network)
    assert not list(target.parameters())
    assert target.num_params == network.num_params
    start, scales = target.start(), target.scales()
    assert {key: value.shape for key, value in start.items()} == target.shapes
    assert scales.keys() == start.keys()
    assert all(scale > 0 for scale in scales.values())
    for key, own in network.named_parameters():
        if own.numel() >= 16:  # two draws of one distribution
            assert 0.5 < start[key].square().mean() / own.square().mean() < 2, key
    assert target.copy(None) is None


@given(hop=st.integers(2, 700), frequencies=st.integers(1, 1500))
def test_features_end_at_the_trained_nyquist_frequency(hop, frequencies):
    check(hop, FourierMLPConfig(1, 2, num_octaves=0, num_frequencies=frequencies))


@given(hop=st.integers(2, 700), octaves=st.integers(1, 14))
def test_octaves_end_at_the_trained_nyquist_frequency(hop, octaves):
    check(hop, FourierMLPConfig(1, 2, num_octaves=octaves))


def check(hop, network):
    """A frame is 2 hop samples long: it holds `hop` cycles."""
    built = build_inr(network)
    assert isinstance(built, FourierMLP)
    if built.embedding.frequencies.max() <= hop:
        LocalNetworkConfig(hop, network)
    else:
        with pytest.raises(ConfigError, match="above the Nyquist frequency"):
            LocalNetworkConfig(hop, network)


def test_only_sums_of_waves_can_leave_out_what_a_lower_rate_cannot_hold():
    assert build_local_target(LocalConfig(hop=16)).plays_lower_rates
    target, params = make("fourier")
    assert not target.plays_lower_rates
    with pytest.raises(ConfigError, match="play at the trained 16 or above, and resample"):
        target(params, samples_per_hop=Fraction(8))


def test_what_cannot_be_built_or_played_is_refused():
    target, params = make("siren")
    with pytest.raises(ConfigError, match="sound in frames 3 to 5, and there are 0 to 4"):
        target(params, 20, start=50)
    with pytest.raises(ConfigError, match=r"wants layers.0.weight \(B, K, 6, 1\)"):
        target({key: value for key, value in params.items() if key != "layers.1.bias"})
    with pytest.raises(ConfigError, match="instants must lie"):
        target.at(torch.tensor([4.5]), params)
    for hop, bands in ((1, 16), (16, 1), (16, -1)):
        with pytest.raises(ConfigError, match="hop is at least 2"):
            LocalNetworkConfig(hop, SIRENConfig(1, 4), bands)
    with pytest.raises(ConfigError, match="is no config of a local target"):
        build_local_target(SIRENConfig())
