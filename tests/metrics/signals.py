"""Signals that the tests of the metrics share."""

import math

import torch
from torch import Tensor

from hypersound_lib.data import load_dataset

RATE = 22050


def speechlike(num_samples: int = 8192, seed: int = 0) -> Tensor:
    """Return a buzz of 120 Hz over a little noise, loud enough that no bin of a spectrum is empty."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(num_samples) / RATE
    voice = sum(torch.sin(2 * math.pi * 120 * k * t) / k for k in range(1, 30))
    return 0.3 * voice / voice.abs().max() + 1e-3 * torch.randn(num_samples, generator=generator)


NOISE = torch.randn(8192, generator=torch.Generator().manual_seed(1))


def voices(seconds: float = 2.0) -> Tensor:
    """Return two stretches of embedded speech at RATE, as a batch `(2, T)`."""
    sounds = load_dataset("mini")
    assert sounds[0].sample_rate == RATE
    return torch.stack([sounds[i].waveform[8000 : 8000 + round(seconds * RATE)] for i in (0, 5)])


def noisy(clean: Tensor, level: float) -> Tensor:
    """Add white noise of `level` times the signals' RMS."""
    return clean + level * clean.std() * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
