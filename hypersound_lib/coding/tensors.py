"""What PyTorch lacks: clamping and rounding that pass gradients, a fast asinh, frames moved and held, neighbours."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.devices import kept


def bound(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp, with gradients that lead back from outside, and none that lead further out: `(…) -> (…)`.

    With those of `clamp`, which are zero outside, what strayed never comes back; with gradients that pass it strays on.
    """
    return _Bound.apply(x, low, high)


class _Bound(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save_for_backward(x)
        ctx.limits = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, gradient):
        (x,), (low, high) = ctx.saved_tensors, ctx.limits
        # A step of descent goes against the gradient.
        outwards = ((x < low) & (gradient > 0)) | ((x > high) & (gradient < 0))
        return gradient.masked_fill(outwards, 0), None, None


def round_through(x: Tensor) -> Tensor:
    """Round, and pass gradients through as if nothing had happened ("straight-through")."""
    return x + (x.round() - x).detach()


def asinh(size: Tensor) -> Tensor:
    """Return asinh of numbers that are not negative: on a CPU in a tenth of the time that `torch.asinh` takes.

    >>> asinh(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """
    x = size.to(torch.promote_types(size.dtype, torch.float32))  # half has no squares of large numbers
    return (x + (x * x + 1).sqrt()).log().to(size.dtype)


def shift(x: Tensor, offset: int) -> Tensor:
    """Return x with frame k + offset in the place of frame k, zeros beyond the ends: `(B, K, W) -> (B, K, W)`.

    >>> shift(torch.tensor([[[1.0], [2.0], [3.0]]]), -1).flatten().tolist()
    [0.0, 1.0, 2.0]
    """
    if offset == 0:
        return x
    if abs(offset) >= x.shape[1]:
        return torch.zeros_like(x)
    return functional.pad(x, (0, 0, -offset, offset))


def side_by_side(x: Tensor, offsets: Sequence[int]) -> Tensor:
    """Return frames k + offset beside each other, zeros beyond the ends: `(B, K, W) -> (B, K, offsets · W)`.

    >>> side_by_side(torch.tensor([[[1.0], [2.0], [3.0]]]), (-2, 0)).tolist()
    [[[0.0, 1.0], [0.0, 2.0], [1.0, 3.0]]]
    """
    return torch.cat([shift(x, offset) for offset in offsets], dim=-1)


def hold(side: Tensor, held: int, frames: int) -> Tensor:
    """Repeat side numbers for all the frames that they stand for: `(P, ⌈K / held⌉, D) -> (P, K, D)`."""
    return side if held == 1 else side.repeat_interleave(held, dim=1)[:, :frames]


def spread(knob: Tensor, like: Tensor) -> Tensor:
    """Repeat each packet's knob for all frames of numbers: `(P,), (P, K, …) -> (P, K, 1)`."""
    return knob.to(like)[:, None, None].expand(*like.shape[:2], 1)


def runs(frames: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Yield each number of frames, and which packets in a row have it.

    >>> list(runs([68, 68, 5]))
    [(68, slice(0, 2, None)), (5, slice(2, 3, None))]
    """
    first = 0
    for count, alike in groupby(frames):
        some = slice(first, first + len(list(alike)))
        yield count, some
        first = some.stop


def whole_packets(x: Tensor, size: int) -> Tensor:
    """Cut frames `(B, K, W)` into packets `(B · P, K', W)`, the last one of each filled up with zeros.

    Fewer frames than `size` are one packet as they are.
    """
    size = min(size, x.shape[1])
    return functional.pad(x, (0, 0, 0, -x.shape[1] % size)).unflatten(1, (-1, size)).flatten(0, 1)


def any_near(x: Tensor, offsets: Sequence[int]) -> Tensor:
    """Return whether any of the waves m + offset is true: `(N, M) -> (N, M)`."""
    padded, count = functional.pad(x, (-offsets[0], offsets[-1])), x.shape[-1]
    found = padded[..., :count].clone()
    for k in range(1, len(offsets)):
        found |= padded[..., k : k + count]
    return found


class Places(NamedTuple):
    """Entries of a tensor that are true, in ascending order; on a GPU, which one would wait for, all of them."""

    wanted: Tensor  # (N, M)
    number: Tensor  # (C,): row · M + column
    row: Tensor
    column: Tensor

    @classmethod
    def of(cls, wanted: Tensor) -> "Places":
        """Find them."""
        if _is_dense(wanted.device):
            number = torch.arange(wanted.numel(), device=wanted.device)
        else:
            number = wanted.flatten().nonzero().squeeze(1)
        row = number // wanted.shape[1]
        return cls(wanted, number, row, number - row * wanted.shape[1])

    def take(self, x: Tensor) -> Tensor:
        """Return what stands there: `(N, M) -> (C,)`."""
        return x.flatten() if _is_dense(x.device) else x.flatten().index_select(0, self.number)

    def put(self, values: Tensor) -> Tensor:
        """Return values there, zeros elsewhere: `(C,) -> (N, M)`."""
        if _is_dense(values.device):
            return self.wanted * values.view(self.wanted.shape)
        return values.new_zeros(self.wanted.numel()).index_copy(0, self.number, values).view(self.wanted.shape)


def last_column(wanted: Tensor) -> int:
    """Return how many columns there are up to the last one that has a true entry: `(…, M)`, 0 … M.

    On a GPU, which would have to be waited for, all of them.
    """
    count = wanted.shape[-1]
    if _is_dense(wanted.device):
        return count
    found = wanted.reshape(-1, count).any(dim=0).nonzero()
    return int(found[-1]) + 1 if len(found) else 0


def _is_dense(device: torch.device) -> bool:
    return device.type != "cpu"


class Surrounded(NamedTuple):
    """Frames of waves with zeros around them, so that what is around a wave is found by counting."""

    rows: Tensor  # (B, K', R), contiguous
    starts: Tensor  # (N,): where in them, counted through, wave 0 of the frames in question stands

    @classmethod
    def of(cls, x: Tensor, margin: int, before: int, after: int = 0) -> "Surrounded":
        """Put so many waves and frames of zeros around: `(B, K, M)`, of which all frames are in question."""
        rows = functional.pad(x, (margin, margin, before, after))
        return cls(rows, frame_starts(rows, margin, before, x.shape[1]))

    def around(self, frame: Tensor, wave: Tensor, offsets: Sequence[tuple[int, range]]) -> Tensor:
        """Return values around waves of frames: `(C,), (C,) -> (offsets, C)`.

        Offsets are those of a frame, as seen from one, and of waves in it, one frame after the other.
        """
        steps = tuple(k * self.rows.shape[-1] + step for k, some in offsets for step in some)
        at = self.starts.index_select(0, frame) + wave
        return self.rows.view(-1).take(at + _column(steps, at.device))


def frame_starts(rows: Tensor, margin: int, first: int, count: int) -> Tensor:
    """Return where wave 0 of frames stands in rows `(B, K', R)`, counted through: `(B · count,)`."""
    packet, frame = (torch.arange(n, device=rows.device) for n in (len(rows), count))
    return ((packet[:, None] * rows.shape[1] + first + frame) * rows.shape[2] + margin).flatten()


@kept
def _column(numbers: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(numbers, device=device).unsqueeze(-1)
