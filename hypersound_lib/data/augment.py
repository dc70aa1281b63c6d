"""Augmentations: the paper's, after RAVE (Caillon and Esling 2021), and those for a model that is to code any sound.

Each is a step ``(waveform (T,), rng) -> waveform (T,)``. All randomness comes from `rng`, so that whoever hands it out
decides what repeats. The paper's third augmentation, the random crop, is in `RandomClips`. For coding there are levels,
speeds, and signals that no corpus of speech holds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional

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

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return ``(T,)``, filtered or as it is."""
        if rng.random() >= self.probability:
            return waveform
        frequency = _evenly_in_octaves(self.min_frequency, self.max_frequency, rng)
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


def change_level(waveform: Tensor, rng: np.random.Generator) -> Tensor:
    """Step: another level, evenly drawn from -14 to 3 dB, and either polarity."""
    return waveform * (10 ** (rng.uniform(-14.0, 3.0) / 20) * rng.choice((-1.0, 1.0)))


def change_speed(waveform: Tensor, rng: np.random.Generator) -> Tensor:
    """Step: as often as not, play at 0.85 to 1.12 of the speed, pitch included: other voices. Zeros fill the end."""
    speed = rng.uniform(0.85, 1.12)
    if rng.random() >= 0.5:
        return waveform
    count = len(waveform)
    taken = waveform[: math.ceil(count * min(1.0, speed))].numpy()
    played = torch.from_numpy(soxr.resample(taken, speed, 1.0, quality="MQ"))[:count]
    return functional.pad(played, (0, count - len(played)))


@dataclass(frozen=True)
class SyntheticSignal:
    """Step: in 12 % of all clips, tones, chirp, noise or clicks in place of the clip, or a gap or offset in it."""

    sample_rate: int  # Hz

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return `(T,)`."""
        if rng.random() >= 0.12:
            return waveform
        steady = self._tones, self._harmonics  # twice as often as all others: in them one hears what is added
        others = self._chirp, self._noise, self._clicks, self._gap, self._offset
        is_steady = rng.random() < 2 / 3
        kinds = steady if is_steady else others
        make = kinds[rng.integers(len(kinds))]
        level = 10 ** (rng.uniform(-24 if is_steady else -36, -3) / 20)
        return make(waveform, level, rng).float()

    def _tones(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        """Return one tone as often as two to four, each up to 24 dB below the level."""
        time = 2 * math.pi * torch.arange(len(waveform)).double()
        tone = (self._pitch(rng) * time + rng.uniform(0, 2 * math.pi)).sin()
        for _ in range(int(rng.integers(1, 4) * rng.integers(2))):
            tone += 10 ** rng.uniform(-1.2, 0) * (self._pitch(rng) * time + rng.uniform(0, 2 * math.pi)).sin()
        return level * tone

    def _harmonics(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        """Return all harmonics, or the odd ones, of 60 to 1000 Hz, each weaker than the one before."""
        pitch = _evenly_in_octaves(60, 1000, rng) / self.sample_rate
        orders = torch.arange(1, max(1, int(0.49 / pitch)) + 1, int(rng.integers(1, 3))).double()[:, None]
        time = torch.arange(len(waveform)) + rng.uniform(0, 1 / pitch)
        sound = (2 * math.pi * pitch * orders * time).sin() / orders ** rng.uniform(0.5, 2)
        return level * sound.sum(dim=0)

    def _chirp(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        pitch = torch.linspace(self._pitch(rng), self._pitch(rng), len(waveform), dtype=torch.float64)
        return level * (2 * math.pi * (pitch.cumsum(0) + rng.random())).sin()

    def _noise(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        noise = 0.3 * level * torch.from_numpy(rng.standard_normal(len(waveform)))
        return noise if rng.random() < 0.5 else waveform + 0.1 * noise

    def _clicks(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        clicks = torch.zeros(len(waveform))
        clicks[torch.from_numpy(rng.integers(len(waveform), size=rng.integers(1, 12)))] = level
        return clicks

    def _gap(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        first, last = sorted(rng.integers(len(waveform) + 1, size=2))
        gap = waveform.clone()
        gap[first:last] = 2.0**-15 * torch.from_numpy(rng.integers(-1, 2, size=last - first)) * (rng.random() < 0.5)
        return gap

    def _offset(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        return waveform + level * rng.choice((-1.0, 1.0))

    def _pitch(self, rng: np.random.Generator) -> float:
        """Return a frequency in cycles per sample, from 40 Hz nearly to the Nyquist frequency."""
        lowest = 40 / self.sample_rate
        even = rng.uniform(lowest, 0.498)
        return even if rng.random() < 0.5 else _evenly_in_octaves(lowest, 0.498, rng)


def _evenly_in_octaves(lowest: float, highest: float, rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(lowest), math.log(highest)))


def codec_augmentation(sample_rate: int) -> tuple[Step, ...]:
    """Return the steps that `LocalHyperSound` is trained with: speed, test signals, level."""
    return change_speed, SyntheticSignal(sample_rate), change_level
