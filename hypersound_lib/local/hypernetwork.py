"""The hypernetwork of the local model: from the integers that were sent to θ_k, the amplitudes of each frame's waves.

    y, G, h, knob ──► blocks ──► where in its cell each amplitude is likely to be, and how much noise to put
                                 where nothing was sent

An amplitude that was rounded to y lies in the cell [y - ½, y + ½] steps. Nothing that is generated leaves that cell by
more than half a step, so no band of the copy can be louder than what was sent allows.
"""

from typing import cast

import torch
from torch import Tensor, nn

from hypersound_lib.coding.entropy import SIDE_UNIT
from hypersound_lib.local.blocks import residual_network


class Generator(nn.Module):
    """Generate the waves' amplitudes from what was sent: `(B, K, M) × 2, (B, K, D), (B,) -> (B, K, M)`.

    Args:
        waves: M.
        side: D.
        width: channels.
        frames: of a packet, at most: so many rows of signs are kept.
    """

    look_ahead = 3  # frames
    signs: Tensor

    def __init__(self, waves: int, side: int, width: int, frames: int):
        super().__init__()
        self.network = residual_network(3 * waves + side + 1, width, 2 * waves, ((-1, 0, 1), (-2, 0, 2), (-8, -4, 0)))
        with torch.no_grad():
            cast(nn.Linear, self.network[-1]).bias[waves:] = -2.0  # hardly any noise
        with torch.device("cpu"):
            signs = torch.randn(frames, waves, generator=torch.Generator().manual_seed(0)).sign()
        self.register_buffer("signs", signs, persistent=False)

    def forward(self, y: Tensor, steps: Tensor, side: Tensor, knob: Tensor) -> Tensor:
        """Generate θ. Args: integers, G of `StepNetwork`, side numbers, knob."""
        spread = knob[:, None, None].expand(*side.shape[:2], 1)
        known = torch.asinh(y)
        inputs = [known, known.abs(), (steps - 3.5) / 4, side / SIDE_UNIT, spread]
        place, level = self.network(torch.cat(inputs, dim=-1)).chunk(2, dim=-1)
        noise = 0.5 * torch.sigmoid(level) * self.signs[: y.shape[1]].to(y)
        inside = y + 0.5 * torch.tanh(place) + (y == 0) * noise
        return inside * torch.exp(-steps)
