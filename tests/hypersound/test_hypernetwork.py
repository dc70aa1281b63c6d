"""The hypernetwork: complete sets of weights, by the target's own names, that start at the target's own scale."""

import dataclasses

import pytest
import torch

from hypersound_lib import time_coords
from hypersound_lib.data import load_dataset
from hypersound_lib.errors import ConfigError
from hypersound_lib.hypersound.encoder import EncoderConfig, SoundStreamEncoder
from hypersound_lib.hypersound.hypernetwork import HyperNetwork, HyperNetworkConfig, split_params
from hypersound_lib.inr import (
    BASE,
    INR_CONFIGS,
    LARGE,
    SIREN,
    SMALL,
    FourierMLP,
    FourierMLPConfig,
    SIRENConfig,
    build_inr,
)
from hypersound_lib.inr.fourier_mlp import linear

TINY = FourierMLPConfig(hidden_layers=2, width=6, num_octaves=3)
FIRST = ("layers.0.weight", "layers.0.bias")


def make(target=TINY, hidden=(16,), shared=(), residual_scale=None, code_shape=(5, 3), seed=0):
    torch.manual_seed(seed)
    inr = build_inr(target)
    return inr, HyperNetwork(code_shape, inr, HyperNetworkConfig(hidden, residual_scale), shared)


@pytest.mark.parametrize("target", [TINY, SIRENConfig(hidden_layers=2, width=6)], ids=["fourier", "siren"])
@pytest.mark.parametrize("shared", [(), FIRST, ("layers.1.weight",)], ids=["none", "first layer", "one matrix"])
def test_names_order_and_shapes_are_the_targets(target, shared):
    inr, hypernetwork = make(target, shared=shared)
    own = {name: p.shape for name, p in inr.named_parameters() if name not in shared}
    params = hypernetwork(torch.randn(4, 5, 3))
    assert [(name, value.shape) for name, value in params.items()] == [(n, (4, *shape)) for n, shape in own.items()]
    assert hypernetwork.num_generated == sum(shape.numel() for shape in own.values())


@pytest.mark.parametrize(("config", "count"), [(SMALL, 14_657), (BASE, 206_081), (LARGE, 752_257)])
def test_paper_targets_have_the_papers_number_of_generated_weights(config, count):
    with torch.device("meta"):  # shapes alone: the largest head would take 1.2 GB
        hypernetwork = HyperNetwork((103, 32), FourierMLP(config))
    assert hypernetwork.num_generated == count
    assert hypernetwork.head.weight.shape == (count, 400)
    assert [layer.out_features for layer in hypernetwork.hidden] == [400, 768, 768, 768, 768, 400]
    assert hypernetwork.hidden[0].in_features == 103 * 32


def test_split_params_cuts_in_order_and_every_tensor_is_dense():
    flat = torch.arange(2 * 11.0).reshape(2, 11)
    parts = split_params(flat, {"a": torch.Size([2, 3]), "b": torch.Size([4]), "c": torch.Size([1, 1])})
    assert torch.equal(torch.cat([part.flatten(1) for part in parts.values()], dim=1), flat)
    assert all(part.is_contiguous() for part in parts.values())


def activation_scales(inr, params, coords):
    """Return the RMS of every layer's activations, over instants, units and items."""
    params = dict(inr.named_parameters()) | params
    last = len(inr.layers) - 1
    x, scales = inr.features(coords), []
    for i in range(last + 1):
        x = linear(x, params[f"layers.{i}.weight"], params[f"layers.{i}.bias"])
        if i < last and isinstance(inr, SIREN):
            x = torch.sin((inr.config.omega_0 if i == 0 else inr.config.hidden_omega) * x)
        elif i < last:
            x = torch.relu(x)
        scales.append(x.square().mean())
    return torch.stack(scales)


@torch.no_grad()
def start_ratios(target, shared, code):
    """Return, layer by layer, generated over own scale at the start, over many starts.

    The last layer has one unit, so that a single network's scale is an accident.
    """
    coords = time_coords(128)
    own, generated = 0.0, 0.0
    for seed in range(60):
        inr, hypernetwork = make(target, (64,), shared, code_shape=code.shape[1:], seed=seed)
        own = own + activation_scales(inr, {}, coords)
        generated = generated + activation_scales(inr, hypernetwork(code), coords)
    return (generated / own).sqrt()


def clip_code():
    """Return what a fresh encoder of the paper's structure says of two embedded recordings."""
    torch.manual_seed(0)
    encoder = SoundStreamEncoder(EncoderConfig(strides=(2, 4, 5, 8), dilations=(1,)))
    sounds = load_dataset("mini")
    clips = torch.stack([sounds[i].waveform[8000:16192] for i in (0, 5)])
    with torch.no_grad():
        return encoder(clips)


TARGETS = [
    pytest.param(SMALL, (), id="small"),
    pytest.param(SMALL, FIRST, id="small, first layer shared"),
    pytest.param(SIRENConfig(hidden_layers=4, width=64), (), id="siren"),
]


@pytest.mark.slow
@pytest.mark.parametrize("code", ["noise", "clips"])
@pytest.mark.parametrize(("target", "shared"), TARGETS)
def test_every_target_layer_starts_at_the_scale_of_the_targets_own_initialisation(target, shared, code):
    code = clip_code() if code == "clips" else torch.randn(4, 26, 32, generator=torch.Generator().manual_seed(0))
    ratios = start_ratios(target, shared, code)
    assert ((ratios > 0.8) & (ratios < 1.2)).all(), ratios


SMALLER = {"hidden_layers": 3, "width": 32}


def small(kind):
    """Return a config of a kind of target, found and not listed: a new one is tested without a change here."""
    config = INR_CONFIGS[kind]()
    return dataclasses.replace(config, **{k: v for k, v in SMALLER.items() if hasattr(config, k)})


@torch.no_grad()
def variations(target, residual_scale=None):
    """Return, for each generated tensor, its spread over many inputs as part of its own scale."""
    inr, hypernetwork = make(target, (64,), residual_scale=residual_scale)
    own, params = dict(inr.named_parameters()), hypernetwork(torch.randn(64, 5, 3))
    return {name: (value.var(dim=0).mean() / own[name].square().mean()).sqrt().item() for name, value in params.items()}


@pytest.mark.parametrize("kind", INR_CONFIGS)
def test_every_targets_weights_start_with_the_spread_that_it_asks_for(kind):
    asked = build_inr(small(kind)).residual_scale
    assert asked == 1e-3 or not hasattr(small(kind), "omega_0"), "layers of sines vary little at the start"
    for name, spread in variations(small(kind)).items():
        assert 0.5 * asked < spread < 2 * asked, name
    for name, spread in variations(small(kind), residual_scale=0.05).items():
        assert 0.02 < spread < 0.1, name


@pytest.mark.parametrize("kind", INR_CONFIGS)
@torch.no_grad()
def test_every_target_starts_as_loud_as_its_own_initialisation_makes_it(kind):
    coords, code, own, generated = time_coords(128), torch.randn(4, 5, 3), 0.0, 0.0
    for seed in range(60):
        inr, hypernetwork = make(small(kind), (64,), seed=seed)
        own, generated = own + inr(coords).square().mean(), generated + inr(coords, hypernetwork(code)).square().mean()
    assert 0.8 < (generated / own).sqrt() < 1.2


@torch.no_grad()
def test_the_start_is_the_targets_own_initialisation_plus_a_variation():
    inr, hypernetwork = make(residual_scale=0.0)
    params = hypernetwork(torch.randn(2, 5, 3))
    for name, own in inr.named_parameters():
        assert torch.equal(params[name][1], own), name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: make(shared=("layer",)), r"\['layer'\] are no parameters of the target.*layers\.0\.bias"),
        (lambda: make(shared=tuple(name for name, _ in build_inr(TINY).named_parameters())), "leave at least one"),
        (lambda: HyperNetworkConfig(()), "at least one hidden layer"),
        (lambda: HyperNetworkConfig((4, 0)), "at least one hidden layer"),
        *(
            (lambda shape=shape: make()[1](torch.zeros(shape)), r"codes \(B, 5, 3\)")
            for shape in ((2, 15), (2, 3, 5), (2, 6, 3), (5, 3), (2, 5, 3, 1))
        ),
    ],
)
def test_what_cannot_work_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()
