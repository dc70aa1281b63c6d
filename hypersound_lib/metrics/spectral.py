"""Distances between spectrograms: they see how strong each frequency is at each time, and ignore phase.

Both look through the same window, 2048/44100 s at any sample rate, so that a bin is always 21.5 Hz wide.
"""

import functools
import warnings

import torch
from torch import Tensor

from hypersound_lib.errors import MetricRefused, check_sample_rate
from hypersound_lib.metrics.waveform import as_pair

MEL_BINS = 80  # of `mel_distance`; fewer at rates so low that one of them would hold no frequency


def lsd(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """Log-spectral distance, lower is better: `(..., T), (..., T) -> (...)`.

    The difference of the logarithms (base 10) of two power spectrograms, as root mean square over frequency, then
    mean over frames. Windows of 2048/44100 s, every 10 ms. It ignores phase. Powers below -120 dB of a full-scale
    sine count as -120 dB, so that digital silence gives a finite distance.

    Raises:
        MetricRefused: the signals are not longer than half a window.
        ConfigError: the rate is none.
    """
    a, b = (log_power(signal, sample_rate) for signal in as_pair(reference, estimate))
    return (a - b).square().mean(dim=-2).sqrt().mean(dim=-1)


def mel_distance(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """Mel distance, in powers of ten of amplitude, lower is better: `(..., T), (..., T) -> (...)`.

    Magnitudes of windows of 2048/44100 s, three quarters overlapping, summed under 80 triangles of height 1 that are
    spread evenly on the mel scale (Slaney's) from 0 Hz to half the sample rate; the mean absolute difference of the
    logarithms (base 10). A tenth of the amplitude everywhere is a distance of 1. It ignores phase, and the high
    frequencies weigh less than in `lsd`. Mel magnitudes below -100 dB of a full-scale sine, about where the noise of
    16-bit samples lies, count as -100 dB, so that silence gives a finite distance.

    Raises:
        MetricRefused: the signals are not longer than half a window.
        ConfigError: the rate is none.
    """
    a, b = (_log_mel(signal, sample_rate) for signal in as_pair(reference, estimate))
    return (a - b).abs().mean(dim=(-2, -1))


def log_power(waveform: Tensor, sample_rate: int, center: bool = True) -> Tensor:
    """Return what `lsd` compares, `(..., T) -> (..., F, frames)`: logarithms of powers, windows every 10 ms.

    Without `center` the first window begins with the first sample, and nothing is mirrored at the ends.
    """
    spectrum, full_scale_sine = _spectrum(waveform, sample_rate, sample_rate // 100, center)
    power = torch.clamp(spectrum.square(), min=1e-12 * full_scale_sine**2)
    return torch.log10(power)


def _log_mel(waveform: Tensor, sample_rate: int) -> Tensor:
    spectrum, full_scale_sine = _spectrum(waveform, sample_rate, window_length(sample_rate) // 4)
    magnitude = mel_filters(sample_rate).to(spectrum) @ (spectrum / full_scale_sine)
    return torch.log10(torch.clamp(magnitude, min=1e-5))


def _spectrum(waveform: Tensor, sample_rate: int, hop_length: int, center: bool = True) -> tuple[Tensor, Tensor]:
    """Return magnitudes `(..., n_fft // 2 + 1, frames)` and that of a full-scale sine in the middle of a bin."""
    n_fft = window_length(sample_rate)
    check_length(waveform.shape[-1], sample_rate)
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    rows = waveform.reshape(-1, waveform.shape[-1])  # torch.stft knows one dimension of batch
    spectrum = torch.stft(rows, n_fft, hop_length, window=window, center=center, return_complex=True).abs()
    return spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[-2:]), window.sum() / 2


def check_length(num_samples: int, sample_rate: int) -> None:
    """Raise MetricRefused where a sound is too short for a spectrum: its ends are padded by mirroring half a window."""
    half = window_length(sample_rate) // 2
    if num_samples <= half:
        raise MetricRefused(f"a spectrum at {sample_rate} Hz needs more than {half} samples, not {num_samples}")


def window_length(sample_rate: int) -> int:
    """Return the samples of a window; ConfigError where there is no rate."""
    check_sample_rate(sample_rate)
    return round(2048 * sample_rate / 44100)


@functools.cache
def mel_filters(sample_rate: int) -> Tensor:
    """Return the triangles of `mel_distance`, `(n_mels, n_fft // 2 + 1)`: as many as MEL_BINS, none of them empty.

    >>> mel_filters(22050).shape
    torch.Size([80, 513])
    """
    from librosa.filters import mel  # takes a second to import

    for n_mels in range(MEL_BINS, 0, -1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of empty filters, which the next line looks for
            filters = mel(sr=sample_rate, n_fft=window_length(sample_rate), n_mels=n_mels, norm=None)
        if filters.any(axis=1).all():
            break
    return torch.from_numpy(filters)
