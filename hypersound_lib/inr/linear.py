"""Layers: one affine map for own and for generated weights, alone or one set per item of a batch; and sines of it."""

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map x by one weight matrix, or by one matrix per item.

    Shapes, with weights shared by all items as in `torch.nn.functional.linear`:
        x `(..., T, n)`, weight `(m, n)`, bias `(m,)` -> `(..., T, m)`
    and with one set of weights per item b, where x may be common to all items:
        x `(B, T, n)` or `(T, n)`, weight `(B, m, n)`, bias `(B, m)` -> `(B, T, m)`
    Weight and bias may differ in this: what has no dimension B is common to all items.

    >>> x = torch.ones(5, 2)                              # five instants, two features
    >>> linear(x, torch.ones(3, 4, 2), torch.zeros(3, 4)).shape  # three networks at once
    torch.Size([3, 5, 4])
    """
    if weight.ndim == 2:
        if bias.ndim == 1:
            return torch.nn.functional.linear(x, weight, bias)
        return torch.nn.functional.linear(x, weight) + bias.unsqueeze(-2)
    # y[b] = x[b] @ weight[b].T + bias[b] for all b in one batched product
    x = x.expand(weight.shape[0], *x.shape[-2:])
    return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)


def dense_layers(num_inputs: int, width: int, hidden_layers: int) -> nn.ModuleList:
    """Make the affine maps of a network with one output: num_inputs -> width -> … -> width -> 1.

    >>> [tuple(layer.weight.shape) for layer in dense_layers(32, 64, hidden_layers=2)]
    [(64, 32), (64, 64), (1, 64)]
    """
    sizes = [num_inputs, *[width] * hidden_layers, 1]
    return nn.ModuleList(nn.Linear(n, m) for n, m in pairwise(sizes))


def first_sine(coords: Tensor, weight: Tensor, bias: Tensor, omega_0: float) -> Tensor:
    """Return sin(ω₀(Wt + b)), `(..., T, 1) -> (..., T, m)`: the layer that turns time into oscillation.

    The angle reaches thousands of radians. It is computed in the coordinates' precision, and never in bfloat16,
    whose 8 bits would leave nothing of the phase.
    """
    with torch.autocast(coords.device.type, enabled=False):
        angle = omega_0 * linear(coords, weight.to(coords.dtype), bias.to(coords.dtype))
        return torch.sin(angle).to(weight.dtype)


def init_siren_(layers: nn.ModuleList, hidden_omega: float) -> None:
    """Initialise in place as the SIREN paper does (its section 3.2 and supplement 1.5).

    The first layer's weights come from U(-1/n, 1/n) with n inputs. A later layer sees sines, whose mean square is
    1/2. With weights from U(-c, c), of variance c²/3, and n inputs its angle has variance ω² · n · c²/3 · 1/2,
    which is 1 for c = √(6/n) / ω: every layer then starts with angles of the same, unit, scale.
    """
    first, *later = cast("list[nn.Linear]", list(layers))
    _uniform_(first.weight, 1 / first.in_features)
    for layer in later:
        _uniform_(layer.weight, math.sqrt(6 / layer.in_features) / hidden_omega)


def _uniform_(weight: Tensor, bound: float) -> None:
    """Fill a weight in place from the uniform distribution on [-bound, bound]."""
    with torch.no_grad():
        weight.uniform_(-bound, bound)
