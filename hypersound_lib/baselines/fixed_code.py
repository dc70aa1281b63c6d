"""The best fixed code of the same waves: a step and a table of probabilities for each band, and the same range coder.

Nothing of it follows the sound. Steps are Δ · rms_b^γ, with rms_b the mean level of band b in training voices: γ = 0 is
best for the waveform, larger values put the error where the sound is loud. Tables are counts of training voices.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.local.target import LocalINR
from hypersound_lib.local.waves import LappedTransform

_BAND = 16  # waves
_LARGEST = 1023  # magnitudes above are coded as this


class FixedCode:
    """Quantised lapped waves at one rate.

    Args:
        voices: training sounds `(T,)`, about full scale.
        delta: the common step.
        gamma: γ.
        hop: between frames, in samples.
    """

    def __init__(self, voices: Sequence[Tensor], delta: float, gamma: float = 0.0, hop: int = 320):
        self.transform, self.target, self.hop = LappedTransform(hop), LocalINR(hop), hop
        waves = torch.cat([self.transform(voice.unsqueeze(0))[0] for voice in voices])  # (K, M)
        rms = waves.unflatten(-1, (-1, _BAND)).square().mean(dim=(0, 2)).sqrt()
        self.steps = delta * (rms / rms.mean()).clamp(min=1e-3).pow(gamma).repeat_interleave(_BAND)
        numbers = self._round(waves).abs().long().unflatten(-1, (-1, _BAND))
        counts = torch.stack([torch.bincount(band.flatten(), minlength=_LARGEST + 1) for band in numbers.unbind(1)])
        self.probabilities = ((counts + 0.01) / (counts + 0.01).sum(dim=-1, keepdim=True)).numpy().astype(np.float32)

    def _round(self, waves: Tensor) -> Tensor:
        return (waves / self.steps).round().clamp(-_LARGEST, _LARGEST)

    def copy(self, sound: Tensor) -> tuple[Tensor, int]:
        """Return what a sound `(T,)` becomes, and how many bytes it takes."""
        import constriction

        numbers = self._round(self.transform(sound.unsqueeze(0))[0])
        encoder = constriction.stream.queue.RangeEncoder()
        sizes = numbers.abs().to(torch.int32).unflatten(-1, (-1, _BAND))
        for band, row in zip(sizes.unbind(1), self.probabilities, strict=True):
            model = constriction.stream.model.Categorical(row, perfect=False)
            encoder.encode(band.flatten().numpy(), model)
        signs = (numbers[numbers != 0] < 0).to(torch.int32).numpy()
        encoder.encode(signs, constriction.stream.model.Uniform(2))
        played = self.target((numbers * self.steps).unsqueeze(0), len(sound))[0]
        return played, 4 * len(encoder.get_compressed())
