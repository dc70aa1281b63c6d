"""Two sounds that come in blocks, compared in constant memory: what `snr`, `nmse` and `lsd` say of their joins."""

import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.spectral import check_length, log_power, window_length


def compare_blocks(
    reference: Iterable[Tensor], estimate: Iterable[Tensor], sample_rate: int
) -> dict[str, float | MetricRefused]:
    """Return SNR in dB, NMSE and LSD; in place of a value that there is none of, the reason.

    Args:
        reference: blocks `(T_i,)` of any length.
        estimate: blocks `(T_j,)`, together as long.
        sample_rate: of both, in Hz.

    Raises:
        ConfigError: one is longer than the other.

    >>> x = torch.rand(44100)
    >>> {name: round(value, 2) for name, value in compare_blocks(x.split(1000), (x / 2).split(7000), 44100).items()}
    {'snr': 6.02, 'nmse': 0.25, 'lsd': 0.6}
    """
    signal = noise = 0.0
    distance = _SpectralDistance(sample_rate)
    for pair in _pairs(reference, estimate):  # (2, n)
        x, y = pair.double()
        signal += float(x.square().sum())
        noise += float((x - y).square().sum())
        distance.add(pair)
    nmse = 0.0 if noise == 0 else math.inf if signal == 0 else noise / signal
    snr = math.inf if nmse == 0 else -math.inf if nmse == math.inf else -10 * math.log10(nmse)
    try:
        return {"snr": snr, "nmse": nmse, "lsd": distance.result()}
    except MetricRefused as refusal:
        return {"snr": snr, "nmse": nmse, "lsd": refusal}


def _pairs(reference: Iterable[Tensor], estimate: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield pieces of both that lie at the same time, `(2, n)`."""
    held = [torch.zeros(0), torch.zeros(0)]
    for blocks in zip_longest(reference, estimate, fillvalue=torch.zeros(0)):
        held = [torch.cat(parts) for parts in zip(held, blocks, strict=True)]
        count = min(map(len, held))
        if count:
            yield torch.stack([part[:count] for part in held])
            held = [part[count:] for part in held]
    if left := max(map(len, held)):
        raise ConfigError(f"a sound is compared with one of its own length, not with one of {left} samples more")


class _SpectralDistance:
    """`lsd`, frame by frame. The ends are mirrored as torch.stft does it: half a window, without the last sample."""

    def __init__(self, sample_rate: int):
        self.sample_rate = sample_rate
        self.held = torch.zeros(2, 0)  # from the first sample of the next frame on
        self.samples = self.frames = 0
        self.total = 0.0

    def add(self, pair: Tensor) -> None:
        """Take the next samples `(2, n)`."""
        self.samples += pair.shape[1]
        self.held = torch.cat([self.held, pair], dim=1)
        if self.samples > (half := window_length(self.sample_rate) // 2):
            if self.samples - pair.shape[1] <= half:  # for the first time
                self.held = torch.cat([self.held[:, 1 : half + 1].flip(1), self.held], dim=1)
            self._take_frames()

    def result(self) -> float:
        """Return the mean over frames; MetricRefused where there is none."""
        check_length(self.samples, self.sample_rate)
        # A frame is more than twice as long as the way to the next one: half a frame is always held.
        half = window_length(self.sample_rate) // 2
        self.held = torch.cat([self.held, self.held[:, -half - 1 : -1].flip(1)], dim=1)
        self._take_frames()
        return self.total / self.frames

    def _take_frames(self) -> None:
        if self.held.shape[1] < window_length(self.sample_rate):
            return
        reference, estimate = log_power(self.held, self.sample_rate, center=False)  # (F, frames)
        distances = (reference - estimate).square().mean(dim=0).sqrt()
        self.total += float(distances.double().sum())
        self.frames += len(distances)
        self.held = self.held[:, len(distances) * (self.sample_rate // 100) :]
