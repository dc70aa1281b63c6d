"""Augmentation for a model that is to code any sound: levels, speeds, and signals that no corpus of speech holds.

Each is a step `(waveform (T,), rng) -> waveform (T,)`, as in `augment`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.data.augment import Step


@dataclass(frozen=True)
class Level:
    """Step: another level, evenly drawn in dB, and either polarity."""

    lowest: float = -14.0  # dB
    highest: float = 3.0

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return `(T,)`, louder or quieter."""
        return waveform * (10 ** (rng.uniform(self.lowest, self.highest) / 20) * rng.choice((-1.0, 1.0)))


@dataclass(frozen=True)
class Speed:
    """Step: with some probability, play slower or faster, pitch included: other voices. The end is zeros if faster."""

    slowest: float = 0.85
    fastest: float = 1.12
    probability: float = 0.5

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return `(T,)`."""
        speed = rng.uniform(self.slowest, self.fastest)
        if rng.random() >= self.probability:
            return waveform
        import soxr

        count = len(waveform)
        taken = waveform[: math.ceil(count * min(1.0, speed))].numpy()
        played = torch.from_numpy(soxr.resample(taken, speed, 1.0, quality="MQ"))[:count]
        return functional.pad(played, (0, count - len(played)))


@dataclass(frozen=True)
class SyntheticSignal:
    """Step: with some probability, a tone, chirp, noise or clicks in place of the clip, or a gap or offset in it."""

    sample_rate: int  # Hz
    probability: float = 0.06

    def __call__(self, waveform: Tensor, rng: np.random.Generator) -> Tensor:
        """Return `(T,)`."""
        if rng.random() >= self.probability:
            return waveform
        make = (self._tone, self._chirp, self._noise, self._clicks, self._gap, self._offset)[rng.integers(6)]
        level = 10 ** (rng.uniform(-36, -3) / 20)
        return make(waveform, level, rng).float()

    def _tone(self, waveform: Tensor, level: float, rng: np.random.Generator) -> Tensor:
        phase = 2 * math.pi * (self._pitch(rng) * torch.arange(len(waveform)).double() + rng.random())
        return level * phase.sin()

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
        even = rng.uniform(lowest, 0.49)
        return float(even if rng.random() < 0.5 else math.exp(rng.uniform(math.log(lowest), math.log(0.49))))


def codec_augmentation(sample_rate: int) -> tuple[Step, ...]:
    """Return the steps that `LocalHyperSound` is trained with: speed, test signals, level.

    >>> [type(step).__name__ for step in codec_augmentation(22050)]
    ['Speed', 'SyntheticSignal', 'Level']
    """
    return Speed(), SyntheticSignal(sample_rate), Level()
