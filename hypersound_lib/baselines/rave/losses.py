"""What RAVE's two stages minimise, and the gradients of a step: representation learning, then adversarial fine-tuning.

Caillon and Esling 2021, with the multi-scale spectral distance of DDSP (Engel et al. 2020) for S: the
paper's formula takes the logarithm of a norm of differences, which is -∞ for equal sounds; here the norm is taken of
differences of logarithms.
"""

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.baselines.rave.config import RAVETrainingConfig
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.networks import Discriminator, reparameterise

TERMS = ("spectral", "kl", "adversarial", "feature_matching", "discriminator")
FFT_SIZES = (2048, 1024, 512, 256, 128)
_FLOOR = 1e-5  # -100 dBFS: what is quieter counts as silence


def spectral_distance(estimate: Tensor, reference: Tensor) -> Tensor:
    """Return S(x, y), the distance between the magnitudes of sounds, `(B, T), (B, T) -> scalar`:

        S = Σ_n  ‖|STFT_n(x)| - |STFT_n(y)|‖_F / ‖|STFT_n(x)|‖_F  +  mean |log |STFT_n(x)| - log |STFT_n(y)||

    with Hann windows of n samples, 75 % overlap. It is the mean over sounds, and finite for silence.

    >>> x = torch.randn(1, 4096)
    >>> spectral_distance(x, x).item()
    0.0
    """
    total = estimate.new_zeros(())
    for n_fft in FFT_SIZES:
        x, y = _magnitudes(reference, n_fft), _magnitudes(estimate, n_fft)  # (B, frequencies, frames)
        floor = _FLOOR * (x.shape[-1] * x.shape[-2]) ** 0.5
        norm = torch.linalg.vector_norm(x, dim=(-2, -1)).clamp(min=floor)
        total = total + (torch.linalg.vector_norm(x - y, dim=(-2, -1)) / norm).mean()
        total = total + ((x + _FLOOR).log() - (y + _FLOOR).log()).abs().mean()
    return total


def kl_divergence(mean: Tensor, scale: Tensor) -> Tensor:
    """Return KL(N(mean, scale²) ‖ N(0, 1)), summed over a frame's latent, averaged over frames: `(B, Z, F) -> scalar`.

    >>> kl_divergence(torch.zeros(1, 2, 3), torch.ones(1, 2, 3)).item()
    0.0
    """
    return (0.5 * (mean.square() + scale.square() - 1) - scale.log()).sum(dim=1).mean()


def _magnitudes(waveform: Tensor, n_fft: int) -> Tensor:
    """Return magnitudes `(B, n_fft / 2 + 1, frames)`, where a sine of full scale is 1."""
    window = torch.hann_window(n_fft, device=waveform.device, dtype=waveform.dtype)
    spectrum = torch.stft(
        waveform, n_fft, n_fft // 4, window=window * (4 / n_fft), pad_mode="constant", return_complex=True
    )
    return spectrum.abs()


def discriminator_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Return the hinge loss of a judge: real sounds are to score above 1, fake ones below -1."""
    losses = [
        functional.relu(1 - r[-1]).mean() + functional.relu(1 + f[-1]).mean() for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def adversarial_loss(fake: list[list[Tensor]]) -> Tensor:
    """Return the decoder's side of the hinge loss: minus the scores of what it made."""
    return -torch.stack([features[-1].mean() for features in fake]).mean()


def feature_matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Return the mean distance of all features but the scores between a sound and its copy."""
    distances = [
        functional.l1_loss(b, a)
        for features_a, features_b in zip(real, fake, strict=True)
        for a, b in zip(features_a[:-1], features_b[:-1], strict=True)
    ]
    return torch.stack(distances).mean()


def stage_1_gradients(model: RAVE, clips: Tensor, kl_weight: float) -> dict[str, Tensor]:
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
    model: RAVE, discriminator: Discriminator, clips: Tensor, config: RAVETrainingConfig
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
