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
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coords import time_coords
from hypersound_lib.data import as_sound, resample, resampled_length
from hypersound_lib.errors import ConfigError, check_sample_rate

if TYPE_CHECKING:
    from hypersound_lib.hypersound.model import HyperSound

OVERLAP = 1 / 8  # of neighbouring clips, as part of a clip
_LOUDEST = 8.0  # 18 dB: so far above the median of all clips' peaks one may peak before it has a gain of its own


def clips_per_second(model: "HyperSound") -> float:
    """Return how many sets of weights describe a second of a long sound: 1 / hop.

    >>> from hypersound_lib import HyperSound
    >>> from hypersound_lib.presets import preset
    >>> round(clips_per_second(HyperSound(preset("tutorial").model)), 2)  # 512 samples at 8 kHz, a hop of 448
    17.86
    """
    length = model.config.num_samples
    return model.config.sample_rate / (length - math.floor(OVERLAP * length))


@torch.no_grad()
def reconstruct(
    model: "HyperSound",
    waveform: Tensor,
    sample_rate: int,
    output_rate: int | None = None,
    *,
    overlap: float = OVERLAP,
    batch_size: int = 16,
) -> Tensor:
    """Encode a sound of any length and rate, and play it at any rate: `(T,) -> (T',)`; see `HyperSound.reconstruct`."""
    rate = model.config.sample_rate
    output_rate = rate if output_rate is None else output_rate
    waveform = _check(waveform, sample_rate, output_rate, overlap, batch_size)
    total = resampled_length(len(waveform), sample_rate, output_rate)
    if output_rate < rate:
        played = reconstruct(model, waveform, sample_rate, overlap=overlap, batch_size=batch_size)
        played = resample(played, rate, output_rate)
        return functional.pad(played, (0, total - len(played)))
    heard, duration = resample(waveform, sample_rate, rate), Fraction(len(waveform), sample_rate)
    return _reconstruct_in_clips(model, heard, duration, output_rate, total, overlap, batch_size)


def _reconstruct_in_clips(
    model: "HyperSound",
    heard: Tensor,
    duration: Fraction,
    output_rate: int,
    total: int,
    overlap: float,
    batch_size: int,
) -> Tensor:
    """Cut a sound of `duration` seconds into clips, play each, and cross-fade: `(T,) -> (total,)`."""
    rate, length = model.config.sample_rate, model.config.num_samples
    offset = heard.double().mean().item() if len(heard) else 0.0
    heard = heard - offset
    if not heard.any():
        return torch.full((total,), offset)

    fade = math.floor(overlap * length)  # samples at the model's rate; at most half a clip
    hop = length - fade
    count = 1 + max(0, math.ceil((duration * rate - length) / hop))
    zeros = (count - 1) * hop + length - len(heard)
    clips = functional.pad(heard, (0, zeros)).unfold(0, length, hop)  # (K, N)
    gains = _gains(clips)

    device = next(model.parameters()).device
    result = torch.full((total,), offset, dtype=torch.float64)
    for first in range(0, count, batch_size):
        numbers = range(first, min(first + batch_size, count))
        scaled = clips[first : numbers.stop] / gains[first : numbers.stop, None]
        params = model.encode(scaled.nan_to_num(0).to(device))  # 0 / 0 where all is silent
        grids = [_Grid(number * hop, length, rate, output_rate) for number in numbers]
        for number, grid, sound in zip(numbers, grids, _play(model, params, grids), strict=True):
            weights = grid.weights(fade, opens=number > 0, closes=number < count - 1)
            part = result[grid.first : grid.first + grid.count]  # cut short where the sound ends
            part += (gains[number] * weights * sound[: grid.count].cpu())[: len(part)]
    result = result.float()
    if not result.isfinite().all():
        raise ConfigError("the model's sound holds NaN or Inf; load its weights again, or train them further")
    return result


def _gains(clips: Tensor) -> Tensor:
    """Return what brings each clip to full scale, `(K, N) -> (K,)`: mostly one number, the peak of all.

    >>> _gains(torch.tensor([[0.1], [0.5], [0.2]])), _gains(torch.tensor([[0.01], [1.0], [0.01]]))
    (tensor([0.5000, 0.5000, 0.5000]), tensor([0.0800, 1.0000, 0.0800]))
    """
    peaks = clips.abs().amax(dim=-1)
    return peaks.maximum((_LOUDEST * peaks.median()).minimum(peaks.max()))


class _Grid:
    """The output's instants within one clip, counted in integers, so that none is lost or placed wrongly.

    Args:
        start: the clip's first sample, of the model's rate.
        length: of a clip, in samples of the model's rate.
        rate: the model's, in Hz.
        output_rate: in Hz.
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


def _check(waveform: Tensor, sample_rate: int, output_rate: int, overlap: float, batch_size: int) -> Tensor:
    check_sample_rate(sample_rate, output_rate)
    if not 0 <= overlap <= 0.5 or batch_size < 1:
        raise ConfigError(f"overlap lies in [0, 0.5], batch_size is at least 1; not {overlap} and {batch_size}")
    return as_sound(waveform)
