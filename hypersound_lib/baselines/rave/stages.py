"""The gradients of one step: of the variational autoencoder, and of decoder against discriminator.

Caillon and Esling 2021: representation learning, then adversarial fine-tuning.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hypersound_lib.baselines.rave.discriminator import (
    Discriminator,
    adversarial_loss,
    discriminator_loss,
    feature_matching,
)
from hypersound_lib.baselines.rave.encoder import reparameterise
from hypersound_lib.baselines.rave.losses import kl_divergence, spectral_distance
from hypersound_lib.baselines.rave.training_config import RAVETrainingConfig

if TYPE_CHECKING:
    from hypersound_lib.baselines.rave.model import RAVE

TERMS = ("spectral", "kl", "adversarial", "feature_matching", "discriminator")


def stage_1_gradients(model: "RAVE", clips: Tensor, kl_weight: float) -> dict[str, Tensor]:
    """Add the gradients of S(x, x̂) + β · KL to encoder and decoder: clips `(B, T)`.

    Returns:
        Each of `TERMS` without its weight; those of stage 2 are 0.
    """
    mean, scale = model.posterior(clips)
    estimate = model.decode(reparameterise(mean, scale), clips.shape[-1])
    terms = {name: clips.new_zeros(()) for name in TERMS}
    terms |= {"spectral": spectral_distance(estimate, clips), "kl": kl_divergence(mean, scale)}
    (terms["spectral"] + kl_weight * terms["kl"]).backward()
    return terms


def stage_2_gradients(
    model: "RAVE", discriminator: Discriminator, clips: Tensor, config: RAVETrainingConfig
) -> dict[str, Tensor]:
    """Add gradients to the decoder and to the discriminator, none to the encoder: clips `(B, T)`.

    Both sides share one pass through the discriminator: they are updated at once, from the same judgement.

    Returns:
        Each of `TERMS` without its weight.
    """
    with torch.no_grad():
        mean, scale = model.posterior(clips)
        latent = reparameterise(mean, scale)
    estimate = model.decode(latent, clips.shape[-1])
    judged = estimate.detach().requires_grad_()  # the discriminator's graph ends here
    real, fake = discriminator(clips), discriminator(judged)
    terms = {
        "spectral": spectral_distance(estimate, clips),
        "kl": kl_divergence(mean, scale),
        "adversarial": adversarial_loss(fake),
        "feature_matching": feature_matching([[f.detach() for f in features] for features in real], fake),
        "discriminator": discriminator_loss(real, fake),
    }
    deceived = (
        config.adversarial_weight * terms["adversarial"] + config.feature_matching_weight * terms["feature_matching"]
    )
    (direction,) = torch.autograd.grad(deceived, judged, retain_graph=True)
    terms["discriminator"].backward(inputs=list(discriminator.parameters()))
    torch.autograd.backward([terms["spectral"], estimate], [None, direction])
    return terms
