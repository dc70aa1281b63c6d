"""Which parameters each stage's gradients reach, and what the discriminator and the decoder want."""

import dataclasses

import pytest
import torch

from hypersound_lib.baselines.rave import spectral_distance
from hypersound_lib.baselines.rave.discriminator import (
    Discriminator,
    DiscriminatorConfig,
    adversarial_loss,
    discriminator_loss,
    feature_matching,
)
from hypersound_lib.baselines.rave.stages import TERMS, stage_1_gradients, stage_2_gradients
from hypersound_lib.errors import ConfigError


@pytest.fixture
def discriminator(brief_training):
    torch.manual_seed(1)
    return Discriminator(brief_training.discriminator)


@pytest.fixture
def clips():
    return 0.1 * torch.randn(2, 1024, generator=torch.Generator().manual_seed(0))


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


@pytest.mark.slow
def test_a_discriminator_learns_to_tell_noise_from_a_tone(discriminator, clips):
    tone = 0.1 * torch.sin(torch.arange(1024) / 5).expand(2, -1)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    for _ in range(100):  # after 60 the loss is still falling steeply, and depends on how the threads round
        loss = discriminator_loss(discriminator(tone), discriminator(clips))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1, "2 is what it costs to know nothing"
    assert adversarial_loss(discriminator(clips)) > adversarial_loss(discriminator(tone))


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


@pytest.mark.parametrize(
    "change", [{"scales": 0}, {"capacity": 6}, {"strides": (0,)}, {"strides": (4, 4, 3, 4)}, {"max_channels": 2}]
)
def test_impossible_discriminators_are_refused(change):
    with pytest.raises(ConfigError):
        dataclasses.replace(DiscriminatorConfig(), **change)
