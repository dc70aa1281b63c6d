"""A local model so small that a test takes milliseconds, with random weights, all of which have a say."""

import dataclasses

import torch

from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.local.model import LocalHyperSound

RATE, HOP = 8000, 16
CONFIG = LocalHyperSoundConfig(
    sample_rate=RATE,
    num_samples=256,
    hop=HOP,
    packet=20,
    side=3,
    encoder_width=12,
    generator_width=12,
    entropy_width=12,
    near_width=4,
    sign_width=4,
)


def make_model(seed=0, **changes):
    """Return a model in evaluation mode whose layers that start at zero were woken, and whose tables are fixed."""
    torch.manual_seed(seed)
    model = LocalHyperSound(dataclasses.replace(CONFIG, **changes))
    torch.manual_seed(seed)  # so that layers are woken alike, however many numbers those of the generator drew
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1 and not p.any():
                p.normal_(std=0.1)
    model.entropy.freeze()
    return model.eval()


def sound(num_samples, seed=0):
    """Return noise below full scale, `(T,)`."""
    return 0.1 * torch.randn(num_samples, generator=torch.Generator().manual_seed(seed))
