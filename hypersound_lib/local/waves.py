"""Lapped waves: the functions of a frame's own time u that a local INR adds up, and the transform that finds them.

    T(u; a) = Σ_m a_m cos(2π f_m u + p_m),    f_m = (m + ½) / 2 cycles per hop,  p_m = 3π f_m,  m = 0 … hop - 1

These are the waves of an MDCT (Princen, Johnson and Bradley 1987), half a cycle per hop apart up to the Nyquist
frequency: as many per hop as samples, all mirrored at u = -1/2 (odd) and u = 1/2 (even), so that what two neighbouring
frames mirror into each other cancels. Under windows that sum to one they are a basis of all sounds in which no
direction is weak: the dual window w / (w² + w(1 - u)²) lies below 1.21. The transform has no weights and loses nothing.

    k = 0       1       2       3          frame k is centred k hops after the start, and heard for one hop on each side
    \\      /\\      /\\      /
     \\    /  \\    /  \\    /             w(u) = cos²(πu/2), u = (t - t_k) / hop, |u| < 1
      \\  /    \\  /    \\  /
    ___\\/______\\/______\\/___             w(u) + w(u - 1) = cos²(πu/2) + sin²(πu/2) = 1
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.errors import ConfigError


def window(u: Tensor) -> Tensor:
    """Return cos²(πu/2) for |u| < 1, else 0.

    >>> [round(value, 6) for value in window(torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])).tolist()]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    inside = u.abs() < 1
    return torch.where(inside, torch.cos(math.pi / 2 * u).square(), torch.zeros_like(u))


def dual_window(u: Tensor) -> Tensor:
    """Return w / (w² + (1 - w)²) for |u| < 1, else 0: analysed under it and played under w, lapped waves are exact."""
    w = window(u)
    return w / (w.square() + (1 - w).square())


def lapped_waves(hop: int) -> tuple[Tensor, Tensor]:
    """Return frequencies in cycles per hop and phases in radians, `(hop,)` each, float64.

    >>> lapped_waves(2)[0].tolist()
    [0.25, 0.75]
    """
    frequencies = (torch.arange(hop, dtype=torch.float64) + 0.5) / 2
    return frequencies, 3 * math.pi * frequencies


def wave_table(frequencies: Tensor, phases: Tensor, u: Tensor) -> Tensor:
    """Return the waves at instants: `(M,), (M,), (n,) -> (M, n)`, float64."""
    return torch.cos(2 * math.pi * frequencies[:, None] * u + phases[:, None])


class LappedTransform(nn.Module):
    """Find the amplitudes with which lapped waves play a sound back exactly: `(B, T) -> (B, K, hop)`.

    K = ⌊(T - 1) / hop⌋ + 2, with which every sample lies between two frames' centres.

    Args:
        hop: between frames, in samples.

    >>> LappedTransform(8)(torch.zeros(2, 20)).shape
    torch.Size([2, 4, 8])
    """

    table: Tensor

    def __init__(self, hop: int):
        super().__init__()
        self.hop = hop
        with torch.device("cpu"):  # also where a model is built on the meta device: the table is in no file
            u = torch.arange(2 * hop, dtype=torch.float64) / hop - 1
            table = wave_table(*lapped_waves(hop), u) * dual_window(u) * (2 / hop)
        self.register_buffer("table", table.T.float().contiguous(), persistent=False)

    def frames_in(self, num_samples: int) -> int:
        """Return K.

        >>> LappedTransform(8).frames_in(16), LappedTransform(8).frames_in(17)
        (3, 4)
        """
        return (num_samples - 1) // self.hop + 2

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the amplitudes of frames 0 … K - 1; frame k reaches one hop to both sides of t_k = k · hop.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        if waveform.ndim != 2 or waveform.shape[-1] == 0:
            raise ConfigError(f"a local model takes waveforms (B, T), not {tuple(waveform.shape)}")
        frames = self.frames_in(waveform.shape[-1])
        padded = functional.pad(waveform, (self.hop, frames * self.hop - waveform.shape[-1]))
        halves = padded.unflatten(-1, (-1, self.hop))  # (B, K + 1, hop)
        return torch.cat([halves[:, :-1], halves[:, 1:]], dim=-1) @ self.table.to(waveform.dtype)
