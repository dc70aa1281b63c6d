"""Probabilities of integers, as tables that are learnt like any weight.

Row z of a table is a distribution of magnitudes |y| = 0 … S - 2 and of "larger"; rows go from integers that are nearly
always 0 to large ones. A network says which row an integer has. In training z is a real number, and probabilities lie
between two rows, so that the code length

    bits(y; z) = -log₂ p(|y|; z) + [y ≠ 0] · (bits of the sign) + (more for what is larger)

has a gradient with respect to the table and to z. With respect to y the gradient is that of the expected length under
uniform noise u in [-½, ½], E bits(|y + u|), with bits taken linear between integers: bits(|y| + ½) - bits(|y| - ½).
It needs no noise to be drawn, and is 0 at y = 0, where nothing can be saved.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from hypersound_lib.coding.tensors import bound

_TOTAL = 2**16  # what the integer frequencies of a row add up to
_FINEST, _OCTAVES = -4.5, 0.16  # log₂ of the scale of row 0, and from row to row, at the start


class ProbabilityTable(nn.Module):
    """Learnt distributions of integers, by row.

    Args:
        rows: R.
        symbols: S, of magnitudes; the last one stands for all larger ones.
    """

    frequencies: Tensor

    def __init__(self, rows: int = 64, symbols: int = 20):
        super().__init__()
        self.rows, self.symbols = rows, symbols
        with torch.device("cpu"):
            logits = _laplace(rows, symbols)
        self.logits = nn.Parameter(logits.float())
        self.register_buffer("frequencies", torch.ones(rows, symbols, dtype=torch.int32))

    def bits(self, y: Tensor, z: Tensor, sign: Tensor | float = 1.0, beyond: Tensor | float | None = None) -> Tensor:
        """Return the code length of each integer, in bits: `(…), (…) -> (…)`.

        The value is that of round(y); the gradients are those of the module's docstring.

        Args:
            y: integers, or real numbers that are to be rounded.
            z: rows, real numbers; those outside the table stand for its ends.
            sign: how many bits each sign takes. For the gradient with respect to y it is one.
            beyond: how many bits more each integer takes that is larger than all others of the table, 0 elsewhere;
                None stands for those of Elias' gamma code.
        """
        z = bound(z.to(torch.promote_types(z.dtype, torch.float32)), 0, self.rows - 1)  # autocast may halve it
        low = z.detach().floor().clamp(max=self.rows - 2)
        part = z - low
        table = -self._probabilities().log2()  # (R, S)
        rows = low.long() * self.symbols
        magnitude = y.detach().round().abs()
        length = _between(table, rows, magnitude, part, self.symbols)
        length = length + sign * (magnitude > 0)
        length = length + (_gamma_bits(magnitude - (self.symbols - 1)) if beyond is None else beyond)
        if not y.requires_grad:
            return length
        with torch.no_grad():
            slope = self._slope(table, rows, y.abs(), part, 2 if beyond is None else 1) * y.sign()
        return length + slope * (y - y.detach())

    def _slope(self, table: Tensor, rows: Tensor, size: Tensor, part: Tensor, doubling: int) -> Tensor:
        """Return bits(size + ½) - bits(size - ½), with bits linear between integers and even.

        Beyond the table, twice as large costs `doubling` bits more.
        """
        table = table + (torch.arange(self.symbols, device=table.device) > 0).to(table)  # signs
        edges = []
        for edge in (size + 0.5, (size - 0.5).abs()):
            below = edge.floor()
            values = [_between(table, rows, whole, part, self.symbols) for whole in (below, below + 1)]
            edges.append(torch.lerp(values[0], values[1], edge - below))
        beyond = (size - self.symbols + 1).clamp(min=0)
        return edges[0] - edges[1] + (beyond > 0) * (doubling / math.log(2) / (beyond + 1))

    def _probabilities(self) -> Tensor:
        """Return the learnt probabilities, none below the least that coding can give."""
        logits = self.logits.to(torch.promote_types(self.logits.dtype, torch.float32))  # half has no such small numbers
        return 1 / _TOTAL + (1 - self.symbols / _TOTAL) * logits.softmax(dim=-1)

    @property
    def is_frozen(self) -> bool:
        """Whether the integer frequencies are those of a distribution; a new table has none."""
        return bool((self.frequencies.sum(dim=-1) == _TOTAL).all())

    @torch.no_grad()
    def freeze(self) -> None:
        """Turn the learnt probabilities to integer frequencies, which coding uses and files hold.

        They are computed once, here, and not again where a file is read: another machine's exponential may differ in
        its last digit, and one frequency that differs makes a file unreadable.
        """
        frequencies = (self._probabilities().double() * _TOTAL).floor().clamp(min=1)
        frequencies[:, 0] += _TOTAL - frequencies.sum(dim=-1)
        self.frequencies.copy_(frequencies.to(torch.int32))

    def nearest(self, z: Tensor) -> np.ndarray:
        """Return the number of the row nearest to each real one; a half counts up, exactly: `(…) -> (…)`."""
        return (z + 0.5).floor().clamp(0, self.rows - 1).long().numpy()

    def probabilities(self) -> np.ndarray:
        """Return the frequencies as probabilities to code with: `(R, S)`, float32."""
        return (self.frequencies.cpu().double() / _TOTAL).float().numpy()

    def signed_probabilities(self) -> np.ndarray:
        """Return those of -S + 1 … S - 1, each sign half of its magnitude's: `(R, 2 S - 1)`."""
        found = self.probabilities()
        halves = found[:, 1:] / 2
        return np.concatenate([halves[:, ::-1], found[:, :1], halves], axis=-1)


def _laplace(rows: int, symbols: int) -> Tensor:
    """Return log-probabilities of the magnitudes of rounded Laplace variables, one scale for each row."""
    scale = 2.0 ** (_FINEST + _OCTAVES * torch.arange(rows, dtype=torch.float64))[:, None]
    tail = torch.exp(-(torch.arange(symbols, dtype=torch.float64) - 0.5) / scale)  # P(|y| ≥ k), for k ≥ 1
    tail[:, 0] = 1
    return torch.log((tail - torch.cat([tail[:, 1:], torch.zeros(rows, 1)], dim=-1)).clamp(min=1e-9))


def _between(table: Tensor, rows: Tensor, magnitude: Tensor, part: Tensor, symbols: int) -> Tensor:
    """Return the table's entries for magnitudes, linear between a row and the next."""
    index, flat = rows + magnitude.clamp(max=symbols - 1).long(), table.flatten()
    # `index_select` and not `flat[index]`: on a GPU the gradient of that sorts all indices first.
    below, above = (flat.index_select(0, i.flatten()).view(i.shape) for i in (index, index + symbols))
    return torch.lerp(below, above, part)


def _gamma_bits(excess: Tensor) -> Tensor:
    """Return the length of Elias' gamma code of excess + 1, and 0 where nothing is in excess."""
    return (excess >= 0) * (2 * (excess.clamp(min=0) + 1).log2().floor() + 1)
