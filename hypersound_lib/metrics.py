"""How far a reconstruction is from its original: one function per metric, definitions as in the paper's Table 1."""

import warnings

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


def nmse(reference: Tensor, estimate: Tensor) -> Tensor:
    """Normalised mean squared error, lower is better: `(..., T), (..., T) -> (...)`.

    Σ (x - x̂)² / Σ x²: 0 for a perfect copy, 1 for silence, above 1 worse than silence. It is SNR without decibels.

    >>> nmse(torch.tensor([1.0, -1.0]), torch.tensor([0.5, -0.5]))
    tensor(0.2500)
    """
    return 10 ** (-snr(reference, estimate) / 10)


def si_snr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SNR in dB, higher is better: `(..., T), (..., T) -> (...)` (paper, Table 1).

    Means are removed. The estimate is split into the part along the reference, s = x ⟨x̂, x⟩ / ⟨x, x⟩, and the rest e:
    10 log₁₀ (‖s‖² / ‖e‖²). Any gain, also a negative one, scores the same; a shift by a few samples does not. A
    silent signal on either side scores -inf.

    >>> x = torch.tensor([1.0, -1.0, 1.0, -1.0])
    >>> si_snr(x, 0.1 * x + torch.tensor([0.01, 0.01, -0.01, -0.01])).round(decimals=2)
    tensor(20.)
    """
    _check(reference, estimate)
    x = reference.double() - reference.double().mean(dim=-1, keepdim=True)
    y = estimate.double() - estimate.double().mean(dim=-1, keepdim=True)
    energy = x.square().sum(dim=-1, keepdim=True)
    along = torch.where(energy > 0, (x * y).sum(dim=-1, keepdim=True) / energy, 0) * x
    signal, rest = along.square().sum(dim=-1), (y - along).square().sum(dim=-1)
    ratio = torch.where(signal == 0, 0, torch.where(rest == 0, torch.inf, signal / rest))
    return (10 * torch.log10(ratio)).to(reference.dtype)


def stoi(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """Short-time objective intelligibility (Taal et al. 2011), higher is better, about 0 to 1: `(..., T) -> (...)`.

    How well the envelopes of 15 third-octave bands agree over 384 ms at a time, where the reference is not silent.
    It needs speech of half a second or more, and is a matter of `pystoi`.

    Raises:
        ConfigError: `pystoi` is not installed, or the signal is shorter than one such stretch of speech.
    """
    _check(reference, estimate)
    try:
        import pystoi
    except ImportError as error:
        raise ConfigError("STOI needs pystoi: pip install 'hypersound-lib[metrics]'") from error
    seconds = reference.shape[-1] / sample_rate
    too_short = f"STOI needs half a second of speech; {seconds:.2f} s were given"
    if seconds < 0.4:  # pystoi fails on the shortest signals, each in another way
        raise ConfigError(too_short)
    pairs = zip(reference.reshape(-1, reference.shape[-1]), estimate.reshape(-1, estimate.shape[-1]), strict=True)
    values = []
    for x, y in pairs:
        with warnings.catch_warnings():
            # On too little speech pystoi warns and returns 1e-5, which would pass for a bad score.
            warnings.simplefilter("error", RuntimeWarning)
            try:
                values.append(pystoi.stoi(x.double().cpu().numpy(), y.double().cpu().numpy(), sample_rate))
            except RuntimeWarning as error:
                raise ConfigError(f"{too_short} ({error})") from error
    return torch.tensor(values, dtype=reference.dtype, device=reference.device).reshape(reference.shape[:-1])


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
