"""Peak memory of a training step by batch size, each in a process of its own.

make bench ARGS="memory"
"""

import resource
import sys

import torch

from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.presets import preset
from tests.benchmarks.common import in_child, told

PRESETS = ("paper-base", "paper-small", "tutorial")
BATCHES = (1, 4, 16)


def run(quick: bool = False) -> dict:
    names = PRESETS[-1:] if quick else PRESETS
    return {"runs": [told(in_child(measure, name, batch)) for name in names for batch in BATCHES]}


def measure(name: str, batch: int) -> dict:
    """Return the peak resident bytes of two steps, and those of the bare model with its optimiser."""
    chosen = preset(name)
    model = HyperSound(chosen.model)
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    clips = torch.randn(batch, chosen.model.num_samples) / 4
    before = _peak()
    for _ in range(2):
        loss.total(loss(model(clips), clips)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return {"preset": name, "batch_size": batch, "model_bytes": before, "peak_bytes": _peak()}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)
