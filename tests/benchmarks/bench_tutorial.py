"""What the `tutorial` preset reaches on the embedded corpus, trained as a reader would: all of its steps.

make bench ARGS="tutorial"
"""

import dataclasses
import tempfile
from pathlib import Path

import torch

from hypersound_lib.evaluation import evaluate
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.presets import preset
from hypersound_lib.training import read_log, train, training_stores

RECORDINGS = 24


def run(quick: bool = False) -> dict:
    """Train; return steps, seconds and the scores of whole recordings of test speakers."""
    chosen = preset("tutorial")
    config = dataclasses.replace(chosen.training, steps=50) if quick else chosen.training
    rate = chosen.model.sample_rate
    torch.manual_seed(config.seed)
    model = HyperSound(chosen.model)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = train(model, *training_stores("mini", rate), config, out, cpu=True, progress=False)
        curve = read_log(out / "validation.csv") if (out / "validation.csv").is_file() else {}
    metrics = ("stoi", "nmse", "si_snr", "lsd")
    found = evaluate(model, "mini", metrics=metrics, references=False, limit=RECORDINGS, seconds=5.0)
    scores = found.means("model") | {"recordings": len(found.clips)}
    print(f"{result.step} steps in {result.seconds:.0f} s: {scores}", flush=True)
    return {"steps": result.step, "seconds": result.seconds, "curve": curve} | scores
