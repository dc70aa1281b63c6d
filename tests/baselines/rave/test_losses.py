"""The spectral distance and the KL divergence: zero where they should be, finite everywhere."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl

from hypersound_lib.baselines.rave import spectral_distance
from hypersound_lib.baselines.rave.losses import kl_divergence


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20)
@given(num_samples=st.integers(1, 3000), level=st.sampled_from([1e-6, 1e-2, 1.0]), seed=st.integers(0, 9))
def test_only_the_sound_itself_is_at_distance_zero(num_samples, level, seed):
    x = level * noise(2, num_samples, seed=seed)
    assert spectral_distance(x, x).item() == 0
    assert spectral_distance(x + noise(2, num_samples, seed=seed + 10), x).item() > 0


def test_more_noise_is_farther():
    x, e = noise(1, 8192), noise(1, 8192, seed=1)
    distances = [spectral_distance(x + level * e, x).item() for level in (0.01, 0.1, 0.5, 2)]
    assert distances == sorted(distances)
    assert distances[0] > 0


@pytest.mark.parametrize("silent", ["estimate", "reference", "both"])
def test_silence_gives_finite_values_and_gradients(silent):
    estimate = torch.zeros(1, 4096) if silent != "reference" else 0.1 * noise(1, 4096)
    reference = torch.zeros(1, 4096) if silent != "estimate" else 0.1 * noise(1, 4096, seed=1)
    estimate.requires_grad_()
    distance = spectral_distance(estimate, reference)
    distance.backward()
    assert distance.isfinite()
    assert (distance == 0) == (silent == "both")
    assert estimate.grad.isfinite().all()


def test_polarity_and_the_order_of_sounds_do_not_matter():
    x, y = noise(3, 4096), noise(3, 4096, seed=1)
    torch.testing.assert_close(spectral_distance(-y, x), spectral_distance(y, x))
    torch.testing.assert_close(spectral_distance(y.flip(0), x.flip(0)), spectral_distance(y, x))


def test_the_batch_counts_as_the_mean_of_its_sounds():
    x, y = noise(3, 4096), noise(3, 4096, seed=1) * torch.tensor([[0.01], [0.1], [1.0]])
    each = torch.stack([spectral_distance(y[i : i + 1], x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(spectral_distance(y, x), each.mean())


def test_kl_divergence_is_that_of_torch():
    mean, scale = noise(2, 5, 7), noise(2, 5, 7, seed=1).exp()
    expected = kl.kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mean, scale), expected)
