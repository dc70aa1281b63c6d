"""HyperSound: batches equal loops, any window at any rate is the same sound, and every weight learns."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from hypersound_lib.coords import clip_duration, time_coords
from hypersound_lib.errors import ConfigError
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import FourierMLPConfig, SIRENConfig, build_inr
from hypersound_lib.presets import PRESETS
from tests.training.tiny import MODEL, RATE, shortened

FIRST = ("layers.0.weight", "layers.0.bias")
NUM_SAMPLES = 96


def make_config(target=MODEL.target, shared=()):
    hypernetwork = HyperNetworkConfig((8, 8), residual_scale=0.3)
    return dataclasses.replace(MODEL, num_samples=NUM_SAMPLES, hypernetwork=hypernetwork, target=target, shared=shared)


CONFIGS = {
    "fourier": make_config(),
    "fourier, first layer shared": make_config(shared=FIRST),
    "free frequencies, biases shared": make_config(
        FourierMLPConfig(hidden_layers=1, width=6, num_octaves=0, num_frequencies=9), ("layers.0.bias",)
    ),
    "siren": make_config(SIRENConfig(hidden_layers=3, width=6, omega_0=40.0)),
    "siren, first layer shared": make_config(SIRENConfig(hidden_layers=3, width=6, omega_0=40.0), FIRST),
}


def make(name="fourier"):
    torch.manual_seed(0)
    return HyperSound(CONFIGS[name]).double()


def clips(batch=3, num_samples=NUM_SAMPLES, dtype=torch.float64, seed=0):
    return torch.randn(batch, num_samples, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_batch_equals_a_loop_of_fresh_targets_in_values_and_gradients(name):
    model = make(name)
    config = model.config
    fresh = build_inr(config.target).double()
    x = clips()
    params, shared = model.encode(x), dict(model.target.named_parameters())
    duration = clip_duration(NUM_SAMPLES, RATE)
    coords = time_coords(NUM_SAMPLES, sample_rate=RATE, duration=duration, dtype=torch.float64)
    batched = model.decode(params)
    assert set(params) | set(shared) == {key for key, _ in fresh.named_parameters()}
    assert set(shared) == set(config.shared)
    looped = torch.stack(
        [functional_call(fresh, shared | {key: p[b] for key, p in params.items()}, (coords,)) for b in range(3)]
    )
    assert batched.shape == x.shape
    torch.testing.assert_close(batched, looped, rtol=0, atol=1e-9)
    weights = list(model.parameters())
    gradients = [
        torch.autograd.grad((out - x).square().mean(), weights, retain_graph=True) for out in (batched, looped)
    ]
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "local"])
def test_gradients_reach_every_weight_of_every_presets_structure(name):
    model, _, x = shortened(name)
    (model(x) - x).square().mean().backward()
    for key, p in model.named_parameters():
        assert p.grad is not None, key
        assert p.grad.any(), key


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_counted_where_they_sit(name):
    model = make(name)
    counts = model.num_parameters()
    assert sum(counts.values()) == sum(p.numel() for p in model.parameters())
    assert counts["head"] == 9 * model.hypernetwork.num_generated
    own = dict(build_inr(model.config.target).named_parameters())
    assert counts["shared"] == sum(own[key].numel() for key in model.config.shared)


@pytest.mark.parametrize("name", ["fourier", "siren"])
def test_different_clips_sound_different_and_items_do_not_mix(name):
    model = make(name)
    x = clips()
    together = model(x)
    assert not torch.allclose(together[0], together[1], atol=1e-3)
    torch.testing.assert_close(together[1:2], model(x[1:2]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("factor", [2, 3])
def test_a_higher_rate_plays_the_same_sound_between_the_samples_too(name, factor):
    model = make(name).float()
    with torch.no_grad():
        params = model.encode(clips(dtype=torch.float32))
        fine = model.decode(params, sample_rate=factor * RATE)
        assert fine.shape == (3, factor * NUM_SAMPLES)
        torch.testing.assert_close(fine[:, ::factor], model.decode(params), rtol=0, atol=1e-5)


@settings(max_examples=20)
@given(data=st.data(), rate=st.sampled_from([4000, 8000, 11025, 22050]), name=st.sampled_from(sorted(CONFIGS)))
@torch.no_grad()
def test_a_window_is_that_part_of_the_whole(data, rate, name):
    model = make(name)
    x = clips()
    params = model.encode(x)
    whole = model.decode(params, sample_rate=rate)
    total = -(-NUM_SAMPLES * rate // RATE)
    assert whole.shape == (3, total)
    start = data.draw(st.integers(0, total - 1))
    count = data.draw(st.none() | st.integers(1, total - start))
    window = model.decode(params, count, rate, start)
    end = total if count is None else start + count
    torch.testing.assert_close(window, whole[:, start:end], rtol=0, atol=1e-9)
    if rate == RATE:
        torch.testing.assert_close(model(x, start, count), window, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "where",
    [
        {"start": -1},
        {"start": NUM_SAMPLES},
        {"num_samples": 0},
        {"num_samples": NUM_SAMPLES + 1},
        {"num_samples": 2, "start": NUM_SAMPLES - 1},
        {"num_samples": 2 * NUM_SAMPLES + 1, "sample_rate": 2 * RATE},
        {"sample_rate": 0},
    ],
)
def test_instants_outside_the_clip_and_no_rates_are_refused(where):
    model = make()
    message = r"do not lie in the clip, which has (96 at 8000|192 at 16000) Hz|positive number of Hz"
    with pytest.raises(ConfigError, match=message):
        model.decode(model.encode(clips()), **where)


@pytest.mark.parametrize("shape", [(2, NUM_SAMPLES - 1), (2, NUM_SAMPLES + 1), (NUM_SAMPLES,), (1, 1, NUM_SAMPLES)])
def test_clips_of_another_length_are_refused_with_a_remedy(shape):
    with pytest.raises(ConfigError, match=r"takes clips \(B, 96\) at 8000 Hz.*HyperSound\.reconstruct"):
        make().encode(torch.zeros(shape, dtype=torch.float64))
