"""Networks whose results are the same on every machine, to the last bit.

A range decoder must compute the very probabilities that the encoder had: one symbol decoded with another probability
destroys the rest of the packet. Floating-point networks do not promise that. A sum of products depends on the order in
which it is taken, and so on processor, thread count, batch size and library version.

Here nothing is ever rounded by a sum, so no order matters. Weights are multiples of 2⁻¹⁰ in [-16, 16], inputs and
activations multiples of 2⁻¹⁰ in [-64, 64]. Products are multiples of 2⁻²⁰ below 2¹⁰; a sum of N of them, partial sums
included, is a multiple of 2⁻²⁰ below N · 2¹⁰. float64 holds such numbers exactly up to 2⁵³ · 2⁻²⁰ = 2³³, so for all
N < 2²³, whether products and sums are fused or not. ReLU, clamping and rounding to the grid are exact functions, too,
and between layers the result is brought back to the grid by one of them. What follows is that the networks' outputs
are integers that depend on nothing but the weights and the integers that were sent.

Training computes the same in float32 without the grid: a step of 2⁻¹⁰ changes no code length that one could measure.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.devices import kept

_GRID = 1024.0
_MAX_WEIGHT, _MAX_ACTIVATION = 16.0, 64.0


def snap(x: Tensor) -> Tensor:
    """Bring float64 numbers to the grid, as the exact arithmetic wants them; leave others as they are.

    >>> snap(torch.tensor([0.3, 100.0], dtype=torch.float64)).tolist()
    [0.2998046875, 64.0]
    """
    if x.dtype != torch.float64:
        return x
    return x.clamp(-_MAX_ACTIVATION, _MAX_ACTIVATION).mul_(_GRID).round_().mul_(1 / _GRID)


_LARGEST = 19  # magnitudes above count as this in contexts: what tables hold


def loudness(y: Tensor) -> Tensor:
    """Return log₂(1 + |y|) on the exact grid, from a table that is made once: `(…) -> (…)`.

    It is of y's dtype, or float64 where that is one of integers.
    """
    number = y.abs().clamp_(max=_LARGEST).long()
    dtype = y.dtype if y.is_floating_point() else torch.float64
    return _loudness_table(dtype, y.device).index_select(0, number.flatten()).view(y.shape)


@kept
def _loudness_table(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return it for 0 … `_LARGEST`, as multiples of 2⁻¹⁰.

    A logarithm that differed in its last digit elsewhere would still round to the same one: none of these 20 lies
    nearer to a boundary between two multiples than 10⁻⁷ (a test computes how near).
    """
    return snap(torch.log2(1 + torch.arange(_LARGEST + 1, dtype=torch.float64))).to(device, dtype)


@kept
def _signs(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor([[1.0], [-1.0]], dtype=dtype, device=device)


class ExactNetwork(nn.Module):
    """Linear layers with ReLU between them: `(..., sizes[0]) -> (..., sizes[-1])`, exact in float64 after `exact()`.

    `offset` says whether the last one adds a constant.

    >>> network = ExactNetwork(3, 8, 2).exact()
    >>> x = torch.tensor([[0.5, -1.25, 3.0]], dtype=torch.float64)
    >>> bool((network(x) * 1024 == (network(x) * 1024).round()).all())
    True
    """

    def __init__(self, *sizes: int, offset: bool = True):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes[:-1]))
        self.layers.append(nn.Linear(sizes[-2], sizes[-1], bias=offset))
        for p in self.last.parameters():
            nn.init.zeros_(p)
        self._is_exact = False
        self._columns: list[Tensor] | None = None  # an exact network's, which no training changes

    @property
    def last(self) -> nn.Linear:
        """The layer that gives the output."""
        return cast(nn.Linear, self.layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers; inputs of an exact network must lie on the grid."""
        for layer in self.layers[:-1]:
            x = self._activate(layer(x))
        return self._settle(self.last(x))

    def columns(self, x: Tensor) -> Tensor:
        """Apply the layers to columns, `(sizes[0] + 1, N) -> (sizes[-1], N)`: faster where N is large and layers small.

        The last row is 1. Constants are its weights, and layers pass it on: to add them takes as long as the products.
        """
        first, *rest = self._with_constants()
        return self._after_first(first @ x, rest)

    def odd_columns(self, x: Tensor, others: Tensor) -> Tensor:
        """Return f(x, others) - f(-x, others) for columns `(I, N)` and `(sizes[0] + 1 - I, N)`: `-> (sizes[-1], N)`."""
        first, *rest = self._with_constants()
        weight, weight_of_others = first.split([len(x), len(others)], dim=1)
        change, same = weight @ x, weight_of_others @ others
        # (H, 2, N): same + change, same - change
        both = torch.addcmul(same.unsqueeze(1), change.unsqueeze(1), _signs(change.dtype, change.device))
        one, mirrored = self._after_first(both.flatten(1), rest).chunk(2, dim=1)
        return one - mirrored

    def _after_first(self, x: Tensor, weights: list[Tensor]) -> Tensor:
        """Apply all that follows the first layer, to columns."""
        for weight in weights:
            x = weight @ self._activate(x)
        return self._settle(x)

    def _with_constants(self) -> list[Tensor]:
        """Return every layer's weights and, as one column more, constants; all but the last have a row to pass 1 on."""
        if self._columns is not None:
            return self._columns
        weights = []
        for layer in cast("list[nn.Linear]", self.layers):
            constants = torch.zeros_like(layer.weight[:, 0]) if layer.bias is None else layer.bias
            weights.append(torch.cat([layer.weight, constants[:, None]], dim=1))
        *hidden, last = weights
        ones = (functional.pad(weight.new_ones(1, 1), (weight.shape[1] - 1, 0)) for weight in hidden)
        return [*map(torch.cat, zip(hidden, ones, strict=True)), last]

    def _activate(self, x: Tensor) -> Tensor:
        """Apply ReLU, in place. Between exact layers numbers are whole, in units of the grid."""
        return x.clamp_(0, _MAX_ACTIVATION * _GRID).round_() if self._is_exact else torch.relu_(x)

    def _settle(self, x: Tensor) -> Tensor:
        """Bring an exact network's output from these units to the grid, in place."""
        most = _MAX_ACTIVATION * _GRID
        return x.clamp_(-most, most).round_().mul_(1 / _GRID) if self._is_exact else x

    def exact(self) -> "ExactNetwork":
        """Turn the weights to float64 on the grid, in place; an exact network stays as it is."""
        if self._is_exact:
            return self
        self.double()
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(p.clamp(-_MAX_WEIGHT, _MAX_WEIGHT).mul(_GRID).round().div(_GRID))
            # Inputs times 1024 W, and all constants times 1024: so layers pass on whole numbers, with no more to do.
            cast(nn.Linear, self.layers[0]).weight.mul_(_GRID)
            for layer in cast("list[nn.Linear]", self.layers):
                if layer.bias is not None:
                    layer.bias.mul_(_GRID)
            self._columns = self._with_constants()
        self._is_exact = True
        return self
