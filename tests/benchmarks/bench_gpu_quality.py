"""What the paper's models learn on a GPU in a given time: curves, scores on unseen voices, and sounds.

    make gpu            (or: make bench ARGS="gpu_quality --speech FOLDER --limit SECONDS")

The model and the loss are the paper's (1.486 s at 22 050 Hz, L = 16, smooth L1 plus mel-STFT). They are trained as the
preset `t4` is: the learning rate is six times the paper's, and the moving average of the weights is scored.
Sounds go to data/results/gpu_quality/, weights in half precision to build/gpu_quality/NAME, which `load_model` reads.
Without a GPU it measures nothing; `--quick` rehearses it on the CPU.
"""

from pathlib import Path

import torch

from hypersound_lib.data import save_audio
from hypersound_lib.evaluation import choose_excerpts
from hypersound_lib.models import build_model
from hypersound_lib.presets import preset
from hypersound_lib.training import training_stores
from tests.benchmarks.common import RESULTS, ROOT, corpora, endless, scores_of, told, trained

WEIGHTS = ROOT / "build" / "gpu_quality"
MODELS = ("paper-small", "paper-base")
SCORED = ("mse", "lsd", "si_snr", "stoi")


def run(quick: bool = False, speech: Path | None = None, limit: float = 240.0) -> dict:
    """Train each model for `limit` seconds; return curves and scores."""
    excerpts, _ = choose_excerpts("mini", split="test", limit=2 if quick else 8, seconds=4.0)
    names, limit = (("tutorial",), 5.0) if quick else (MODELS, limit)
    stores = training_stores("mini", 8000) if quick else training_stores(corpora(speech), 22050)
    measured = {name: measure(name, stores, excerpts, limit, quick) for name in names}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return {"device": device, "curves": [curve(name, row) for name, row in measured.items()]} | measured


def curve(name: str, row: dict) -> dict:
    """Return a model's validations: minutes, and what was found then."""
    log = row["curves"]["validation"]
    scores = [{key: log[key][i] for key in ("loss", "nmse", "si_snr")} for i in range(len(log["step"]))]
    minutes = [seconds / 60 for seconds in log["seconds"]]
    return {"preset": name, "batch_size": row["batch_size"], "minutes": minutes, "scores": scores}


def measure(name: str, stores: tuple, excerpts: list, limit: float, quick: bool) -> dict:
    """Train one model; return how it came along, and what it makes of voices that it never heard."""
    chosen, cuda = preset(name), torch.cuda.is_available()
    emulated = cuda and torch.cuda.get_device_capability() < (8, 0)  # bfloat16, on a T4
    config = endless(
        preset("t4").training,
        loss=chosen.training.loss,
        precision="float16" if emulated else "bfloat16",
        cuda_graph=cuda,
        num_workers=8 if cuda else 0,
        log_every=1 if quick else 50,
        validate_every=500,
    )
    torch.manual_seed(0)
    model = build_model(chosen.model)
    result, curves = trained(model, stores, config, limit, cpu=not cuda)
    row = {"steps": result.step, "seconds": result.seconds, "batch_size": config.batch_size}
    row |= {"precision": config.precision, "scores": scores_of(model.eval(), excerpts, SCORED)}
    told(row, name)
    model.save_pretrained(WEIGHTS / name, dtype=torch.float16, facts={"step": result.step, "scores": row["scores"]})
    if not quick:
        (RESULTS / "gpu_quality").mkdir(parents=True, exist_ok=True)
        for i, excerpt in enumerate(excerpts):
            rate = chosen.model.sample_rate
            copy = model.reconstruct(excerpt.at(rate), rate).clamp(-1, 1)
            save_audio(RESULTS / "gpu_quality" / f"{name}_{i}.flac", copy, rate)
    return row | {"weights": f"build/gpu_quality/{name}", "curves": curves}
