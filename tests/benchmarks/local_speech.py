"""What the benchmarks of the local model train and score on: a folder of corpora, or the embedded one."""

import dataclasses
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from hypersound_lib.data import AudioStore
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import Excerpt, choose_excerpts
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import score
from hypersound_lib.training import TrainingConfig, TrainingResult, train, training_stores

CORPORA = ("libri16", "speech22", "speech48", "vctk16")  # folders of speech whose last speakers are held out
SCORED = ("vctk16", "speech22", "libri16")


def corpora(speech: Path | None) -> list[str]:
    """Return what to train on: the embedded corpus, and the folders in `speech` where it is given."""
    return ["mini"] + ([str(speech / name) for name in CORPORA] if speech else [])


def stores(speech: Path | None, sample_rate: int) -> tuple[AudioStore, AudioStore]:
    """Return stores to train and to validate on."""
    return training_stores(corpora(speech), sample_rate)


def excerpts(speech: Path | None, limit: int, seconds: float) -> list[Excerpt]:
    """Return recordings of held-out speakers, as many of each corpus."""
    folders = [str(speech / name) for name in SCORED] if speech else ["mini"]
    chosen = []
    for folder in folders:
        chosen += choose_excerpts(folder, split="test", limit=math.ceil(limit / len(folders)), seconds=seconds)[0]
    return chosen


def train_for(
    model: nn.Module,
    config: TrainingConfig,
    data: tuple[AudioStore, AudioStore],
    folder: str | Path | None = None,
    *,
    seconds: float | None = None,
    steps: int = 10**6,
) -> TrainingResult:
    """Train a model in place for so long or so many steps; in a folder that holds a run, go on with it."""
    # Neither a validation nor a checkpoint on the way, and no schedule that ends: time or steps alone end it.
    far = 10**9
    config = dataclasses.replace(
        config, steps=steps, schedule="constant", validate_every=far, checkpoint_every=far, validation_clips=16
    )
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(folder or temporary) / "run"
        resume = (out / "checkpoints").is_dir()
        return train(model.train(), *data, config, out, resume=resume, max_seconds=seconds, cpu=True, progress=False)


class Coded(NamedTuple):
    """A sound that went through a file."""

    copy: Tensor  # (T,)
    kbps: float  # of the file, header included


def through_file(model: LocalHyperSound, sound: Tensor, kbps: float) -> Coded | None:
    """Compress and decompress a sound `(T,)` at the model's rate; None where no file is as small as that."""
    rate = model.config.sample_rate
    try:
        data = model.compress(sound, rate, kbps=kbps)
    except ConfigError:  # it needs more, with its coarsest steps
        return None
    return Coded(model.decompress(data), len(data) / 125 / (len(sound) / rate))


def mean_scores(
    pairs: Sequence[tuple[Tensor, Tensor]], sample_rate: int, metrics: Sequence[str]
) -> dict[str, float | None]:
    """Return each metric's mean over the pairs of original and copy that it takes; None where it takes none."""
    scored = score(pairs, sample_rate, metrics)
    return {metric: _mean([s.values[metric] for s in scored]) for metric in metrics}


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else None


def shown(row: Mapping[str, object]) -> str:
    """Return a row for the terminal."""
    return ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
