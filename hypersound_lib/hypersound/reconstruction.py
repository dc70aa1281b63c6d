"""Any sound through a `HyperSound`: clips that overlap, each played at the output's own instants, cross-faded.

    sound    |-----------------------------------------|
    clip 0   |----------------\\                              weights of neighbours add up to one
    clip 1                  /---------------\\
    clip 2                                 /-----------|0 0 0

Clips start at whole samples of the model's rate. At another rate such a start mostly lies between two output samples,
so each clip is asked for instants of its own: the network is a function of time, and nothing need be interpolated.

Models are trained on recordings at full scale and without an offset, so the sound's mean is set aside, and one gain
brings the rest to full scale. A clip that is far louder than most has a gain of its own: a click does not take the
others down to where the model has learnt nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coords import time_coords
from hypersound_lib.data.waveforms import exactly, resample_blocks, resampled_length, sound_blocks
from hypersound_lib.errors import ConfigError, check_sample_rate

if TYPE_CHECKING:
    from hypersound_lib.hypersound.model import HyperSound

OVERLAP = 1 / 8  # of neighbouring clips, as part of a clip; at most a half
_AT_ONCE = 16  # clips that the model encodes together; it bounds the memory and does not change the result
_LOUDEST = 8.0  # 18 dB: so far above the median of all clips' peaks one may peak before it has a gain of its own


def clips_per_second(model: "HyperSound") -> float:
    """Return how many sets of weights describe a second of a long sound: 1 / hop.

    >>> from hypersound_lib import HyperSound
    >>> from hypersound_lib.presets import preset
    >>> round(clips_per_second(HyperSound(preset("tutorial").model)), 2)  # 2048 samples at 8 kHz, a hop of 1792
    4.46
    """
    length = model.config.num_samples
    return model.config.sample_rate / (length - math.floor(OVERLAP * length))


@torch.no_grad()
def reconstruct_blocks(
    model: "HyperSound", read: Callable[[], Iterable[Tensor]], sample_rate: int, output_rate: int | None = None
) -> Iterator[Tensor]:
    """Yield what `HyperSound.reconstruct` returns, block by block; see `PretrainedModel.reconstruct_blocks`."""
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    check_sample_rate(sample_rate, output_rate)
    num_samples = sum(map(len, read()))

    def heard() -> Iterator[Tensor]:
        return resample_blocks(sound_blocks(read()), sample_rate, rate)

    clips = _Clips(model, heard, Fraction(num_samples, sample_rate))
    total = resampled_length(num_samples, sample_rate, output_rate)
    if output_rate < rate:
        played = _played(model, clips, rate, resampled_length(num_samples, sample_rate, rate))
        yield from exactly(total, resample_blocks(played, rate, output_rate))
    else:
        yield from _played(model, clips, output_rate, total)


class _Clips:
    """A sound in clips that overlap, its mean set aside.

    Each time that `heard` is called it gives the sound's blocks at the model's rate; its duration is in seconds.
    """

    def __init__(self, model: "HyperSound", heard: Callable[[], Iterable[Tensor]], duration: Fraction):
        self.heard, self.length = heard, model.config.num_samples
        self.fade = math.floor(OVERLAP * self.length)  # samples at the model's rate
        self.hop = self.length - self.fade
        self.count = 1 + max(0, math.ceil((duration * model.config.sample_rate - self.length) / self.hop))
        sums = [(block.double().sum().item(), len(block)) for block in heard()]
        self.offset = sum(part for part, _ in sums) / max(1, sum(count for _, count in sums))
        self.gains = _gains(torch.cat([clip.abs().amax(dim=-1) for clip in self.batches(64)]))

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield all clips `(≤ size, N)`; zeros fill up the last one."""
        held, source, left = torch.zeros(0), iter(self.heard()), self.count
        while left:
            count = min(size, left)
            needed = (count - 1) * self.hop + self.length
            while len(held) < needed and (block := next(source, None)) is not None:
                held = torch.cat([held, block - self.offset])
            window = functional.pad(held[:needed], (0, max(0, needed - len(held))))
            yield window.unfold(0, self.length, self.hop)
            held, left = held[count * self.hop :], left - count


def _played(model: "HyperSound", clips: _Clips, output_rate: int, total: int) -> Iterator[Tensor]:
    """Play each clip, and cross-fade: blocks of `(total,)` in all."""
    if not clips.gains.any():
        yield from torch.full((total,), clips.offset).split(2**18)
        return
    rate, device = model.config.sample_rate, next(model.parameters()).device
    held, done, number = torch.zeros(0, dtype=torch.float64), 0, 0  # samples from `done` on that are not yet whole
    for batch in clips.batches(_AT_ONCE):
        gains = clips.gains[number : number + len(batch)]
        params = model.encode((batch / gains[:, None]).nan_to_num(0).to(device))  # 0 / 0 where all is silent
        grids = [_Grid((number + i) * clips.hop, clips.length, rate, output_rate) for i in range(len(batch))]
        end = min(total, grids[-1].first + grids[-1].count)
        held = torch.cat([held, held.new_full((max(0, end - done - len(held)),), clips.offset)])
        for gain, grid, sound in zip(gains, grids, _play(model, params, grids), strict=True):
            weights = grid.weights(clips.fade, opens=number > 0, closes=number < clips.count - 1)
            part = held[grid.first - done : grid.first - done + grid.count]  # cut short where the sound ends
            part += (gain * weights * sound[: grid.count].cpu())[: len(part)]
            number += 1
        following = _Grid(number * clips.hop, clips.length, rate, output_rate).first
        ready = min(following, total) if number < clips.count else total
        block = held[: ready - done].float()
        if not block.isfinite().all():
            raise ConfigError("the model's sound holds NaN or Inf; load its weights again, or train them further")
        yield block
        held, done = held[ready - done :], ready


def _gains(peaks: Tensor) -> Tensor:
    """Return what brings each clip to full scale, by the clips' peaks `(K,)`: mostly one number, the peak of all.

    >>> _gains(torch.tensor([0.1, 0.5, 0.2])), _gains(torch.tensor([0.01, 1.0, 0.01]))
    (tensor([0.5000, 0.5000, 0.5000]), tensor([0.0800, 1.0000, 0.0800]))
    """
    return peaks.maximum((_LOUDEST * peaks.median()).minimum(peaks.max()))


class _Grid:
    """The output's instants within one clip, counted in integers, so that none is lost or placed wrongly.

    `start`, the clip's first, and `length` count samples of the model's `rate`; rates are in Hz.
    """

    def __init__(self, start: int, length: int, rate: int, output_rate: int):
        self.length, self.rate, self.output_rate = length, rate, output_rate
        self.first = -(-start * output_rate // rate)  # the first instant i / output_rate that is not before the clip
        self.count = -(-(start + length) * output_rate // rate) - self.first
        # How far it lies after the clip's start, in units of 1 / (rate * output_rate) s.
        self.offset = self.first * rate - start * output_rate

    def coords(self, count: int) -> Tensor:
        """Return `count` instants as coordinates `(count, 1)`, float64: products of integers, then one division."""
        ticks = self.offset + self.rate * torch.arange(count, dtype=torch.int64)
        return (ticks.double() / (self.length * self.output_rate)).unsqueeze(-1)

    def weights(self, fade: int, opens: bool, closes: bool) -> Tensor:
        """Return raised cosines over the first and last `fade` samples of the model's rate: `(count,)`, float64."""
        position = self.coords(self.count).squeeze(-1) * self.length  # in samples of the model's rate
        weights = torch.ones_like(position)
        if fade and opens:
            weights *= _rise(position / fade)
        if fade and closes:
            weights *= 1 - _rise((position - (self.length - fade)) / fade)
        return weights


def _rise(x: Tensor) -> Tensor:
    """Return 0 below 0, 1 above 1, and half a cosine between."""
    return torch.sin(torch.pi / 2 * x.clamp(0, 1)).square()


def _play(model: "HyperSound", params: dict[str, Tensor], grids: list[_Grid]) -> Tensor:
    """Return each clip at its own instants, `(B, T)` with T the largest count: what lies beyond is to be dropped."""
    output_rate = grids[0].output_rate
    if not any(grid.offset for grid in grids):  # all clips have the same instants, which is faster
        return model.decode(params, sample_rate=output_rate)
    count = max(grid.count for grid in grids)
    # The precision that decode would choose.
    dtype = time_coords(1, sample_rate=output_rate, duration=model.duration, start=count - 1).dtype
    coords = torch.stack([grid.coords(count) for grid in grids])  # (B, T, 1)
    return model.target(coords.to(next(iter(params.values())).device, dtype), params)
