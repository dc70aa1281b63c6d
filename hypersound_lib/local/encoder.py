"""The analysis network: from a frame's lapped waves to the integers that are sent.

    c (K, M) ── |·|, log ──► blocks ──► h = round(·)    D side numbers a frame
    h, knob ──────────────► blocks ──► G               log of 1 / step, for each wave
    y = round(c · e^G)                                 what is sent of the waves

Both ends compute G, the encoder to divide and the decoder to multiply, from what is sent.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from hypersound_lib.coding.entropy import SIDE_UNIT
from hypersound_lib.coding.tables import bound
from hypersound_lib.local.blocks import residual_network

_LARGEST = 12.0  # side number
_GAIN = 4.0  # of a unit of `gain`: it is to move faster than other weights
_STEP_RANGE = (-2.0, 7.0)  # of G less the knob's part: where nothing ever was, it would grow without end


class SideEncoder(nn.Module):
    """Find the side numbers, not yet rounded: `(B, K, M), (B,) -> (B, K, D)`. Its look-ahead is one frame."""

    def __init__(self, waves: int, side: int, width: int):
        super().__init__()
        self.network = residual_network(waves + 1, width, side, ((-1, 0, 1), (-4, -2, 0)))
        last = cast(nn.Linear, self.network[-1])
        nn.init.normal_(last.weight, std=0.15 / math.sqrt(width))  # few bits at first
        self.gain = nn.Parameter(torch.zeros(2, side))  # of each number's logarithm: offset, slope over the knob

    def forward(self, amplitudes: Tensor, knob: Tensor) -> Tensor:
        """Take amplitudes and the rate knob as input."""
        levels = torch.asinh(amplitudes.abs() * 2e3) / 6
        numbers = self.network(torch.cat([levels, knob[:, None, None].expand(*levels.shape[:2], 1)], dim=-1))
        # Where bits are dear, all variation of a number may be worth less than its bits: so its size follows the knob.
        size = torch.exp(_GAIN * (self.gain[0] + self.gain[1] * knob[:, None]))
        # Bounded: what nothing holds back grows, and takes the networks that have it as input with it.
        return _LARGEST * torch.tanh(numbers * size[:, None] * (SIDE_UNIT / _LARGEST))


class StepNetwork(nn.Module):
    """Choose every wave's step: side numbers `(B, K, D)` and knob `(B,)` to G = -log step, `(B, K, M)`.

    The knob is the logarithm of a common coarseness; the network adds to it. It looks at no later frame.
    """

    def __init__(self, waves: int, side: int, width: int):
        super().__init__()
        self.network = residual_network(side + 1, width, waves, ((-1, 0), (-4, -2, 0)))
        self.common = nn.Parameter(torch.full((waves,), 3.5))

    def forward(self, side: Tensor, knob: Tensor) -> Tensor:
        """Take rounded side numbers as input."""
        spread = knob[:, None, None].expand(*side.shape[:2], 1)
        steps = 2 * self.network(torch.cat([side / SIDE_UNIT, spread], dim=-1)) + self.common
        return bound(steps, *_STEP_RANGE) - spread
