"""The best fixed code of the same waves: for each band a step, a table of probabilities, and values; a range coder.

    sound ──lapped waves──► c / step_b ──rounded──► integers ──range coder──► bytes ──► values ──► sound

All is fitted to training voices, once for each rate, and nothing follows the sound. What the parameters mean:

- step_b = Δ · rms_b^γ, with rms_b the mean level of band b. γ = 0 gives the least squared error; the larger γ, the more
  of the error lies where voices are loud. Δ is the step with which the voices take as many bits as asked for.
- a dead zone: |c| / step_b is rounded down up to ½ + zone. Zeros cost least.
- an integer stands for the mean of what was rounded to it, band by band.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError
from hypersound_lib.local.target import LocalINR
from hypersound_lib.local.waves import LappedTransform

_BAND = 16  # waves
_LARGEST = 1023  # magnitudes above are coded as this
_MEANS = 15  # magnitudes up to which means are taken; there are too few above
_SMALLEST_STEP, _LARGEST_STEP, _HALVINGS = 1e-5, 10.0, 14
_LENGTH_BYTES = 4  # a file's header: the number of samples


class FixedCode:
    """Quantised lapped waves at one rate.

    Args:
        voices: training sounds `(T,)` at one rate, about full scale.
        delta: Δ.
        gamma: γ.
        zone: from 0, which rounds to the nearest integer, to below ½.
        hop: between frames, in samples; a multiple of 16.

    >>> noise = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    >>> code = FixedCode([noise], delta=0.5)
    >>> code.decode(code.encode(noise)).shape
    torch.Size([4000])
    """

    def __init__(self, voices: Sequence[Tensor], delta: float, gamma: float = 0.0, zone: float = 0.0, hop: int = 320):
        if hop % _BAND or not (delta > 0 and 0 <= zone < 0.5) or not voices:
            raise ConfigError(f"no fixed code of {len(voices)} voices, Δ = {delta}, zone {zone}, and a hop of {hop}")
        self.transform, self.target = LappedTransform(hop), LocalINR(hop)
        self._fit(torch.cat([self.transform(voice[None])[0] for voice in voices]), delta, gamma, zone)
        self.num_samples = sum(map(len, voices))

    def _fit(self, waves: Tensor, delta: float, gamma: float, zone: float) -> None:
        """Set steps, tables and values from amplitudes `(K, M)`."""
        bands = waves.unflatten(-1, (-1, _BAND))  # (K, bands, 16)
        rms = bands.square().mean(dim=(0, 2)).sqrt().clamp(min=1e-9)
        relative = rms / rms.log().mean().exp()
        self.zone = zone
        self.steps = delta * relative.pow(gamma)[:, None]  # (bands, 1)
        size = (bands / self.steps).abs()
        index = self._rounded(size).long() + torch.arange(len(rms))[:, None] * (_LARGEST + 1)
        flat, shape = index.flatten(), (len(rms), _LARGEST + 1)
        count = torch.bincount(flat, minlength=index.shape[1] * shape[1]).view(shape)
        total = torch.bincount(flat, size.flatten(), minlength=index.shape[1] * shape[1]).view(shape)
        self.probabilities = (count + 0.01) / (count + 0.01).sum(dim=-1, keepdim=True)  # (bands, 1024)
        self.values = torch.arange(_LARGEST + 1.0).repeat(len(rms), 1)
        self.values[:, 1 : _MEANS + 1] = torch.where(count > 20, total / count.clamp(min=1), self.values)[
            :, 1 : _MEANS + 1
        ]
        self.bits = float(-(count * self.probabilities.log2()).sum() + count[:, 1:].sum())  # of the voices; signs too

    @classmethod
    def of_rate(
        cls, voices: Sequence[Tensor], kbps: float, sample_rate: int, gamma: float = 0.0, zone: float = 0.0
    ) -> "FixedCode":
        """Return the code in which the voices take so many kbit/s; sounds that are noisier than these take more."""
        low, high = _SMALLEST_STEP, _LARGEST_STEP
        for _ in range(_HALVINGS):
            delta = (low * high) ** 0.5
            code = cls(voices, delta, gamma, zone)
            fits = code.bits / 1000 / (code.num_samples / sample_rate) <= kbps
            low, high = (low, delta) if fits else (delta, high)
        return cls(voices, high, gamma, zone)

    def _rounded(self, size: Tensor) -> Tensor:
        return (size + 0.5 - self.zone).floor().clamp(0, _LARGEST)

    def encode(self, sound: Tensor) -> bytes:
        """Return a file's content: `(T,)` to the number of samples, then a band's magnitudes after the other's, signs.

        Sizes are real, header included.
        """
        from constriction import stream

        waves = self.transform(sound[None])[0].unflatten(-1, (-1, _BAND)) / self.steps
        sizes, encoder = self._rounded(waves.abs()).to(torch.int32), stream.queue.RangeEncoder()
        for band, table in zip(sizes.unbind(1), self._tables(), strict=True):
            encoder.encode(band.flatten().numpy(), stream.model.Categorical(table, perfect=False))
        encoder.encode((waves[sizes > 0] < 0).to(torch.int32).numpy(), stream.model.Uniform(2))
        words = encoder.get_compressed().astype(">u4").tobytes().rstrip(b"\0")
        return len(sound).to_bytes(_LENGTH_BYTES, "big") + words

    def decode(self, data: bytes) -> Tensor:
        """Return what `encode` has written as a sound again."""
        from constriction import stream

        num_samples = int.from_bytes(data[:_LENGTH_BYTES], "big")
        words = data[_LENGTH_BYTES:] + bytes(-len(data[_LENGTH_BYTES:]) % 4)
        decoder, frames = (
            stream.queue.RangeDecoder(np.frombuffer(words, ">u4").astype(np.uint32)),
            self.transform.frames_in(num_samples),
        )
        sizes = [
            torch.from_numpy(
                decoder.decode(stream.model.Categorical(table, perfect=False), frames * _BAND).reshape(frames, -1)
            )
            for table in self._tables()
        ]
        number = torch.stack(sizes, dim=1).long()  # (K, bands, 16)
        sign = torch.zeros(number.shape)
        sign[number > 0] = (
            1 - 2 * torch.from_numpy(decoder.decode(stream.model.Uniform(2), int((number > 0).sum()))).float()
        )
        values = self.values.gather(1, number.transpose(0, 1).flatten(1)).unflatten(1, (frames, -1)).transpose(0, 1)
        return self.target((sign * values * self.steps).flatten(1)[None], num_samples)[0]

    def _tables(self) -> np.ndarray:
        return self.probabilities.numpy().astype(np.float32)
