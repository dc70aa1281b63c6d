"""Every INR: own and generated weights give the same sound, alone and in batches."""

import pytest
import torch
from torch.func import functional_call

from hypersound_lib import ConfigError, time_coords
from hypersound_lib.inr import (
    BASE,
    LARGE,
    SIREN,
    SMALL,
    FourierMLP,
    FourierMLPConfig,
    ModulatedSIREN,
    ModulatedSIRENConfig,
    SIRENConfig,
)

BATCH, NUM_SAMPLES = 3, 50


def make(kind):
    torch.manual_seed(0)
    if kind == "fourier":
        return FourierMLP(FourierMLPConfig(hidden_layers=2, width=8, num_octaves=5))
    if kind == "spectral":
        config = FourierMLPConfig(hidden_layers=1, width=8, num_octaves=0, num_frequencies=6)
        return FourierMLP.for_sound(torch.randn(NUM_SAMPLES), config)
    if kind == "time only":
        return FourierMLP(FourierMLPConfig(hidden_layers=2, width=8, num_octaves=0))
    if kind == "siren":
        return SIREN(SIRENConfig(hidden_layers=3, width=8, omega_0=40.0))
    return ModulatedSIREN(ModulatedSIRENConfig(hidden_layers=3, width=8, latent_size=4, omega_0=40.0))


KINDS = ["fourier", "spectral", "time only", "siren", "modulated"]


def random_params(inr, batch=BATCH):
    generator = torch.Generator().manual_seed(1)
    return {
        name: p.detach() + 0.1 * torch.randn(batch, *p.shape, generator=generator, dtype=p.dtype)
        for name, p in inr.named_parameters()
    }


@pytest.mark.parametrize(("config", "count"), [(SMALL, 14_657), (BASE, 206_081), (LARGE, 752_257)])
def test_paper_target_networks_have_the_paper_sizes(config, count):
    assert FourierMLP(config).num_params == count


@pytest.mark.parametrize("kind", KINDS)
def test_batched_weights_equal_a_loop_of_functional_calls(kind):
    inr = make(kind).double()
    coords = time_coords(NUM_SAMPLES, dtype=torch.float64)
    params = {k: v.requires_grad_() for k, v in random_params(inr).items()}
    batched = inr(coords, params)
    looped = torch.stack([functional_call(inr, {k: v[b] for k, v in params.items()}, (coords,)) for b in range(BATCH)])
    assert batched.shape == (BATCH, NUM_SAMPLES)
    torch.testing.assert_close(batched, looped, rtol=0, atol=1e-9)
    target = torch.linspace(-1, 1, NUM_SAMPLES, dtype=torch.float64)
    gradients = [torch.autograd.grad(((out - target) ** 2).sum(), list(params.values())) for out in (batched, looped)]
    for g_batched, g_looped in zip(*gradients, strict=True):
        torch.testing.assert_close(g_batched, g_looped, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_own_weights_given_as_params_change_nothing(kind):
    inr = make(kind)
    coords = time_coords(NUM_SAMPLES)
    assert torch.equal(inr(coords), inr(coords, dict(inr.named_parameters())))


@pytest.mark.parametrize("kind", KINDS)
def test_part_of_the_weights_may_be_generated(kind):
    inr = make(kind).double()
    coords = time_coords(NUM_SAMPLES, dtype=torch.float64)
    name = "layers.1.bias"
    generated = {name: random_params(inr)[name]}
    out = inr(coords, generated)
    for b in range(BATCH):
        alone = functional_call(inr, {name: generated[name][b]}, (coords,))
        torch.testing.assert_close(out[b], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_items_may_have_their_own_instants(kind):
    inr = make(kind).double()
    coords = torch.rand(BATCH, NUM_SAMPLES, 1, dtype=torch.float64)
    params = random_params(inr)
    out = inr(coords, params)
    for b in range(BATCH):
        alone = inr(coords[b], {k: v[b] for k, v in params.items()})
        torch.testing.assert_close(out[b], alone, rtol=0, atol=1e-9)
    torch.testing.assert_close(inr(coords)[1], inr(coords[1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_weight(kind):
    inr = make(kind)
    inr(time_coords(NUM_SAMPLES)).square().sum().backward()
    for name, p in inr.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_each_instant_is_evaluated_by_itself(kind):
    inr = make(kind).double()
    coords = time_coords(NUM_SAMPLES, dtype=torch.float64)
    order = torch.randperm(NUM_SAMPLES, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(inr(coords[order]), inr(coords)[order], rtol=0, atol=1e-12)


def test_wrong_shapes_and_names_are_refused():
    inr = make("fourier")
    coords = time_coords(NUM_SAMPLES)
    params = random_params(inr)
    with pytest.raises(ConfigError, match="coords must be"):
        inr(coords.squeeze(-1))
    with pytest.raises(ConfigError, match="no weight is called 'layer'"):
        inr(coords, {"layer": params["layers.0.bias"]})
    with pytest.raises(ConfigError, match=r"layers\.0\.weight must be"):
        inr(coords, {"layers.0.weight": params["layers.0.weight"].mT})  # the classic: a transposed matrix
    with pytest.raises(ConfigError, match="batches of different sizes"):
        inr(coords.expand(BATCH + 1, -1, -1), params)


@pytest.mark.parametrize(
    "build",
    [
        lambda: FourierMLP(FourierMLPConfig(width=0)),
        lambda: FourierMLP(FourierMLPConfig(num_octaves=4, num_frequencies=4)),
        lambda: FourierMLP(FourierMLPConfig(num_octaves=0, num_frequencies=4), torch.ones(3)),
        lambda: SIREN(SIRENConfig(omega_0=0)),
        lambda: ModulatedSIREN(ModulatedSIRENConfig(latent_size=0)),
    ],
)
def test_impossible_configs_are_refused(build):
    with pytest.raises(ConfigError):
        build()
