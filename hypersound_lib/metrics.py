"""How far a reconstruction is from its original: one function per metric, definitions as in the paper's Table 1."""

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError


def mse(reference: Tensor, estimate: Tensor) -> Tensor:
    """Mean squared error, lower is better: `(..., T), (..., T) -> (...)`.

    >>> mse(torch.tensor([1.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.5000)
    """
    _check(reference, estimate)
    return (reference - estimate).square().mean(dim=-1)


def snr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Signal-to-noise ratio in dB, higher is better: `(..., T), (..., T) -> (...)`.

    10 log₁₀ (Σ x² / Σ (x - x̂)²). Identical signals give +inf, a silent reference with any error -inf.
    Predicting silence scores 0 dB.

    >>> snr(torch.tensor([1.0, -1.0]), torch.tensor([0.5, -0.5])).round(decimals=2)  # half the amplitude is wrong
    tensor(6.0200)
    """
    _check(reference, estimate)
    signal = reference.double().square().sum(dim=-1)
    noise = (reference.double() - estimate.double()).square().sum(dim=-1)
    ratio = torch.where(noise == 0, torch.inf, signal / noise)
    return (10 * torch.log10(ratio)).to(reference.dtype)


def lsd(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """Log-spectral distance, lower is better: `(..., T), (..., T) -> (...)`.

    The difference of the logarithms (base 10) of two power spectrograms, as root mean square over frequency, then
    mean over frames. Windows of 2048/44100 s, every 10 ms. It ignores phase. Powers below -120 dB of a full-scale
    sine count as -120 dB, so that digital silence gives a finite distance.
    """
    _check(reference, estimate)
    a = _log_power(reference, sample_rate)
    b = _log_power(estimate, sample_rate)
    return (a - b).square().mean(dim=-2).sqrt().mean(dim=-1)


def _log_power(waveform: Tensor, sample_rate: int) -> Tensor:
    n_fft = round(2048 * sample_rate / 44100)
    hop_length = sample_rate // 100
    if waveform.shape[-1] <= n_fft // 2:
        raise ConfigError(f"LSD at {sample_rate} Hz needs more than {n_fft // 2} samples, not {waveform.shape[-1]}")
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    spectrum = torch.stft(waveform, n_fft, hop_length, window=window, return_complex=True)
    full_scale_sine = (window.sum() / 2) ** 2
    power = torch.clamp(spectrum.abs().square(), min=1e-12 * full_scale_sine)
    return torch.log10(power)


def _check(reference: Tensor, estimate: Tensor) -> None:
    if reference.shape != estimate.shape:
        raise ConfigError(
            f"a metric compares signals of one shape, not {tuple(reference.shape)} and {tuple(estimate.shape)}"
        )
