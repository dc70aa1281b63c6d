"""What the `tutorial` preset reaches on the embedded corpus, trained as a reader would: all of its steps.

make bench ARGS="tutorial"
"""

import dataclasses

import torch

from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.presets import preset
from hypersound_lib.training import training_stores
from tests.benchmarks.common import scores_of_recordings, trained

RECORDINGS = 24


def run(quick: bool = False) -> dict:
    """Train; return steps, seconds and the scores of whole recordings of test speakers."""
    chosen = preset("tutorial")
    config = dataclasses.replace(chosen.training, steps=50) if quick else chosen.training
    torch.manual_seed(config.seed)
    model = HyperSound(chosen.model)
    result, logs = trained(model, training_stores("mini", chosen.model.sample_rate), config)
    scores = scores_of_recordings(model, RECORDINGS)
    print(f"{result.step} steps in {result.seconds:.0f} s: {scores}", flush=True)
    return {"steps": result.step, "seconds": result.seconds, "curve": logs["validation"]} | scores
