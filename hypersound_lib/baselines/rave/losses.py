"""What RAVE's first stage minimises: a distance of spectra at several resolutions, and a KL divergence.

Caillon and Esling 2021, with the multi-scale spectral distance of DDSP (Engel et al. 2020) for S: the
paper's formula takes the logarithm of a norm of differences, which is -∞ for equal sounds; here the norm is taken of
differences of logarithms.
"""

import torch
from torch import Tensor

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
