"""What the benchmarks of local models train and score on: a folder of corpora, or the embedded one."""

import dataclasses
import tempfile
from pathlib import Path

import torch

from hypersound_lib.data import AudioStore
from hypersound_lib.evaluation import Excerpt, choose_excerpts
from hypersound_lib.local_config import LocalHyperSoundConfig
from hypersound_lib.model import build_model
from hypersound_lib.model_config import HyperSoundConfig
from hypersound_lib.training import TrainingConfig, train, training_stores

CORPORA = ("libri16", "speech22", "vctk16")  # folders of speech whose last speakers are held out
SCORED = "vctk16"
MINUTES = 50.0  # of sound to train on, at most


def corpora(speech: Path | None) -> list[str]:
    """Return what to train on: the embedded corpus, and the folders in `speech` where it is given."""
    return ["mini"] + ([str(speech / name) for name in CORPORA] if speech else [])


def stores(speech: Path | None, sample_rate: int) -> tuple[AudioStore, AudioStore]:
    """Return stores to train and to validate on."""
    return training_stores(corpora(speech), sample_rate, minutes=MINUTES)


def excerpts(speech: Path | None, limit: int, seconds: float) -> list[Excerpt]:
    """Return recordings of held-out speakers."""
    data = str(speech / SCORED) if speech else "mini"
    return choose_excerpts(data, split="test", limit=limit, seconds=seconds)[0]


def train_for(
    seconds: float,
    model_config: HyperSoundConfig | LocalHyperSoundConfig,
    config: TrainingConfig,
    data: tuple[AudioStore, AudioStore],
    folder: str | Path | None = None,
):
    """Train from random weights for so long; in a folder that holds a run, go on with it for so long."""
    torch.manual_seed(config.seed)
    model = build_model(model_config)
    # Neither a validation nor a checkpoint on the way, and no schedule that ends: time alone ends it.
    far = 10**9
    config = dataclasses.replace(
        config, steps=10**6, schedule="constant", validate_every=far, checkpoint_every=far, validation_clips=16
    )
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(folder or temporary) / "run"
        resume = (out / "checkpoints").is_dir()
        return train(model, *data, config, out, resume=resume, max_seconds=seconds, cpu=True, progress=False)
