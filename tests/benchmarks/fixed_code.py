"""The best fixed code of the same waves: a step, a table of probabilities and one of values for each band of waves.

    c ──|c|^p / step_b, rounded──► integers ──range coder──► bytes ──values_b──► c'

All is fitted to training voices, once for each rate; nothing follows the sound. The choices that it has:

- step_b = Δ · rms_b^γ, with rms_b the mean level of band b. γ = 0 gives the least squared error; the larger γ, the more
  of the error lies where voices are loud. Δ is the step with which the voices take as many bits as asked for.
- p < 1 makes steps finer for small amplitudes and coarser for large ones, as MP3 and AAC do with p = 3/4.
- amplitudes are made smaller by a part of a step, the dead zone, before they are rounded: fewer bits for little error.
- an integer stands for the mean amplitude of what was rounded to it; 0 for noise of so much of that mean.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.local.target import LocalINR
from hypersound_lib.local.waves import LappedTransform

_BAND = 16  # waves
_LARGEST = 1023  # magnitudes above are coded as this
_MEANS = 15  # magnitudes up to which means are taken; voices have too few above
_FINEST, _COARSEST, _HALVINGS = 1e-5, 10.0, 14  # Δ, and how often the range between is halved
_LENGTH_BYTES = 4  # a file's header: the number of samples


class FixedCode:
    """Quantised lapped waves at one rate.

    Args:
        voices: training sounds `(T,)` at one rate, about full scale.
        delta: Δ.
        gamma: γ.
        power: p.
        noise: what 0 stands for, as part of the mean amplitude of what was rounded to 0.
        dead_zone: in steps.
        hop: between frames, in samples; a multiple of 16.

    >>> sound = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    >>> code = FixedCode([sound], delta=0.5)
    >>> code.decode(code.encode(sound)).shape
    torch.Size([4000])
    """

    def __init__(
        self,
        voices: Sequence[Tensor],
        delta: float,
        gamma: float = 0.0,
        power: float = 1.0,
        noise: float = 0.0,
        dead_zone: float = 0.0,
        hop: int = 320,
    ):
        self.transform, self.target = LappedTransform(hop), LocalINR(hop)
        self.power, self.dead_zone = power, dead_zone
        waves = torch.cat([self._waves(voice) for voice in voices], dim=1)
        rms = waves.square().mean(dim=(1, 2)).sqrt().clamp(min=1e-9)[:, None, None]
        self.steps = delta * rms.pow(gamma)  # (bands, 1, 1)
        self._fit(waves.abs().flatten(1), noise)
        self.kbits = self.bits(waves) / 1000

    def _fit(self, size: Tensor, noise: float) -> None:
        """Count magnitudes, and take means, of amplitudes `(bands, n)`."""
        number = self._number(size[..., None])[..., 0]
        count, total = (torch.zeros(len(size), _LARGEST + 1) for _ in range(2))
        count.scatter_add_(1, number, torch.ones_like(size))
        total.scatter_add_(1, number, size)
        self.probabilities = (count + 0.01) / (count + 0.01).sum(dim=1, keepdim=True)
        values = (torch.arange(_LARGEST + 1.0) * self.steps[:, 0]).pow(1 / self.power)
        known = (count > 20) & (torch.arange(_LARGEST + 1) <= _MEANS)
        self.values = torch.where(known, total / count.clamp(min=1), values)
        self.values[:, 0] *= noise

    @classmethod
    def of_rate(cls, voices: Sequence[Tensor], kbps: float, sample_rate: int, **choices: Any) -> "FixedCode":
        """Return the code in which the voices take so many kbit/s, with γ, p, noise and dead zone as given."""
        low, high = _FINEST, _COARSEST
        seconds = sum(map(len, voices)) / sample_rate
        for _ in range(_HALVINGS):
            delta = (low * high) ** 0.5
            low, high = (low, delta) if cls(voices, delta, **choices).kbits <= kbps * seconds else (delta, high)
        return cls(voices, high, **choices)

    def bits(self, waves: Tensor) -> float:
        """Return the ideal code length of amplitudes `(bands, K, 16)`, signs included."""
        number = self._number(waves.abs()).flatten(1)
        return float(-self.probabilities.log2().gather(1, number).sum() + (number > 0).sum())

    def encode(self, sound: Tensor) -> bytes:
        """Return a sound `(T,)` as a file's content: its length, the magnitudes of a band after the other's, signs."""
        from constriction import stream

        waves, encoder = self._waves(sound), stream.queue.RangeEncoder()
        numbers = self._number(waves.abs())
        for band, table in zip(numbers.to(torch.int32), self._tables(), strict=True):
            encoder.encode(band.flatten().numpy(), stream.model.Categorical(table, perfect=False))
        encoder.encode((waves[numbers > 0] < 0).to(torch.int32).numpy(), stream.model.Uniform(2))
        words = encoder.get_compressed().astype(">u4").tobytes().rstrip(b"\0")
        return len(sound).to_bytes(_LENGTH_BYTES, "big") + words

    def decode(self, data: bytes) -> Tensor:
        """Return what `encode` has written as a sound again."""
        from constriction import stream

        num_samples, payload = int.from_bytes(data[:_LENGTH_BYTES], "big"), data[_LENGTH_BYTES:]
        words = np.frombuffer(payload + bytes(-len(payload) % 4), ">u4").astype(np.uint32)
        decoder, frames = stream.queue.RangeDecoder(words), self.transform.frames_in(num_samples)
        models = [stream.model.Categorical(table, perfect=False) for table in self._tables()]
        bands = [torch.from_numpy(decoder.decode(model, frames * _BAND)).long() for model in models]
        numbers = torch.stack(bands)  # (bands, K · 16)
        signs = torch.randn(numbers.shape, generator=torch.Generator().manual_seed(0)).sign()  # of the noise
        sent = decoder.decode(stream.model.Uniform(2), int((numbers > 0).sum()))
        signs[numbers > 0] = 1 - 2 * torch.from_numpy(sent).float()
        waves = (signs * self.values.gather(1, numbers)).unflatten(1, (frames, _BAND))
        return self.target(waves.transpose(0, 1).flatten(1)[None], num_samples)[0]

    def _waves(self, sound: Tensor) -> Tensor:
        """Return amplitudes by band: `(bands, K, 16)`."""
        return self.transform(sound[None])[0].unflatten(-1, (-1, _BAND)).transpose(0, 1)

    def _number(self, size: Tensor) -> Tensor:
        return (size.pow(self.power) / self.steps - self.dead_zone).round().clamp(0, _LARGEST).long()

    def _tables(self) -> np.ndarray:
        return self.probabilities.numpy().astype(np.float32)
