"""Recordings to compare: noise, and no two sounds alike."""

import torch

from hypersound_lib.notebook.listening import Recording

RATE = 16000


def noise(seed, level=0.1):
    return level * torch.randn(1600, generator=torch.Generator().manual_seed(seed))


def recordings(count=3, systems=("ours", "theirs")):
    """Return recordings by names that a page has to escape and a CSV file has to quote."""
    return {
        f"<s{i}>, é": Recording(
            noise(10 * i), {name: noise(10 * i + k) for k, name in enumerate(systems, start=1)}, RATE
        )
        for i in range(count)
    }
