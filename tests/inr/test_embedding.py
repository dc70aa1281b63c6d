"""Positional embeddings: the paper's frequencies, orthonormal where they should be, exact at large angles."""

import math

import pytest
import torch

from hypersound_lib import ConfigError, time_coords
from hypersound_lib.inr import FourierFeatures, even_frequencies, octave_frequencies, spectral_frequencies


def test_embedding_is_the_papers_formula():
    num_octaves = 6
    t = torch.rand(100, 1, dtype=torch.float64)
    expected = torch.cat([f(2**i * math.pi * t) for i in range(num_octaves) for f in (torch.sin, torch.cos)], dim=-1)
    embedded = FourierFeatures(octave_frequencies(num_octaves))(t)
    torch.testing.assert_close(embedded, expected, rtol=0, atol=1e-12)


def test_sixteenth_octave_is_the_paper_clips_nyquist_frequency():
    last_pair = FourierFeatures(octave_frequencies(16))(time_coords(32768))[:, -2:]
    assert torch.allclose(last_pair[:, 0], torch.zeros(32768), atol=1e-6)  # sin πi = 0: it carries nothing
    alternating = 1.0 - 2.0 * (torch.arange(32768) % 2)
    assert torch.allclose(last_pair[:, 1], alternating, atol=1e-6)  # cos πi = ±1: it alternates


def test_large_angles_keep_their_digits_in_float32():
    frequencies = octave_frequencies(16)
    t = time_coords(32768)
    exact = FourierFeatures(frequencies)(t.double())
    ours = FourierFeatures(frequencies)(t)
    naive = torch.sin(2 * math.pi * frequencies * t)
    assert (ours.double() - exact).abs().max() < 1e-6
    assert (naive.double() - exact[:, 0::2]).abs().max() > 1e-3


def test_frequencies_follow_the_energy_of_the_sound():
    num_samples = 4096
    t = torch.arange(num_samples) / num_samples
    noise = torch.randn(num_samples, generator=torch.Generator().manual_seed(0))
    low_band = torch.fft.irfft(torch.where(torch.arange(2049) < 256, torch.fft.rfft(noise), 0))
    frequencies = spectral_frequencies(low_band + 1e-4 * torch.sin(2 * math.pi * 900 * t), 200)
    assert (frequencies < 256).float().mean() > 0.9
    assert torch.equal(frequencies, frequencies.sort().values)
    assert frequencies.unique().numel() == 200


def test_silence_gives_frequencies_too():
    frequencies = spectral_frequencies(torch.zeros(256), 100)
    assert torch.isfinite(frequencies).all()
    assert frequencies.max() <= 128


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spectral_frequencies(torch.randn(256), 0), "use 1 to 128"),
        (lambda: spectral_frequencies(torch.randn(256), 129), "use 1 to 128"),
        (lambda: spectral_frequencies(torch.ones(1), 1), r"T of at least 2, not torch\.float32 \(1,\)"),
        (lambda: spectral_frequencies(torch.ones(1, 1000), 1), r"\(1, 1000\)"),
        (lambda: spectral_frequencies(torch.ones(1000, dtype=torch.int16), 1), "int16"),
        (lambda: spectral_frequencies(torch.full((1000,), torch.nan), 1), "NaN"),
        (lambda: FourierFeatures(even_frequencies(0)), r"\(K,\) with K > 0"),
    ],
)
def test_what_has_no_such_frequencies_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_even_frequencies_are_those_of_a_cosine_transform():
    num = 16
    t = (torch.arange(num, dtype=torch.float64) + 0.5).unsqueeze(-1) / num  # the DCT's instants, mid-sample
    cosines = FourierFeatures(even_frequencies(num - 1))(t)[:, 1::2]  # without the highest, which is sin alone
    basis = torch.cat([torch.ones(num, 1, dtype=torch.float64), cosines], dim=1)
    scale = torch.tensor([num, *[num / 2] * (num - 1)], dtype=torch.float64)
    torch.testing.assert_close(basis.T @ basis, torch.diag(scale), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_frequencies_keep_their_digits_in_a_module_of_any_precision(dtype):
    frequencies = torch.tensor([0.5, 1234.567, 16384.0])
    network = torch.nn.Sequential(FourierFeatures(frequencies), torch.nn.Linear(6, 1)).to(dtype)
    assert network[1].weight.dtype == dtype
    assert network[0].frequencies.dtype == torch.float32
    assert torch.equal(network[0].frequencies, frequencies)
    assert network.to("meta", torch.float32)[0].frequencies.is_meta, "but they follow to another device"
