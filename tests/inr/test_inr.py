"""Every INR: own and generated weights give the same sound, alone and in batches."""

import pytest
import torch
from torch.func import functional_call

from hypersound_lib import ConfigError, time_coords
from hypersound_lib.inr import BASE, LARGE, SMALL, FourierMLPConfig, ModulatedSIRENConfig, SIRENConfig, build_inr
from tests.inr.small import CONFIGS, generated, make

BATCH, NUM_SAMPLES = 3, 50
COORDS = time_coords(NUM_SAMPLES, dtype=torch.float64)
every_kind = pytest.mark.parametrize("kind", CONFIGS)


@pytest.mark.parametrize(("config", "count"), [(SMALL, 14_657), (BASE, 206_081), (LARGE, 752_257)])
def test_paper_target_networks_have_the_paper_sizes(config, count):
    assert build_inr(config).num_params == count


@every_kind
def test_batched_weights_equal_a_loop_of_functional_calls(kind):
    inr = make(kind)
    params = generated(inr)
    batched = inr(COORDS, params)
    looped = torch.stack([functional_call(inr, {k: v[b] for k, v in params.items()}, (COORDS,)) for b in range(BATCH)])
    assert batched.shape == (BATCH, NUM_SAMPLES)
    torch.testing.assert_close(batched, looped, rtol=0, atol=1e-9)
    target = torch.linspace(-1, 1, NUM_SAMPLES, dtype=torch.float64)
    gradients = [torch.autograd.grad(((out - target) ** 2).sum(), list(params.values())) for out in (batched, looped)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@every_kind
def test_own_weights_may_be_given_as_params_and_part_of_them_generated(kind):
    inr = make(kind)
    assert torch.equal(inr(COORDS), inr(COORDS, dict(inr.named_parameters())))
    ((name, biases),) = generated(inr, ["layers.1.bias"]).items()
    alone = torch.stack([functional_call(inr, {name: bias}, (COORDS,)) for bias in biases])
    torch.testing.assert_close(inr(COORDS, {name: biases}), alone, rtol=0, atol=1e-12)


@every_kind
def test_each_instant_is_evaluated_by_itself_and_items_may_have_their_own(kind):
    inr = make(kind)
    order = torch.randperm(NUM_SAMPLES, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(inr(COORDS[order]), inr(COORDS)[order], rtol=0, atol=1e-12)
    coords, params = torch.rand(BATCH, NUM_SAMPLES, 1, dtype=torch.float64), generated(inr)
    alone = torch.stack([inr(coords[b], {k: v[b] for k, v in params.items()}) for b in range(BATCH)])
    torch.testing.assert_close(inr(coords, params), alone, rtol=0, atol=1e-9)
    torch.testing.assert_close(inr(coords)[1], inr(coords[1]), rtol=0, atol=1e-12)


@every_kind
def test_gradients_reach_every_weight(kind):
    inr = make(kind)
    inr(COORDS).square().sum().backward()
    for name, p in inr.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("coords", "change", "message"),
    [
        (COORDS.squeeze(-1), lambda params: {}, "coords must be"),
        (COORDS, lambda params: {"layer": params["layers.0.bias"]}, "no weight is called 'layer'"),
        (COORDS, lambda params: {"layers.0.weight": params["layers.0.weight"].mT}, r"layers\.0\.weight must be"),
        (COORDS.expand(BATCH + 1, -1, -1), lambda params: params, "batches of different sizes"),
    ],
    ids=["no last axis", "unknown name", "transposed, the classic", "other instants"],
)
def test_wrong_shapes_and_names_are_refused(coords, change, message):
    inr = make("fourier")
    with pytest.raises(ConfigError, match=message):
        inr(coords, change(generated(inr)))


@pytest.mark.parametrize(
    ("config", "frequencies", "words"),
    [
        (FourierMLPConfig(width=0), None, "width must be positive.*width=0"),
        (FourierMLPConfig(num_octaves=4, num_frequencies=4), None, "not both"),
        (FourierMLPConfig(num_octaves=0, num_frequencies=4), torch.ones(3), "wants 4 frequencies, 3"),
        (SIRENConfig(omega_0=0), None, "omega_0.*must be positive"),
        (ModulatedSIRENConfig(latent_size=0), None, "latent_size must be positive"),
    ],
    ids=str,
)
def test_impossible_configs_are_refused(config, frequencies, words):
    with pytest.raises(ConfigError, match=words):
        build_inr(config, frequencies)
