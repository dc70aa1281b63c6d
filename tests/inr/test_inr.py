"""Every INR: own and generated weights give the same sound, alone and in batches."""

import itertools

import pytest
import torch
from torch.func import functional_call

from hypersound_lib import ConfigError, time_coords
from hypersound_lib.inr import FourierMLPConfig, ModulatedSIRENConfig, SIRENConfig, build_inr
from hypersound_lib.inr.fourier_mlp import linear
from tests.inr.small import CONFIGS, generated, make

BATCH, NUM_SAMPLES = 3, 50
COORDS = time_coords(NUM_SAMPLES, dtype=torch.float64)
every_kind = pytest.mark.parametrize("kind", CONFIGS)


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
        (COORDS, lambda params: {"layers.1.weight": params["layers.0.weight"]}, r"layers\.1\.weight must be \(8, 8\)"),
        (COORDS, lambda params: {"layers.0.bias": params["layers.0.bias"][:2]}, "batches of different sizes"),
        (COORDS.expand(BATCH + 1, -1, -1), lambda params: {}, "batches of different sizes"),
    ],
    ids=["no last axis", "unknown name", "transposed, the classic", "another layer's", "other items", "other instants"],
)
@pytest.mark.parametrize("released", [False, True])
def test_wrong_shapes_and_names_are_refused(coords, change, message, released):
    inr = make("fourier")
    params = generated(inr)
    if released:
        inr.release(list(params))
        assert list(inr.parameters()) == []
    with pytest.raises(ConfigError, match=message):
        inr(coords, params | change(params))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (FourierMLPConfig(width=0), "width must be positive, not 4 and 0"),
        (FourierMLPConfig(num_octaves=4, num_frequencies=4), "not both"),
        (SIRENConfig(omega_0=0), "omega_0.*must be positive"),
        (ModulatedSIRENConfig(latent_size=0), "latent_size must be positive"),
        (None, "FourierMLPConfig, SIRENConfig, ModulatedSIRENConfig"),
        ({"width": 8}, "is no config of an INR"),
    ],
    ids=str,
)
def test_impossible_configs_are_refused(config, words):
    with pytest.raises(ConfigError, match=words):
        build_inr(config)


@pytest.mark.parametrize(
    ("x_batched", "weight_batched", "bias_batched"), list(itertools.product([False, True], repeat=3))
)
@pytest.mark.parametrize("units", [2, 6], ids=["more inputs", "more units"])
def test_any_mix_of_common_and_generated_agrees_with_a_loop(x_batched, weight_batched, bias_batched, units):
    torch.manual_seed(0)
    shapes = ([BATCH] * x_batched + [5, 4], [BATCH] * weight_batched + [units, 4], [BATCH] * bias_batched + [units])
    x, weight, bias = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    out = linear(x, weight, bias)

    batched = (x_batched, weight_batched, bias_batched)
    items = [[v[b] if own else v for v, own in zip((x, weight, bias), batched, strict=True)] for b in range(BATCH)]
    looped = torch.stack([torch.nn.functional.linear(*item) for item in items])
    if not any(batched):
        looped = looped[0]
    assert out.shape == looped.shape
    torch.testing.assert_close(out, looped, rtol=0, atol=1e-12)
    target = torch.randn(out.shape, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * target).sum(), (x, weight, bias)) for y in (out, looped)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_generated_biases_are_not_mistaken_for_instants_where_the_numbers_agree():
    x, weight, bias = torch.zeros(3, 2), torch.zeros(2, 2), torch.arange(6.0).reshape(3, 2)
    out = linear(x, weight, bias)  # three instants and three items
    assert out.shape == (3, 3, 2)
    assert torch.equal(out[1], bias[1].expand(3, 2))
