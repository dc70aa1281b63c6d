"""The encoder: shapes by arithmetic, causal to the sample, any length, and a start that keeps scale."""

import math

import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypersound_lib.errors import ConfigError
from hypersound_lib.hypersound.encoder import ELU_SECOND_MOMENT, EncoderConfig, SoundStreamEncoder, init_elu_


def make(normalize=False, **sizes):
    torch.manual_seed(0)
    tiny = {"base_channels": 2, "strides": (2, 3), "dilations": (1, 3), "kernel_size": 3, "embedding_size": 4}
    return SoundStreamEncoder(EncoderConfig(**(tiny | sizes), normalize=normalize))


def noise(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(max_examples=25)
@given(
    num_samples=st.integers(1, 5000),
    strides=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    normalize=st.booleans(),
)
@torch.no_grad()
def test_output_shape_is_the_real_shape_for_every_length_and_stride(num_samples, strides, normalize):
    encoder = make(normalize, base_channels=1, strides=tuple(strides), dilations=(1,))
    assert encoder(torch.zeros(2, num_samples)).shape == (2, *encoder.output_shape(num_samples))


@settings(max_examples=15)
@given(n=st.integers(0, 199), strides=st.sampled_from([(2, 3), (4,), (3, 1, 5)]), normalize=st.booleans())
@torch.no_grad()
def test_a_frame_sees_its_own_sample_and_nothing_after_it(n, strides, normalize):
    encoder = make(normalize, strides=strides).double()
    before = noise(1, 200, dtype=torch.float64)
    after = before.clone()
    after[:, n:] += 1 + noise(1, 200 - n, seed=1, dtype=torch.float64)
    unchanged = (encoder(before) == encoder(after)).all(dim=-1)[0]
    # Frame f reads samples up to and with f · hop, so the first one to notice is ⌈n / hop⌉.
    first = -(-n // math.prod(strides))
    assert unchanged[:first].all()
    if first < len(unchanged):
        assert not unchanged[first]


@torch.no_grad()
def test_normalisation_makes_quiet_clips_as_good_as_loud_ones():
    clip = noise(1, 2000)
    plain, normalised = (make(n, dilations=(1, 3, 9), base_channels=16) for n in (False, True))
    assert (plain(0.01 * clip).std() / plain(clip).std()).item() < 0.2
    assert (normalised(0.01 * clip).std() / normalised(clip).std()).item() > 0.5


@pytest.mark.parametrize("dilations", [(1, 3, 9), (1,), ()])
@torch.no_grad()
def test_white_noise_of_unit_scale_comes_out_at_about_unit_scale(dilations):
    torch.manual_seed(0)
    encoder = SoundStreamEncoder(EncoderConfig(dilations=dilations))
    assert 0.5 < encoder(noise(2, 8192)).std().item() < 2


def test_gradients_reach_every_weight():
    encoder = make(normalize=True)
    encoder(noise(2, 60)).square().sum().backward()
    for name, p in encoder.named_parameters():
        assert p.grad is not None, name
        assert p.grad.any(), name


@pytest.mark.parametrize(
    "sizes", [{"strides": ()}, {"strides": (2, 0)}, {"dilations": (0,)}, {"base_channels": 0}, {"kernel_size": 0}]
)
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ConfigError, match="sizes of at least 1"):
        EncoderConfig(**sizes)


def test_the_second_moment_agrees_with_numeric_integration():
    def integrand(z):
        value = torch.nn.functional.elu(torch.tensor(z, dtype=torch.float64)).item()
        return value**2 * scipy.stats.norm.pdf(z)

    expected = sum(scipy.integrate.quad(integrand, *bounds)[0] for bounds in ((-12, 0), (0, 12)))
    assert pytest.approx(expected, rel=1e-8) == ELU_SECOND_MOMENT


@torch.no_grad()
def last_variance(init, depth=20, width=400):
    torch.manual_seed(0)
    h = torch.randn(500, width)
    for _ in range(depth):
        layer = nn.Linear(width, width)
        init(layer)
        h = layer(nn.functional.elu(h))
    return h.var().item()


def test_a_deep_stack_keeps_its_variance_and_pytorchs_own_init_does_not():
    assert last_variance(init_elu_) == pytest.approx(1, rel=0.2)
    assert last_variance(lambda layer: None) < 0.1
