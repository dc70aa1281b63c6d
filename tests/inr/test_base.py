"""What all INRs share: chunks of instants change nothing, and weights can be given up for generated ones."""

import copy

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypersound_lib import ConfigError, time_coords
from hypersound_lib.inr import INR, INR_CONFIGS, SIREN, FourierMLP, ModulatedSIREN, build_inr, even_frequencies
from tests.inr.small import CONFIGS, generated, make


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(CONFIGS)),
    num_samples=st.one_of(st.integers(1, 900), st.sampled_from([255, 256, 257, 512, 513])),
    size=st.sampled_from([256, 300, 511]),  # instants in a chunk
    own_instants=st.booleans(),
    batched=st.booleans(),
)
def test_chunks_of_instants_change_neither_values_nor_gradients(
    monkeypatch, kind, num_samples, size, own_instants, batched
):
    inr = make(kind)
    own = {name: p.detach().clone().requires_grad_() for name, p in inr.named_parameters()}
    params = generated(inr) if batched else own
    coords = time_coords(num_samples, dtype=torch.float64)
    features = inr.features(coords.expand(3, -1, -1) if own_instants else coords)
    widest = max(p.shape[-1] for p in own.values() if p.ndim == 2)
    monkeypatch.setitem(INR.chunk_bytes, "cpu", size * 8 * widest * (3 if batched else 1))
    sizes = []
    evaluate = inr.evaluate
    inr.evaluate = lambda chunk, weights: sizes.append(chunk.shape[-2]) or evaluate(chunk, weights)
    chunked = inr.evaluate_in_chunks(features, params)
    assert sizes == [size] * (num_samples // size) + [num_samples % size] * (num_samples % size > 0)
    whole = evaluate(features, params)
    torch.testing.assert_close(chunked, whole, rtol=0, atol=1e-12)
    target = torch.sin(torch.arange(num_samples, dtype=torch.float64)).unsqueeze(-1)
    gradients = [torch.autograd.grad((y * target).sum(), list(params.values())) for y in (chunked, whole)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_the_size_of_a_chunk_follows_the_kind_of_device(monkeypatch):
    """At most as much as is said of a device, 256 instants at least, and everything where nothing is said."""
    inr = make("fourier").to("meta")
    features, params = torch.empty(5000, 10, device="meta"), generated(make("fourier"))
    assert inr.chunk_size(features, params) == 5000
    for budget, size in ((1, 256), (300 * 4 * 3 * 10 + 7, 300), (2**30, 2**30 // 120)):
        monkeypatch.setitem(INR.chunk_bytes, "meta", budget)
        assert inr.chunk_size(features, params) == size


@pytest.mark.parametrize("kind", CONFIGS)
def test_released_weights_leave_parameters_and_state_dict_and_must_be_given(kind):
    inr = make(kind)
    whole = copy.deepcopy(inr)
    names = ["layers.0.weight", "layers.1.bias", *(["latent"] if kind == "modulated" else [])]
    params = generated(inr, names)
    inr.release(names)
    left = {name for name, _ in whole.named_parameters()} - set(names)
    assert {name for name, _ in inr.named_parameters()} == left
    assert not set(names) & set(inr.state_dict())
    assert inr.num_params == whole.num_params
    coords = time_coords(20, dtype=torch.float64)
    assert torch.equal(inr(coords, params), whole(coords, params))
    for given_params, missing in ((None, names), ({names[1]: params[names[1]]}, names[:1])):
        with pytest.raises(ConfigError, match=rf"given up its own \[.*{missing[0]}.*pass them in params"):
            inr(coords, given_params)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_builds_its_network(kind):
    inr = build_inr(CONFIGS[kind])
    assert type(inr) is {"siren": SIREN, "modulated": ModulatedSIREN}.get(kind, FourierMLP)
    assert inr.config == CONFIGS[kind]
    assert INR_CONFIGS[type(inr).__name__] is type(inr.config)
    assert set(INR_CONFIGS.values()) == set(map(type, CONFIGS.values())), "add the new kind to tests/inr/small.py"


def test_free_frequencies_are_even_unless_given():
    assert torch.equal(build_inr(CONFIGS["free"]).embedding.frequencies, even_frequencies(6))
    frequencies = torch.linspace(1, 9, 6)
    assert torch.equal(FourierMLP(CONFIGS["free"], frequencies).embedding.frequencies, frequencies)
    with pytest.raises(ConfigError, match="wants 6 frequencies, 3"):
        FourierMLP(CONFIGS["free"], frequencies[:3])
