"""Residual blocks over frames, which all networks of the local model are built from."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.coding.entropy import shift

_BRANCH = 0.1  # what all residual branches together add at the start, as part of what they find


class ResidualBlock(nn.Module):
    """x_k + W₁ gelu(W₃ gelu(x_{k+o} for three offsets o)): `(B, K, W) -> (B, K, W)`.

    The three frames lie side by side in one matrix product: on a CPU a third faster than a convolution. Frames beyond
    the ends count as zeros.

    Args:
        width: W.
        offsets: of the frames that it takes as input, such as (-1, 0, 1); its look-ahead is the largest.
        count: how many blocks follow each other.
    """

    def __init__(self, width: int, offsets: tuple[int, ...], count: int = 1):
        super().__init__()
        self.offsets = offsets
        self.take = nn.Linear(len(offsets) * width, width)
        self.mix = nn.Linear(width, width)
        with torch.no_grad():
            # Quiet branches: as loud as what they add to, they let the first hundred steps undo each other.
            self.mix.weight.normal_(std=_BRANCH / math.sqrt(width * count))
            self.mix.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Add what the two layers make of x."""
        now = functional.gelu(x)
        taken = torch.cat([shift(now, offset) for offset in self.offsets], dim=-1)
        return x + self.mix(functional.gelu(self.take(taken)))


def residual_network(inputs: int, width: int, outputs: int, offsets: tuple[tuple[int, ...], ...]) -> nn.Sequential:
    """Return linear, one block for each tuple of offsets, gelu, linear: `(B, K, inputs) -> (B, K, outputs)`.

    The last layer starts at zero: at the start the network has no say.
    """
    blocks = [ResidualBlock(width, taken, len(offsets)) for taken in offsets]
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, width), *blocks, nn.GELU(), last)
