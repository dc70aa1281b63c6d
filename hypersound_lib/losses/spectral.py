"""The spectrogram terms: auraloss' distances between magnitudes at several window lengths.

Three things differ from auraloss: no phase is computed, which no term takes; window and filters are buffers, which
follow the loss to another device; and spectral convergence is a mean over clips.

The module is imported when the first such loss is built: auraloss brings librosa along, for which `hypersound --help`
need not wait.
"""

import warnings
from collections.abc import Sequence

import torch
from auraloss.freq import MultiResolutionSTFTLoss, STFTLoss
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError


class MagnitudeLoss(STFTLoss):
    """Spectral convergence and L1 of logarithms at one window length: `(B, 1, T), (B, 1, T) -> scalar`."""

    fb: Tensor

    def __init__(self, fft_size: int, hop_size: int, mel: dict, floor: float):
        with warnings.catch_warnings():
            # librosa warns about mel bins without a frequency; `multi_resolution` makes an error of it.
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(fft_size, hop_size, fft_size, **mel)
        self.scale = None  # our `stft` applies the filters
        window = self.window
        del self.window
        self.register_buffer("window", window, persistent=False)
        self.has_filters = bool(mel)
        self.spectralconv = _SpectralConvergence(fft_size, self.fb if mel else None, floor)

    def stft(self, x: Tensor) -> tuple[Tensor, None]:
        """Return magnitudes, `(B, T) -> (B, bins, frames)`, and no phase."""
        window = self.window.to(x.dtype)
        spectrum = torch.stft(x, self.fft_size, self.hop_size, window=window, return_complex=True)
        magnitude = torch.sqrt((spectrum.real.square() + spectrum.imag.square()).clamp(min=self.eps))
        return self.fb.to(x.dtype) @ magnitude if self.has_filters else magnitude, None


class _SpectralConvergence(nn.Module):
    """‖|X̂| - |X|‖ / ‖|X|‖ for each clip, then the mean; the denominator is not below that of noise at the floor."""

    def __init__(self, fft_size: int, filters: Tensor | None, floor: float):
        super().__init__()
        # White noise of RMS r has E|X_k|² = r² Σ w² in every bin k, and Σ w² = 3/8 · N for a Hann window. A mel bin
        # weighs magnitudes, whose mean is √(π/4) of that root.
        bin_level = floor * (3 / 8 * fft_size) ** 0.5
        if filters is not None:
            bin_level *= 0.886 * float(filters.sum(dim=-1).square().mean().sqrt())
        self.level = bin_level

    def forward(self, x_mag: Tensor, y_mag: Tensor) -> Tensor:
        floor = self.level * (y_mag.shape[-1] * y_mag.shape[-2]) ** 0.5
        difference = torch.linalg.vector_norm(y_mag - x_mag, dim=(-2, -1))
        return (difference / torch.linalg.vector_norm(y_mag, dim=(-2, -1)).clamp(min=floor)).mean()


def multi_resolution(
    fft_sizes: Sequence[int], overlap: int, sample_rate: int, n_mels: int | None, floor: float
) -> MultiResolutionSTFTLoss:
    """Return the mean distance over window lengths of a `LossConfig`: `(B, 1, T), (B, 1, T) -> scalar`.

    Without `n_mels` frequencies are linear; a clip of an RMS below the floor counts as silent.

    Raises:
        ConfigError: a mel bin would be empty.
    """
    sizes = list(fft_sizes)
    if n_mels is not None and n_mels > min(sizes) // 2 + 1:
        raise _empty_bins(n_mels, sample_rate, min(sizes))
    mel = {} if n_mels is None else {"sample_rate": sample_rate, "scale": "mel", "n_bins": n_mels}
    loss = MultiResolutionSTFTLoss(sizes, [n // overlap for n in sizes], sizes)
    loss.stft_losses = nn.ModuleList(MagnitudeLoss(n, n // overlap, mel, floor) for n in sizes)
    for resolution in loss.stft_losses if mel else ():
        if bool((resolution.fb.sum(dim=-1) == 0).any()):
            raise _empty_bins(n_mels, sample_rate, resolution.fft_size)
    return loss


def _empty_bins(n_mels: int | None, sample_rate: int, fft_size: int) -> ConfigError:
    return ConfigError(
        f"{n_mels} mel bins at {sample_rate} Hz leave bins without a frequency at FFT {fft_size}, and their "
        "logarithm would be NaN: choose fewer n_mels or longer fft_sizes in LossConfig, a lower sample rate "
        "(22 050 Hz suits the paper's), or a loss without mel_stft"
    )
