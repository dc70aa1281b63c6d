"""Where in frequency a copy is wrong: what resampling folds back (aliases) or leaves above a Nyquist (images)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError, check_sample_rate

_FLOOR = 1e-15  # -150 dB


@dataclass(frozen=True)
class BandError:
    """One band of frequencies; levels are relative to the whole reference's."""

    low: float  # Hz
    high: float  # Hz
    reference_db: float  # how much of the reference lies in the band
    error_db: float  # how much of the difference does; above `reference_db`, the band would be better silent


def band_errors(reference: Tensor, estimate: Tensor, sample_rate: int, edges: Sequence[float] = ()) -> list[BandError]:
    """Split the energy of a reference and of a copy's error by frequency: `(T,), (T,)`.

    By Parseval's theorem the energy of a band is the sum of |X_k|² over the bins k that lie in it, and the bands'
    energies add up to the whole. A Hann window keeps a loud band from leaking into its neighbours.

    Args:
        reference: the true sound.
        estimate: its copy, as long and at the same rate.
        sample_rate: in Hz.
        edges: of the bands, in Hz, rising; none stands for octaves up from 125 Hz, and the rest up to Nyquist.

    Raises:
        ConfigError: the sounds differ in length, the reference is silent, the rate is none, or the edges do not rise.

    >>> t = torch.arange(8000) / 8000
    >>> x = torch.sin(2 * torch.pi * 440 * t)
    >>> error = band_errors(x, x + 0.01 * torch.sin(2 * torch.pi * 3000 * t), 8000, [0, 1000, 4000])
    >>> error[0].error_db < -100, round(error[1].error_db)
    (True, -40)
    """
    if reference.ndim != 1 or reference.shape != estimate.shape:
        raise ConfigError(f"bands compare two sounds (T,), not {tuple(reference.shape)} and {tuple(estimate.shape)}")
    check_sample_rate(sample_rate)
    limits = list(edges) or _octaves(sample_rate / 2)
    if sorted(set(limits)) != limits or len(limits) < 2:
        raise ConfigError(f"the edges of bands rise, and there are two or more, not {limits}")
    window = torch.hann_window(len(reference), dtype=torch.float64)
    hertz = torch.fft.rfftfreq(len(reference), 1 / sample_rate, dtype=torch.float64)
    signals = (window * signal.detach().cpu().double() for signal in (reference, reference - estimate))
    power, wrong = (torch.fft.rfft(signal).abs().square() for signal in signals)
    total = power.sum()
    if total == 0:
        raise ConfigError("the reference is silent: no level is relative to it")
    bands = []
    for i, (low, high) in enumerate(pairwise(limits)):
        inside = (hertz >= low) & ((hertz < high) | ((hertz == high) & (i == len(limits) - 2)))
        levels = (10 * torch.log10((p[inside].sum() / total).clamp(min=_FLOOR)).item() for p in (power, wrong))
        bands.append(BandError(low, high, *levels))
    return bands


def _octaves(nyquist: float) -> list[float]:
    octaves = (125.0 * 2**k for k in range(16))
    return [0.0, *(octave for octave in octaves if octave < nyquist), nyquist]
