"""Waves on local time u that a window's sound is a sum of: cos(2π f_m u + p_m), f in cycles per hop.

Frequencies end at the trained Nyquist frequency, hop / 2 cycles per hop. There are as many waves per hop as samples.

`lapped` waves are those of an MDCT (Princen, Johnson and Bradley 1987): one wave per frequency, half a cycle per hop
apart, all mirrored at u = -1/2 (odd) and u = 1/2 (even). With the windows of `overlap` they are a basis of all sounds
in which no direction is weak: the dual window w / (w² + w(1 - u)²) lies below 1.21.

`paired` waves are a sine and a cosine at frequencies one cycle per hop apart. They are as many, and hold any phase, but
the theorem of Balian and Low says that no smooth window makes a stable basis of them: some sounds need huge amplitudes.
"""

import math

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError


def lapped_waves(hop: int) -> tuple[Tensor, Tensor]:
    """Return frequencies in cycles per hop and phases in radians, `(hop,)` each, float64.

    >>> lapped_waves(2)[0].tolist()
    [0.25, 0.75]
    """
    frequencies = (torch.arange(hop, dtype=torch.float64) + 0.5) / 2
    return frequencies, 2 * math.pi * frequencies * 1.5


def paired_waves(hop: int) -> tuple[Tensor, Tensor]:
    """Return frequencies in cycles per hop and phases in radians, `(hop,)` each, float64; first all cosines.

    >>> paired_waves(4)[0].tolist()
    [0.5, 1.5, 0.5, 1.5]
    """
    if hop % 2:
        raise ConfigError(f"pairs of waves need an even hop, not {hop}")
    frequencies = torch.arange(hop // 2, dtype=torch.float64) + 0.5
    phases = torch.zeros(hop, dtype=torch.float64)
    phases[hop // 2 :] = -math.pi / 2
    return frequencies.repeat(2), phases


WAVES = {"lapped": lapped_waves, "paired": paired_waves}


def wave_table(frequencies: Tensor, phases: Tensor, u: Tensor) -> Tensor:
    """Return the waves at instants: `(M,), (M,), (n,) -> (M, n)`, float64."""
    return torch.cos(2 * math.pi * frequencies[:, None] * u + phases[:, None])
