"""How probable each integer is: rows of probability tables, from what was decoded before.

A packet holds K frames of two kinds of integers. First all side numbers h, one set for a few frames; then the waves'
integers y (K, M), frame after frame, the even waves of a frame before its odd ones:

    h_k   given h_{k-1}, h_{k-2}                      a network for all D numbers: what to expect, and its row
    y_k   given h, and |y| of earlier frames          a network for all M waves ("whole"), then
          and of neighbours in time and frequency     one small network for each wave, the same for all ("near"):

        frame k-2        ·  o  o  o  ·                 an even wave m takes o as input,
        frame k-1     ·  o  o  o  o  o                 an odd wave the even ones of its own frame, too
        frame k        x     x (m) x     x

All of it runs on `ExactNetwork`s, so encoder and decoder agree to the last bit. A packet takes no memory from the one
before. The rate knob is an input everywhere.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.coding.exact import ExactNetwork, snap
from hypersound_lib.coding.tables import ProbabilityTable
from hypersound_lib.local.blocks import shift

_CACHED = 64  # frames at once
_ROWS = 4.0  # what a network's output of 1 stands for
_SIDE_UNIT = 4.0  # side numbers are about so large
_LARGEST = 19  # magnitudes above count as this in contexts: what tables hold
_PAST = range(-2, 3), range(-1, 2)  # neighbours that `near` takes from frames k - 1 and k - 2
_EVEN = (-7, -5, -3, -1, 1, 3, 5, 7)  # and from its own frame, where it is odd


class Packets(NamedTuple):
    """What is sent: P packets of K frames, as whole numbers in floating point."""

    side: Tensor  # h (P, ⌈K / held⌉, D): each stands for `held` frames
    waves: Tensor  # y (P, K, M)


def loudness(y: Tensor) -> Tensor:
    """Return log₂(1 + |y|) on the exact grid, from a table that is made once: `(…) -> (…)`, of y's dtype."""
    return _LOUDNESS.to(y)[y.abs().clamp(max=_LARGEST).long()]


# Multiples of 2⁻¹⁰. A logarithm that differed in its last digit elsewhere would still round to the same one: none of
# these 20 lies nearer to a boundary between two multiples than 10⁻⁷ (a test computes how near).
_LOUDNESS = snap(torch.log2(1 + torch.arange(_LARGEST + 1, dtype=torch.float64)))


class EntropyModel(nn.Module):
    """Rows, and expected side numbers, for all integers of packets.

    Args:
        side: D, side numbers of a frame.
        waves: M, even.
        width: of the networks for all waves.
        near: width of the network for each wave.
        held: for how many frames side numbers stand.
    """

    def __init__(self, side: int, waves: int, width: int = 160, near: int = 24, held: int = 1):
        super().__init__()
        self.side, self.waves, self.held = side, waves, held
        self.side_table = ProbabilityTable(rows=48)
        self.wave_table = ProbabilityTable()
        self.side_network = ExactNetwork(2 * side + 2, 64, 2 * side)
        self.whole = ExactNetwork(3 * waves + 3 * side + 2, width, width, waves)
        inputs = 3 + sum(map(len, _PAST)) + 1
        self.near = nn.ModuleList([ExactNetwork(inputs + len(extra), near, near, 1) for extra in ((), _EVEN)])
        with torch.no_grad():
            self.side_network.layers[-1].bias[side:] = 24 / _ROWS
            self.whole.layers[-1].bias.fill_(16 / _ROWS)
        with torch.device("cpu"):
            position = torch.arange(waves) / 128  # on the exact grid
        self.register_buffer("position", position, persistent=False)

    def side_rows(self, h: Tensor, knob: Tensor, starts: bool = True) -> tuple[Tensor, Tensor]:
        """Return expected side numbers and rows for all frames, or the next: `(B, K, D), (B,) -> (B, K, D) × 2`.

        Those of frame k depend on frames before k alone.

        Args:
            h: side numbers, integers.
            knob: the rate knob, on the exact grid.
            starts: whether the first frame is the packet's.
        """
        last, before = shift(h, -1), shift(h, -2)
        fresh = torch.zeros_like(h[..., :1])
        fresh[:, 0] = float(starts)
        mean, row = self.side_network(
            torch.cat([snap(last / _SIDE_UNIT), snap(before / _SIDE_UNIT), _spread(knob, h), fresh], dim=-1)
        ).chunk(2, dim=-1)
        mean = last + mean * _SIDE_UNIT
        rounded = (mean + 0.5).floor()
        return mean + (rounded - mean).detach(), row * _ROWS

    def context(self, h: Tensor, frames: int) -> Tensor:
        """Return what `whole` takes of the side numbers: `(B, ⌈K / held⌉, D) -> (B, K, 3 D)`."""
        h = hold(h, self.held, frames)
        return snap(torch.cat([shift(h, -1), h, shift(h, 1)], dim=-1) / _SIDE_UNIT)

    def whole_rows(self, past: list[Tensor], context: Tensor, knob: Tensor, starts: bool = True) -> Tensor:
        """Return a first guess of the rows of all waves, in units of `_ROWS`: `(B, K, M)`.

        Args:
            past: loudness `(B, K, M)` of the frame before, the one before that, and the mean of four before those.
            context: what `context` returns.
            knob: `(B,)`.
            starts: whether the first frame is the packet's.
        """
        fresh = torch.zeros_like(context[..., :1])
        fresh[:, 0] = float(starts)
        return self.whole(torch.cat([*past, context, _spread(knob, context), fresh], dim=-1))

    def near_rows(self, odd: bool, whole: Tensor, past: list[Tensor], knob: Tensor, even: Tensor | None) -> Tensor:
        """Return the rows of the even or the odd waves: `(B, K, M / 2)`.

        Args:
            odd: which.
            whole: what `whole_rows` returns.
            past: as there.
            knob: `(B,)`.
            even: loudness of the even waves of the same frames, `(B, K, M / 2)`, for the odd ones.
        """
        inputs = [whole, self.position.to(whole).expand_as(whole), _spread(knob, whole).expand_as(whole)]
        inputs += _neighbours(past[0], _PAST[0]) + _neighbours(past[1], _PAST[1]) + [past[2]]
        inputs = [part[..., odd::2] for part in inputs]
        if odd:
            assert even is not None
            inputs += _neighbours(even, [(offset + 1) // 2 for offset in _EVEN])
        rows = self.near[odd].columns(torch.stack(inputs).flatten(1)).view_as(inputs[0])
        return snap(inputs[0] + rows) * _ROWS

    def wave_rows(self, y: Tensor, h: Tensor, knob: Tensor) -> Tensor:
        """Return the rows of all waves of all frames: `(B, K, M), (B, K, D), (B,) -> (B, K, M)`."""
        now = loudness(y)
        past = pasts(now)
        whole = self.whole_rows(past, self.context(h, y.shape[1]), knob)
        # Where no gradients are wanted, so few frames at once that what is between the layers stays in the cache.
        count = y.shape[1] if self.training else max(1, _CACHED // len(y))
        parts = []
        for pieces in zip(*(part.split(count, dim=1) for part in (whole, now, *past)), strict=True):
            some, present, before = pieces[0], pieces[1], list(pieces[2:])
            even = self.near_rows(False, some, before, knob, None)
            odd = self.near_rows(True, some, before, knob, present[..., ::2])
            parts.append(torch.stack([even, odd], dim=-1).flatten(-2))
        return torch.cat(parts, dim=1)

    def bits(self, h: Tensor, y: Tensor, knob: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code lengths of packets' side numbers and waves, in bits: `(B,), (B,)`.

        Args:
            h: `(B, K, D)`, and
            y: `(B, K, M)`: integers, or real numbers to be rounded, with gradients as in `ProbabilityTable.bits`.
            knob: `(B,)`.
        """
        whole_h = round_through(h)
        mean, rows = self.side_rows(whole_h, knob)
        side = self.side_table.bits(h - mean, rows)
        waves = self.wave_table.bits(y, self.wave_rows(y.detach().round(), whole_h, knob))
        return side.sum(dim=(1, 2)), waves.sum(dim=(1, 2))

    @property
    def is_frozen(self) -> bool:
        """Whether there are integer frequencies to code with."""
        return all(table.is_frozen for table in (self.side_table, self.wave_table))

    def freeze(self) -> None:
        """Fix the integer frequencies of both tables."""
        self.side_table.freeze()
        self.wave_table.freeze()

    def exact(self) -> "EntropyModel":
        """Turn all networks to exact arithmetic, in place."""
        for network in (self.side_network, self.whole, *self.near):
            network.exact()
        return self


def pasts(now: Tensor) -> list[Tensor]:
    """Return the loudness of the frame before, of the one before that, and the mean of the four before those."""
    return [shift(now, -1), shift(now, -2), snap(sum(shift(now, -k) for k in (3, 4, 5, 6)) / 4)]


def hold(side: Tensor, held: int, frames: int) -> Tensor:
    """Repeat side numbers for all the frames that they stand for: `(P, ⌈K / held⌉, D) -> (P, K, D)`."""
    return side if held == 1 else side.repeat_interleave(held, dim=1)[:, :frames]


def round_through(x: Tensor) -> Tensor:
    """Round, and pass gradients through as if nothing had happened ("straight-through")."""
    return x + (x.round() - x).detach()


def _spread(knob: Tensor, like: Tensor) -> Tensor:
    return knob.to(like)[:, None, None].expand(*like.shape[:2], 1)


def _neighbours(x: Tensor, offsets) -> list[Tensor]:
    """Return x with wave m + offset in the place of wave m, zeros beyond the ends, for each offset."""
    margin = max(abs(offset) for offset in offsets)
    padded = functional.pad(x, (margin, margin))
    return [padded[..., margin + offset : margin + offset + x.shape[-1]] for offset in offsets]
