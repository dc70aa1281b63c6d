"""The paper's augmentations, after RAVE (Caillon and Esling 2021): phase mangle and dequantisation.

Each is a step ``(waveform (T,), rng) -> waveform (T,)``. All randomness comes from `rng`, so that whoever hands it out
decides what repeats. The third augmentation, the random crop, is in `RandomClips`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError

Step = Callable[[Tensor, np.random.Generator], Tensor]


def all_pass(waveform: Tensor, sample_rate: int, frequency: float, radius: float = 0.99) -> Tensor:
    """Shift a waveform's phases around one frequency and leave every magnitude as it is.

    A second-order all-pass filter with poles p = r·exp(±jω), ω = 2π·frequency / sample_rate:

        A(z) = 1 − 2r·cos ω·z⁻¹ + r²·z⁻²,      H(z) = z⁻²·A(1/z) / A(z)

    The numerator is the denominator with its coefficients reversed. On the unit circle 1/z is the conjugate of z, so
    with real coefficients |A(1/z)| = |A(z)| and |H| = 1 exactly. The phase turns by 360° around ω. The filter starts
    at rest, and its ringing (r^n) past the end is cut off. The recursion runs in float64: near 20 Hz both poles crowd
    at z = r and amplify rounding, to -89 dB of the signal in float32, more than a 16-bit step.

    Args:
        waveform: ``(T,)``.
        sample_rate: in Hz.
        frequency: of the pole, in Hz, below sample_rate / 2.
        radius: of the pole, between 0 and 1; the nearer to 1, the narrower the band whose phase turns.

    Returns:
        ``(T,)`` in the waveform's dtype.

    Raises:
        ConfigError: the pole is outside the unit circle or above the Nyquist frequency.

    >>> impulse = torch.zeros(4096, dtype=torch.float64)
    >>> impulse[0] = 1
    >>> magnitude = torch.fft.rfft(all_pass(impulse, 22050, 440.0)).abs()
    >>> bool(torch.allclose(magnitude, torch.ones_like(magnitude)))
    True
    """
    if not 0 <= radius < 1 or not 0 <= frequency < sample_rate / 2:
        limits = f"0 <= radius < 1 and 0 <= frequency < {sample_rate / 2} Hz"
        raise ConfigError(f"an all-pass pole needs {limits}, not radius {radius} and {frequency} Hz")
    from scipy.signal import lfilter  # takes most of a second to import: only who filters waits for it

    cosine = math.cos(2 * math.pi * frequency / sample_rate)
    poles = np.array([1.0, -2 * radius * cosine, radius**2])
    filtered = lfilter(poles[::-1], poles, waveform.numpy())  # float64, as the coefficients are
    return torch.from_numpy(filtered).to(waveform.dtype)


@dataclass(frozen=True)
class PhaseMangle:
    """Step: with some probability, an all-pass filter at a random pole (paper, "Optimization").

    The frequency is drawn evenly on a logarithmic axis, as in RAVE: as many draws between 20 and 200 Hz as between
    200 and 2000 Hz. The peak may change, for it depends on phase.
    """

    sample_rate: int  # Hz
    min_frequency: float = 20.0  # Hz
    max_frequency: float = 2000.0  # Hz
    radius: float = 0.99
    probability: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.min_frequency <= self.max_frequency < self.sample_rate / 2:
            raise ConfigError(
                f"phase mangle draws a pole from {self.min_frequency} to {self.max_frequency} Hz, which must be "
                f"positive, in order and below {self.sample_rate / 2} Hz, half the sample rate"
            )
        if not 0 <= self.probability <= 1 or not 0 <= self.radius < 1:
            raise ConfigError(
                f"phase mangle needs 0 <= probability <= 1 and 0 <= radius < 1, not {self.probability} "
                f"and {self.radius}"
            )

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return ``(T,)``, filtered or as it is."""
        if rng.random() >= self.probability:
            return waveform
        frequency = math.exp(rng.uniform(math.log(self.min_frequency), math.log(self.max_frequency)))
        return all_pass(waveform, self.sample_rate, frequency, self.radius)


@dataclass(frozen=True)
class Dequantize:
    """Step: uniform noise one LSB wide, which spreads each integer step over the range that rounds to it.

    The noise lies in [−½, ½) LSB, where one LSB is 2 / 2^bits of full scale ±1. So it adds no offset, and
    quantising again gives the same integers back (but for ties that float32 rounds).
    """

    bits: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 24:
            raise ConfigError(f"dequantisation of {self.bits} bits: float32 audio has 1 to 24")

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return ``(T,)`` with noise added."""
        noise = torch.from_numpy(rng.random(len(waveform), dtype=np.float32))
        return noise.sub_(0.5).mul_(2.0 ** (1 - self.bits)).add_(waveform)


def paper_augmentation(sample_rate: int) -> tuple[Step, ...]:
    """Return the paper's steps after the random crop, at a rate in Hz: phase mangle, then 16-bit dequantisation.

    >>> [type(step).__name__ for step in paper_augmentation(22050)]
    ['PhaseMangle', 'Dequantize']
    """
    return (PhaseMangle(sample_rate), Dequantize(16))
