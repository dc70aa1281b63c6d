"""One row's training: started, gone on with after an interruption, or found done."""

from dataclasses import dataclass
from pathlib import Path

import torch

from hypersound_lib.baselines.rave import RAVE, train_rave
from hypersound_lib.data import AudioStore
from hypersound_lib.errors import ConfigError
from hypersound_lib.experiments.scales import Scale
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.training import read_log, train
from hypersound_lib.training.checkpoint import Checkpoints


@dataclass(frozen=True)
class TrainedRun:
    """A model and how it was trained."""

    model: HyperSound | RAVE
    step: int
    seconds: float
    finished: bool  # False where somebody interrupted it
    curve: dict[str, list[float]]  # validation.csv, column by column


def train_run(
    scale: Scale, run: str, stores: tuple[AudioStore, AudioStore], folder: Path, seconds: float | None, progress: bool
) -> TrainedRun:
    """Train one run in its folder, or go on with what is there.

    Args:
        scale: what to train.
        run: "rave", or a name in `scale.runs`.
        stores: to train and to validate on, at the model's rate.
        folder: of this run alone; checkpoints and logs stay in it.
        seconds: for RAVE, how long; None for all its steps.
        progress: show a bar.
    """
    resume = bool(Checkpoints(folder / "checkpoints", keep=1).saved())
    torch.manual_seed(0)
    if run == "rave":
        model = RAVE(scale.rave)
        result = train_rave(
            model,
            *stores,
            scale.rave_training,
            folder,
            resume=resume,
            max_seconds=seconds,
            cpu=_no_gpu(),
            progress=progress,
        )
        finished = result.stop_reason != "interrupted"
    elif run in scale.runs:
        model = HyperSound(scale.runs[run].model)
        config = scale.runs[run].training
        result = train(model, *stores, config, folder, resume=resume, cpu=_no_gpu(), progress=progress)
        finished = result.stop_reason == "steps"
    else:
        raise ConfigError(f"{run!r} is no run of scale {scale.name}; there are rave, {', '.join(scale.runs)}")
    return TrainedRun(model, result.step, result.seconds, finished, read_log(folder / "validation.csv"))


def sample_rate(scale: Scale, run: str) -> int:
    """Return the rate that a run is trained at, in Hz."""
    return scale.rave.sample_rate if run == "rave" else scale.runs[run].model.sample_rate


def _no_gpu() -> bool:
    return not torch.cuda.is_available()
