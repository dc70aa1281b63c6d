"""Noise, of which any test can have as much as it wants."""

import torch


def noise(*shape, seed=0, level=1.0, dtype=torch.float32):
    """Return white noise of an RMS of `level`, equal for equal seeds."""
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
