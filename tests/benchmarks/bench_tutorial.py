"""What the `tutorial` preset reaches on the embedded corpus, trained as a reader would: all of its steps.

make bench ARGS="tutorial"

The copy of one recording is kept, the one that notebook 4 plays after each part of its training: of the embedded
corpus's test voices it is among those that tire a listener least (data/results/voices.json).
"""

import dataclasses

import torch

from hypersound_lib.data import load_dataset, peak_normalize, resample, save_audio
from hypersound_lib.evaluation import evaluate
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.presets import preset
from hypersound_lib.training import training_stores
from tests.benchmarks.common import METRICS, RESULTS, scores_of, told, trained

RECORDINGS = 24
PLAYED = 43


def run(quick: bool = False) -> dict:
    """Train; return steps, seconds and the scores of whole recordings of test speakers."""
    chosen = preset("tutorial")
    config = dataclasses.replace(chosen.training, steps=50) if quick else chosen.training
    torch.manual_seed(config.seed)
    model = HyperSound(chosen.model)
    beside = scores_beside(model.eval())
    result, logs = trained(model, training_stores("mini", chosen.model.sample_rate), config)
    row = told({"steps": result.step, "seconds": result.seconds} | scores_of(model, limit=RECORDINGS))
    if not quick:
        save_audio(RESULTS / "tutorial.flac", copy_of(model), chosen.model.sample_rate)
    return row | {"curve": logs["validation"], "beside": beside}


def scores_beside(untrained: HyperSound) -> dict[str, dict[str, float]]:
    """Return the means of the untrained model, and of fixed codes with as many numbers as its narrowest layer."""
    found = evaluate(untrained, "mini", metrics=METRICS, limit=RECORDINGS, seconds=5.0)
    fixed = [name for name, _ in found.systems if name.startswith(("MDCT", "PCA"))]
    return {"untrained": found.means("model")} | {name: found.means(name) for name in fixed}


def copy_of(model: HyperSound) -> torch.Tensor:
    """Return the copy of a recording of a test speaker, `(T,)` at the model's rate."""
    sound, rate = load_dataset("mini", "test")[PLAYED], model.config.sample_rate
    return model.reconstruct(peak_normalize(resample(sound.waveform, sound.sample_rate, rate), 0.9), rate).clamp(-1, 1)
