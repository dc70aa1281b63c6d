"""The MDCT baseline: orthonormal, perfectly invertible, and best at what it keeps."""

import math
from functools import partial

import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.baselines import imdct, mdct, mdct_of_size, truncated_mdct
from hypersound_lib.metrics import snr
from tests.sounds import noise

noise = partial(noise, dtype=torch.float64)


@given(num_samples=st.integers(1, 700), hop_length=st.sampled_from([1, 16, 64, 100]))
def test_inverse_restores_any_length_and_energy_is_preserved(num_samples, hop_length):
    x = noise(num_samples)
    coefficients = mdct(x, hop_length)
    torch.testing.assert_close(imdct(coefficients, num_samples), x, rtol=0, atol=1e-10)
    torch.testing.assert_close(coefficients.square().sum(), x.square().sum(), rtol=1e-9, atol=0)


def test_error_is_the_energy_left_out():
    x = noise(64 * 256)
    coefficients = mdct(x, 64).flatten()
    left_out = coefficients.abs().sort(descending=True).values[4000:].square().sum()
    error = (x - truncated_mdct(x, 4000, 64)).square().sum()
    # a little of the error falls on the zeros before and behind the sound, where it is not heard
    assert 0.97 * left_out < error < left_out


def test_a_tone_needs_few_coefficients_and_noise_needs_many():
    t = torch.arange(8192, dtype=torch.float64)
    tone = torch.sin(2 * math.pi * 440 / 22050 * t)
    assert snr(tone, truncated_mdct(tone, 200)) > 20
    assert snr(noise(8192), truncated_mdct(noise(8192), 200)) < 2


def test_a_tone_sits_at_its_frequency():
    t = torch.arange(16384, dtype=torch.float64)
    middle = mdct(torch.sin(2 * math.pi * 1000 / 22050 * t))[5:-5].square().sum(dim=0)
    assert abs((middle.argmax().item() + 0.5) * 22050 / 1024 - 1000) < 22050 / 1024


def test_a_size_per_second_is_a_number_of_coefficients():
    x = noise(8000)
    assert torch.equal(mdct_of_size(x, 16000, 1000), truncated_mdct(x, 500))
    assert torch.equal(mdct_of_size(x, 16000, 0), torch.zeros_like(x))
    torch.testing.assert_close(mdct_of_size(x, 16000, 1e9), x, rtol=0, atol=1e-10)
