"""How probable each integer is: rows of probability tables, from what was decoded before.

A packet holds K frames of two kinds of integers. First all side numbers h, one set for a few frames; then the waves'
integers y (K, M), frame after frame, the even waves of a frame before its odd ones:

    h_k   given h_{k-1}, h_{k-2}                      a network for all D numbers: what to expect, and its row
    |y_k| given h, and |y| of earlier frames          a network for all M waves ("whole"), then
          and of neighbours in time and frequency     one small network for each wave, the same for all ("near"):

        frame k-2        ·  o  o  o  ·                 an even wave m takes o as input,
        frame k-1     ·  o  o  o  o  o                 an odd wave the even ones of its own frame, too
        frame k        x     x (m) x     x

When all magnitudes are known, the signs follow, and what is beyond the tables: see `signs` and `excess`. All of it runs
on `ExactNetwork`s and tables, so encoder and decoder agree to the last bit. A packet takes no memory from the one
before. The rate knob is an input everywhere.
"""

from functools import reduce
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from hypersound_lib.coding.exact import ExactNetwork, loudness, snap
from hypersound_lib.coding.excess import CONTEXTS, DIGITS, ExcessModel
from hypersound_lib.coding.signs import SignModel
from hypersound_lib.coding.tables import ProbabilityTable
from hypersound_lib.coding.tensors import Places, Surrounded, any_near, hold, round_through, shift, spread

_ROWS = 4.0  # what a network's output of 1 stands for
SIDE_UNIT = 4.0  # side numbers are about so large
_PAST = (-1, range(-2, 3)), (-2, range(-1, 2))  # neighbours that `near` takes: frames, and waves in them
_BEFORE = sum(len(some) for _, some in _PAST)
_EVEN = range(-7, 8, 2)  # and, where it is odd, the even waves of its own frame
MARGIN = 7  # waves beyond the ends that are looked at


class Packets(NamedTuple):
    """What is sent: P packets of K frames, as whole numbers in floating point."""

    side: Tensor  # h (P, ⌈K / held⌉, D): each stands for `held` frames
    waves: Tensor  # y (P, K, M)


class Past(NamedTuple):
    """What is known of the waves in earlier frames."""

    frames: tuple[Tensor, ...]  # loudness (B, K, M) in frame k - 1, in k - 2, and the mean of the four before those
    near: Surrounded  # loudness of all frames, of which B · K are in question
    reached: Tensor  # (B · K, M): where anything near is not 0

    @classmethod
    def of(cls, near: Surrounded, *frames: Tensor) -> "Past":
        """Look where they are not 0."""
        return cls(frames, near, any_near((reduce(torch.add, frames) > 0).flatten(0, 1), range(-2, 3)))


class EntropyModel(nn.Module):
    """Rows, and expected side numbers, for all integers of packets.

    Args:
        side: D, side numbers of a frame.
        waves: M, even.
        width: of the networks for all waves.
        near: width of the network for each wave.
        sign: width of the network for each wave's sign.
        held: for how many frames side numbers stand.
    """

    def __init__(self, side: int, waves: int, width: int = 160, near: int = 24, sign: int = 32, held: int = 1):
        super().__init__()
        self.side, self.waves, self.held = side, waves, held
        self.side_table = ProbabilityTable(rows=48)
        self.wave_table = ProbabilityTable()
        self.side_network = ExactNetwork(2 * side + 2, 64, 2 * side)
        self.whole = ExactNetwork(3 * waves + 3 * side + 2, width, width, waves)
        self.near = nn.ModuleList([ExactNetwork(4 + _BEFORE + more, near, near, 1) for more in (0, len(_EVEN))])
        self.signs = SignModel(waves, sign)
        self.excess = ExcessModel(self.wave_table.symbols - 1, ProbabilityTable(CONTEXTS, DIGITS))
        with torch.no_grad():
            self.side_network.last.bias[side:] = 24 / _ROWS
            self.whole.last.bias.fill_(16 / _ROWS)

    def side_rows(self, h: Tensor, knob: Tensor, starts: bool = True) -> tuple[Tensor, Tensor]:
        """Return expected side numbers and rows for all frames, or the next: `(B, K, D), (B,) -> (B, K, D) × 2`.

        Those of frame k depend on frames before k alone. `starts` says whether the first frame is the packet's; the
        knob lies on the exact grid.
        """
        last, before = shift(h, -1), shift(h, -2)
        known = snap(last / SIDE_UNIT), snap(before / SIDE_UNIT), *_knob_and_start(knob, h, starts)
        mean, row = self.side_network(torch.cat(known, dim=-1)).chunk(2, dim=-1)
        mean = last + mean * SIDE_UNIT
        rounded = (mean + 0.5).floor()
        return mean + (rounded - mean).detach(), row * _ROWS

    def context(self, h: Tensor, frames: int) -> Tensor:
        """Return what `whole` takes of the side numbers: `(B, ⌈K / held⌉, D) -> (B, K, 3 D)`."""
        h = hold(h, self.held, frames)
        return snap(torch.cat([shift(h, -1), h, shift(h, 1)], dim=-1) / SIDE_UNIT)

    def whole_rows(self, past: tuple[Tensor, ...], context: Tensor, knob: Tensor, starts: bool = True) -> Tensor:
        """Return a first guess of all waves' rows, in units of `_ROWS`, from `pasts` and `context`: `(B, K, M)`."""
        return self.whole(torch.cat([*past, context, *_knob_and_start(knob, context, starts)], dim=-1))

    def near_rows(self, odd: bool, whole: Tensor, past: Past, knob: Tensor, even: Tensor | None) -> Tensor:
        """Return the rows of the even or the odd waves, from what `whole_rows` returns: `(B, K, M / 2)`.

        Odd ones take the loudness of the even waves of the same frames, `(B, K, M / 2)`, as well. Where all neighbours
        are 0 nothing near is known, and the first guess stays: at 6 kbit/s of four waves in five.
        """
        reached = past.reached[..., int(odd) :: 2]
        if even is not None:
            even = even.flatten(0, 1)
            reached = reached | any_near(even > 0, range(-3, 5))
        at = Places.of(reached)
        wave = 2 * at.column + int(odd)
        guess = whole[..., int(odd) :: 2].flatten(0, 1)
        knobs = knob.to(whole).repeat_interleave(whole.shape[1])
        own = at.take(guess), wave.to(whole) / 128, knobs.index_select(0, at.row)
        mean = past.frames[2].flatten().index_select(0, 2 * at.number + int(odd))
        around = past.near.around(at.row, wave, (*_PAST, (0, _EVEN)) if odd else _PAST)
        before, now = around[:_BEFORE], around[_BEFORE:]
        known = [*(x[None] for x in own), before, mean[None], now, torch.ones_like(mean)[None]]
        change = cast(ExactNetwork, self.near[odd]).columns(torch.cat(known))[0]
        return snap((guess + at.put(change)).view(*whole.shape[:2], -1)) * _ROWS

    def wave_rows(self, y: Tensor, h: Tensor, knob: Tensor) -> Tensor:
        """Return the rows of all waves of all frames: `(B, K, M), (B, K, D), (B,) -> (B, K, M)`."""
        now = loudness(y)
        past = Past.of(Surrounded.of(now, MARGIN, 2), *pasts(now))
        whole = self.whole_rows(past.frames, self.context(h, y.shape[1]), knob)
        even = self.near_rows(False, whole, past, knob, None)
        odd = self.near_rows(True, whole, past, knob, now[..., ::2])
        return torch.stack([even, odd], dim=-1).flatten(-2)

    def bits(self, h: Tensor, y: Tensor, knob: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code lengths of packets' side numbers and waves in bits: `(B, K, D), (B, K, M), (B,) -> (B,) × 2`.

        These are integers, or real numbers to be rounded, with gradients as in `ProbabilityTable.bits`.
        """
        side, whole = round_through(h), y.detach().round()
        rows = self.wave_rows(whole, side, knob)
        waves = self.wave_table.bits(y, rows, self.signs.bits(whole, knob), self.excess.bits(whole))
        mean, rows = self.side_rows(side, knob)
        return self.side_table.bits(h - mean, rows).sum(dim=(1, 2)), waves.sum(dim=(1, 2))

    @property
    def is_frozen(self) -> bool:
        """Whether there are integer frequencies to code with."""
        return all(table.is_frozen for table in self._tables)

    def freeze(self) -> None:
        """Fix the integer frequencies of all tables."""
        for table in self._tables:
            table.freeze()

    @property
    def _tables(self) -> tuple[ProbabilityTable, ...]:
        return self.side_table, self.wave_table, self.excess.table

    def exact(self) -> "EntropyModel":
        """Turn all networks to exact arithmetic, in place."""
        for network in (self.side_network, self.whole, *self.near, self.signs):
            network.exact()
        return self


def pasts(now: Tensor) -> tuple[Tensor, ...]:
    """Return what `Past.frames` holds, for all frames of packets: `(B, K, M) -> (B, K, M) × 3`."""
    return shift(now, -1), shift(now, -2), snap(reduce(torch.add, (shift(now, -k) for k in (3, 4, 5, 6))) / 4)


def _knob_and_start(knob: Tensor, like: Tensor, starts: bool) -> tuple[Tensor, Tensor]:
    """Return the knob, and 1 in a packet's first frame, 0 in others: `(B,), (B, K, …) -> (B, K, 1) × 2`."""
    first = torch.zeros_like(like[..., :1])
    first[:, 0].fill_(float(starts))
    return spread(knob, like), first
