"""Loudness in a few overlapping bands, and noise that no number steers wave by wave.

Hiss and breath have no phase worth sending: an ear hears in which band they are, when, and how loud. So every wave of a
frame gets a sign that depends on the frame's number alone, and what is generated is one level for each band (the noise
substitution of audio codecs: Herre and Schulz 1998). Being amplitudes of the same waves, they cost nothing to play.
"""

import math

import torch
from torch import Tensor

_PERIOD = 256  # frames after which the signs repeat: seconds, longer than an ear remembers noise


def random_signs(frames: range, num_waves: int) -> Tensor:
    """Return -1 or 1 for each frame and wave: `(K, M)`, the same ones whenever frame k is asked for.

    >>> torch.equal(random_signs(range(3, 5), 8), random_signs(range(0, 9), 8)[3:5])
    True
    """
    generator = torch.Generator().manual_seed(num_waves)
    table = torch.randint(0, 2, (_PERIOD, num_waves), generator=generator) * 2 - 1
    return table[torch.arange(frames.start, frames.stop) % _PERIOD].float()


def band_weights(frequencies: Tensor, num_bands: int) -> Tensor:
    """Return overlapping bands that sum to one at each frequency: `(M,) -> (bands, M)`.

    Their centres are evenly spaced on a scale that is linear at low and logarithmic at high frequencies, as ears are.
    """
    scale = torch.log1p(frequencies / frequencies.max() * 10) / math.log1p(10)  # 0 … 1
    position = scale * (num_bands - 1)
    centres = torch.arange(num_bands, dtype=position.dtype, device=position.device)
    return (1 - (position - centres[:, None]).abs()).clamp(min=0)
