"""Windows that cover time and sum to one, and where the samples of any rate lie under them.

    k = 0       1       2       3          frame k is centred k hops after the start, and heard for one hop on each side
    \\      /\\      /\\      /
     \\    /  \\    /  \\    /             w(u) = cos²(πu/2), u = (t - t_k) / hop, |u| < 1
      \\  /    \\  /    \\  /
    ___\\/______\\/______\\/___             w(u) + w(u - 1) = cos²(πu/2) + sin²(πu/2) = 1

In samples of the output a hop lasts H' = hop · output rate / rate, often no whole number. Frame k then starts at sample
i_k = ⌈(k - 1) H'⌉, and its sample j is at u = j / H' - 1 + δ_k, with δ_k = i_k / H' - (k - 1) in [0, 1 / H').
"""

import math
from fractions import Fraction
from functools import lru_cache

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError


def window(u: Tensor) -> Tensor:
    """Return cos²(πu/2) for |u| < 1, else 0.

    >>> [round(value, 6) for value in window(torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])).tolist()]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    inside = u.abs() < 1
    return torch.where(inside, torch.cos(math.pi / 2 * u).square(), torch.zeros_like(u))


def dual_window(u: Tensor) -> Tensor:
    """Return w / (w² + (1 - w)²) for |u| < 1, else 0: heard under it and played under w, lapped waves are exact."""
    w = window(u)
    return w / (w.square() + (1 - w).square())


class FrameGrid:
    """The samples `start … start + count - 1`, under the frames that sound in them.

    Args:
        samples_per_hop: H', in samples of the output.
        start: the first sample.
        count: how many.

    Raises:
        ConfigError: there is no sample, or it lies before the first frame.

    >>> grid = FrameGrid(Fraction(4), start=4, count=8)
    >>> grid.frames
    range(1, 4)
    """

    def __init__(self, samples_per_hop: Fraction, start: int, count: int):
        if samples_per_hop <= 0 or start < 0 or count < 1:
            raise ConfigError(f"samples {start} to {start + count} at {samples_per_hop} per hop cannot be played")
        self.samples_per_hop, self.start, self.count = samples_per_hop, start, count
        first, last = (math.floor(i / samples_per_hop) for i in (start, start + count - 1))
        self.frames = range(first, last + 2)
        self.length = math.ceil(2 * samples_per_hop)  # n: samples of one frame, at most

    @property
    def is_whole(self) -> bool:
        """Whether a hop is a whole number of samples, so that all frames have the same instants."""
        return self.samples_per_hop.denominator == 1

    def starts(self) -> Tensor:
        """Return i_k of each frame: `(K,)`, int64."""
        p, q = self.samples_per_hop.numerator, self.samples_per_hop.denominator
        k = torch.arange(self.frames.start, self.frames.stop)
        return -torch.div(-(k - 1) * p, q, rounding_mode="floor")

    def shifts(self) -> Tensor:
        """Return δ_k of each frame, in hops: `(K,)`, float64. Products of integers, then one division."""
        p, q = self.samples_per_hop.numerator, self.samples_per_hop.denominator
        k = torch.arange(self.frames.start, self.frames.stop)
        return (self.starts() * q - (k - 1) * p).double() / p

    def grid(self) -> Tensor:
        """Return u of a frame whose shift is 0: `(n,)`, float64, from -1."""
        p, q = self.samples_per_hop.numerator, self.samples_per_hop.denominator
        return (torch.arange(self.length) * q - p).double() / p

    def add(self, values: Tensor) -> Tensor:
        """Weigh frames by their windows and add them where they overlap: `(B, K, n) -> (B, count)`."""
        if self.is_whole:
            hop = self.samples_per_hop.numerator
            values = values * _window_of(self.samples_per_hop, values.dtype, values.device)
            halves = values.unflatten(-1, (2, hop))  # (B, K, 2, hop): before and after each centre
            cells = halves[:, :-1, 1] + halves[:, 1:, 0]  # (B, K - 1, hop)
            first = self.start - self.frames.start * hop
            return cells.flatten(1)[:, first : first + self.count]
        starts = self.starts()
        values = values * window(self.grid() + self.shifts()[:, None]).to(values)
        first, last = (math.ceil((k - 1) * self.samples_per_hop) for k in (self.frames.start, self.frames.stop - 1))
        index = (starts[:, None] - first + torch.arange(self.length)).flatten().to(values.device)
        total = values.new_zeros(values.shape[0], last - first + self.length)
        total = total.index_add(1, index, values.flatten(1))
        return total[:, self.start - first : self.start - first + self.count]


@lru_cache(maxsize=16)
def _window_of(samples_per_hop: Fraction, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the window on a whole grid, made once: copied to a GPU for every batch, it would be waited for."""
    return window(FrameGrid(samples_per_hop, 0, 1).grid()).to(device, dtype)
