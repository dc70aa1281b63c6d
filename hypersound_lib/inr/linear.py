"""One affine map for own and for generated weights, alone or one set per item of a batch."""

from itertools import pairwise

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
