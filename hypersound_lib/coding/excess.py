"""How far beyond its table an integer is: a number q ≥ 0, whose count of digits has a learned probability.

Of a wave's integer |y| ≥ L, the table's largest, something near n = |y| - L is sent: first how many binary digits q + 1
has, by a learned table, then the digits after the first one, a bit each. Elias' gamma code takes as many bits for
the count as there are digits.

A steady tone A cos(2πνu + φ), u in hops, has in wave m and frame k the amplitude A · Re(e^{i(φ + 2πνk - p_m)} W), as
`local.networks.Leak` says: it goes from frame to frame like a cosine. As cos(a + b) + cos(a - b) = 2 cos a cos b,

    y_k = 2c y_{k-1} - y_{k-2},    c = cos 2πν,

whatever A, φ and m are. What 2c is, frames before tell: that for which the squared error of 2c y_{j-1} = y_j + y_{j-2}
is least, over three waves and j = k - 1, k - 2, k - 3. Where half of y_{k-1} is larger than what was wrong when frames
k - 1 and k - 2 were expected like this, the difference to the expected size, r, is sent as q = 2r or -2r - 1. Elsewhere
q is n.

The context of the count is, in the first case, how many digits that error has; in the second the largest count around,
in waves m - 1, m and m + 1 of frame k - 1 and wave m of frame k - 2. Of speech, which is hardly ever so steady, nearly
all is the second.

Sums and products of integers below 2⁵³ are exact in float64; c and what is expected take one division, one product and
one difference, which IEEE 754 rounds alike everywhere.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.coding.tensors import last_column, shift

if TYPE_CHECKING:
    from hypersound_lib.coding.tables import ProbabilityTable

FRAMES, WAVES = 7, 1  # before one, and beside one, that what is expected depends on
_MOST = 2**20 - 2  # beyond the table; q + 1 has at most two digits more
_COUNTS, DIGITS = 21, 22  # contexts of either case; digits of q + 1, at most
CONTEXTS = 2 * _COUNTS
_TRUSTED = 2  # times as large as the error an amplitude must be, to expect the next one


class Expected(NamedTuple):
    """What frames before tell of each wave."""

    size: Tensor  # (P, K, M): how much beyond the table the next amplitude is expected, and 0 where nothing is
    context: Tensor  # (P, K, M): the table's row


class ExcessModel(nn.Module):
    """The code of what is beyond a table.

    Args:
        largest: L, the magnitude by which the waves' table names all that are as large or larger.
        table: of counts, with `CONTEXTS` rows and `DIGITS` symbols.
    """

    def __init__(self, largest: int, table: "ProbabilityTable"):
        super().__init__()
        self.largest = largest
        self.table = table
        with torch.no_grad(), torch.device("cpu"):  # at first half as likely with every digit more or fewer
            context, digits = torch.arange(CONTEXTS)[:, None] % _COUNTS, torch.arange(1, DIGITS + 1)
            self.table.logits.copy_(-0.7 * (digits - context).abs())

    def bits(self, y: Tensor) -> Tensor:
        """Return the code lengths of what is beyond the table, in bits: whole numbers `(P, K, M) -> (P, K, M)`."""
        y = y.to(torch.promote_types(y.dtype, torch.float32))  # half has no such large numbers
        sent, context = self._numbers(y)
        count = digits(sent)
        length = self.table.bits((count - 1).clamp(min=0), context, sign=0.0, beyond=0.0)
        return functional.pad((count > 0) * (length + count - 1), (0, y.shape[-1] - count.shape[-1]))

    def numbers(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return q + 1 where integers are beyond the table, 0 elsewhere, and the table's rows: `(P, K, M) × 2`."""
        sent, context = self._numbers(y)
        rest = 0, y.shape[-1] - sent.shape[-1]
        return functional.pad(sent, rest), functional.pad(context, rest)

    def _numbers(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return them for the lowest waves alone, mostly few: above these there are none."""
        y = self.clipped(y[..., : last_column(y.abs() >= self.largest) + WAVES])
        expected = self.expected(y)
        return self.sent(y, expected), expected.context

    def clipped(self, y: Tensor) -> Tensor:
        """Return integers no larger than can be said, of an amplitude of a million steps."""
        return y.clamp(-self.largest - _MOST, self.largest + _MOST)

    def expected(self, y: Tensor) -> Expected:
        """Expect the sizes in all frames from those before: whole numbers with their signs, `(P, K, M)`.

        Of a frame itself it takes the signs. The first `FRAMES` of consecutive frames lack some before them, unless
        these are the packet's first.
        """
        last, before = shift(y, -1), shift(y, -2)
        # 2c y_{k-2} = y_{k-1} + y_{k-3}, and the same a frame and two frames earlier
        products, squares = _three(before * (last + shift(y, -3))), _three(before.square())
        products, squares = (x + shift(x, -1) + shift(x, -2) for x in (products, squares))
        next_one = (products / squares.clamp(min=1)).clamp(-2, 2) * last - before
        error = (y - next_one).abs()
        error = torch.maximum(shift(error, -1), shift(error, -2))
        size = (next_one * y.sign() - self.largest + 0.5).floor().clamp(0, _MOST)
        steady = (size > 0) & (_TRUSTED * error < last.abs().clamp(min=self.largest))
        around = digits((last.abs() - self.largest + 1).clamp(min=0))
        around = torch.maximum(torch.maximum(around, shift(around, -1)), torch.maximum(*_beside(around)))
        context = torch.where(steady, _COUNTS + digits(error.floor()).clamp(max=_COUNTS - 1), around)
        return Expected(size * steady, context)

    def sent(self, y: Tensor, expected: Expected) -> Tensor:
        """Return q + 1 where integers are beyond the table, and 0 elsewhere: `(P, K, M) -> (P, K, M)`."""
        beyond = self.clipped(y).abs() - self.largest
        r = beyond - expected.size
        q = torch.where(expected.context < _COUNTS, r, torch.where(r < 0, -2 * r - 1, 2 * r))
        return (beyond >= 0) * (q + 1)

    def received(self, sent: Tensor, expected: Expected) -> Tensor:
        """Return how much larger than L integers are, from q + 1 ≥ 1: the inverse of `sent`.

        Of numbers that no encoder sent, the nearest that could be.
        """
        q = sent - 1
        r = torch.where(expected.context < _COUNTS, q, torch.where(q % 2 == 1, -(q + 1) / 2, q / 2))
        return (expected.size + r).clamp(0, _MOST)


def digits(number: Tensor) -> Tensor:
    """Return how many binary digits whole numbers have, 0 for 0, in their dtype.

    They are f · 2^e with ½ ≤ f < 1 and e digits. A logarithm could be rounded up to the next one.
    """
    return torch.frexp(number).exponent.to(number.dtype)


def split_digits(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many binary digits follow the first one of each number ≥ 1, and all of these in a row.

    >>> split_digits(np.array([1, 6]))
    (array([0, 2], dtype=int32), array([1, 0], dtype=int32))
    """
    counts = np.frexp(numbers)[1] - 1
    return counts, (numbers.repeat(counts) >> _digit_places(counts) & 1).astype(np.int32)


def join_digits(counts: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Return the numbers, as float64: the inverse of `split_digits`."""
    values = np.r_[0, (together.astype(np.int64) << _digit_places(counts)).cumsum()]
    ends = counts.cumsum()
    return (2.0**counts) + values[ends] - values[ends - counts]


def _digit_places(counts: np.ndarray) -> np.ndarray:
    """Return the binary place of each digit, those after the first one of numbers in a row: 0 is a number's last."""
    return counts.cumsum().repeat(counts) - 1 - np.arange(counts.sum())


def _beside(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is one wave lower, and one higher, zeros beyond the ends."""
    padded = functional.pad(x, (1, 1))
    return padded[..., :-2], padded[..., 2:]


def _three(x: Tensor) -> Tensor:
    """Return sums over each wave and the two beside it."""
    lower, higher = _beside(x)
    return lower + x + higher
