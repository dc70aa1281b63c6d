"""What RAVE minimises: zero where it should be, finite everywhere; which parameters each stage's gradients reach."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl

from hypersound_lib.baselines.rave import spectral_distance
from hypersound_lib.baselines.rave.losses import (
    TERMS,
    adversarial_loss,
    discriminator_loss,
    feature_matching,
    kl_divergence,
    stage_1_gradients,
    stage_2_gradients,
)
from hypersound_lib.baselines.rave.networks import Discriminator
from tests.sounds import noise


@settings(max_examples=20)
@given(num_samples=st.integers(1, 3000), level=st.sampled_from([1e-6, 1e-2, 1.0]), seed=st.integers(0, 9))
def test_the_sound_itself_is_at_distance_zero_and_more_noise_is_farther(num_samples, level, seed):
    x = level * noise(2, num_samples, seed=seed)
    distances = [
        spectral_distance(x + error * noise(2, num_samples, seed=seed + 10), x).item() for error in (0, 0.1, 1)
    ]
    assert distances[0] == 0 < distances[1] < distances[2]


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


def test_the_batch_counts_as_the_mean_of_its_sounds():
    x, y = noise(3, 4096), noise(3, 4096, seed=1) * torch.tensor([[0.01], [0.1], [1.0]])
    each = torch.stack([spectral_distance(y[i : i + 1], x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(spectral_distance(y, x), each.mean())


def test_kl_divergence_is_that_of_torch():
    mean, scale = noise(2, 5, 7), noise(2, 5, 7, seed=1).exp()
    expected = kl.kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mean, scale), expected)


@pytest.fixture
def discriminator(brief_training):
    torch.manual_seed(1)
    return Discriminator(brief_training.discriminator)


@pytest.fixture
def clips():
    return 0.1 * noise(2, 1024)


def untouched(module):
    return {name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()}


def test_stage_1_reaches_every_parameter(model, clips):
    terms = stage_1_gradients(model, clips, kl_weight=0.1)
    assert tuple(terms) == TERMS
    assert terms["spectral"] > 0
    assert terms["kl"] > 0
    assert not untouched(model)


def test_stage_2_reaches_decoder_and_discriminator_but_not_the_encoder(model, discriminator, clips, brief_training):
    terms = stage_2_gradients(model, discriminator, clips, brief_training)
    assert tuple(terms) == TERMS
    assert not untouched(model.decoder)
    # A score's offset pulls as much at real sounds as at fake ones, while all of them lie within the hinge.
    assert untouched(discriminator) <= {"scales.0.3.bias", "scales.1.3.bias"}
    assert all(p.grad is None for p in model.encoder.parameters())


def test_the_shared_pass_gives_the_gradients_of_two_separate_ones(model, discriminator, clips, brief_training):
    torch.manual_seed(2)
    stage_2_gradients(model, discriminator, clips, brief_training)
    ours = {name: p.grad.clone() for name, p in model.decoder.named_parameters()}
    judge = {name: p.grad.clone() for name, p in discriminator.named_parameters()}
    for network in (model, discriminator):
        network.zero_grad()

    torch.manual_seed(2)
    estimate = model(clips)
    real, fake = discriminator(clips), discriminator(estimate)
    loss = spectral_distance(estimate, clips) + brief_training.adversarial_weight * adversarial_loss(fake)
    (loss + brief_training.feature_matching_weight * feature_matching(real, fake)).backward()
    for name, p in model.decoder.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, rtol=1e-3, atol=1e-5)
    discriminator.zero_grad()
    discriminator_loss(discriminator(clips), discriminator(estimate.detach())).backward()
    for name, p in discriminator.named_parameters():
        torch.testing.assert_close(judge[name], p.grad, rtol=1e-3, atol=1e-6)


def test_the_hinge_losses_by_hand():
    real, fake = [[torch.zeros(1), torch.tensor([3.0, 0.5])]], [[torch.ones(1), torch.tensor([-2.0, 0.0])]]
    assert discriminator_loss(real, fake) == 0.25 + 0.5
    assert adversarial_loss(fake) == 1
    assert feature_matching(real, fake) == 1, "the scores do not count"
    assert feature_matching(real, real) == 0


def test_each_scale_takes_half_the_rate_of_the_one_before(discriminator, clips):
    first, second = discriminator(clips)
    assert first[0].shape == (2, 4, 1024)
    assert second[0].shape == (2, 4, 512)
    assert first[-1].shape == (2, 1, 256)
