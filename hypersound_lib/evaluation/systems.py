"""Whatever turns a sound into another one that should be equal: models, and what they are measured against.

A claim of quality is worth what it is beside references of the same run: the original, silence, true magnitudes
with random phase, Griffin-Lim, and classical codes of equal size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.baselines import FramePCA, frame_pca_size, griffin_lim, mdct_of_size, random_phase
from hypersound_lib.data import load_dataset, peak_normalize, resample
from hypersound_lib.errors import ConfigError
from hypersound_lib.files import shortest_tails
from hypersound_lib.hub.folders import local_folder
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.models import load_model
from hypersound_lib.training.validation import in_mode

# (waveform (T,), its rate, output rate) -> (T',)
Reconstruct = Callable[[Tensor, int, int], Tensor]


@dataclass(frozen=True)
class System:
    """A name, and a function from a sound to its copy at any rate."""

    name: str
    reconstruct: Reconstruct
    sample_rate: int | None = None  # of what it takes as input, in Hz; None: whatever it is to play
    theta_per_second: float | None = None  # numbers that describe a second of sound where it is played
    narrowest_per_second: float | None = None  # numbers per second in the narrowest layer on the way
    kbps: float | None = None  # where that is a file: kbit/s at most, header included


def model_system(model: PretrainedModel, name: str, kbps: float | None = None) -> System:
    """Wrap a model; it is evaluated in evaluation mode, and keeps its own.

    One that writes files compresses at `kbps` kbit/s; None stands for its default. Others have no rate.
    """
    if not isinstance(model, PretrainedModel):
        raise ConfigError(
            f"{type(model).__name__} cannot be evaluated; give a HyperSound, a LocalHyperSound, a RAVE, or a System"
        )
    reconstruct: Callable[..., Tensor] = model.reconstruct
    limit = model.default_kbps
    if limit is not None:
        limit = limit if kbps is None else kbps
        reconstruct = partial(reconstruct, kbps=limit)
    return System(
        name,
        in_mode(model, training=False)(reconstruct),
        model.config.sample_rate,
        model.theta_per_second,
        model.narrowest_per_second,
        limit,
    )


def load_system(name_or_folder: str, device: str | torch.device = "cpu", kbps: float | None = None) -> System:
    """Load a model by its name or its folder, as `load_model` does. `kbps` is as in `model_system`."""
    return load_systems([name_or_folder], device, kbps)[0]


def load_systems(
    names_or_folders: Sequence[str], device: str | torch.device = "cpu", kbps: float | None = None
) -> list[System]:
    """Load several models, as `load_system` does, called by as much of their folders' paths as tells them apart."""
    folders = [Path(name).resolve().parts if local_folder(name) else (name,) for name in names_or_folders]
    named = zip(names_or_folders, shortest_tails(folders), strict=True)
    return [model_system(load_model(given).to(device), name, kbps) for given, name in named]


def reference_systems(models: Sequence[System]) -> list[System]:
    """Return what models are measured against, of the models' sizes and rates; each plays at the rate asked for.

    - `original`: the best that any metric can say;
    - `zeros`: silence;
    - `random phase`, `Griffin-Lim`: the true magnitudes, without the phase, and with one found from them;
    - `soxr R Hz`: for each model's rate R, what soxr makes of the original at R: the bar at every other rate;
    - `MDCT n/s`, `PCA n/s`: a truncated MDCT and a linear autoencoder of frames, which has learnt from
      voices of the corpus `mini`, for the two sizes of each model. A size of as many numbers as samples or more is left
      out: with it, both are perfect.
    """
    references = [
        System("original", _at_rate(lambda sound, rate: sound)),
        System("zeros", _at_rate(lambda sound, rate: torch.zeros_like(sound))),
        System("random phase", _at_rate(random_phase)),
        System("Griffin-Lim", _at_rate(griffin_lim)),
    ]
    rates = sorted({model.sample_rate for model in models if model.sample_rate})
    references += [System(f"soxr {rate} Hz", resample, rate) for rate in rates]
    for size, (name, copy) in product(_sizes(models), (("MDCT", mdct_of_size), ("PCA", _pca_of_size))):
        sized = _at_rate(partial(copy, floats_per_second=size))
        references.append(System(f"{name} {size}/s", sized, None, size, size))
    return references


def _sizes(models: Iterable[System]) -> list[int]:
    sizes = {
        round(size)
        for model in models
        for size in (model.theta_per_second, model.narrowest_per_second)
        if size and not (model.sample_rate and size >= model.sample_rate)
    }
    return sorted(sizes)


def _at_rate(function: Callable[[Tensor, int], Tensor]) -> Reconstruct:
    """Make a system of a function whose input and output are at one rate."""
    return lambda waveform, sample_rate, output_rate: function(
        resample(waveform, sample_rate, output_rate), output_rate
    )


@lru_cache(maxsize=8)
def _complete_pca(rate: int, frame_length: int) -> FramePCA:
    """Return a frame PCA with all components, fitted to voices of the corpus `mini`."""
    dataset = load_dataset("mini", sample_rate=rate)
    chosen = range(0, len(dataset), max(1, len(dataset) // 60))
    return FramePCA.fit((peak_normalize(dataset[i].waveform) for i in chosen), frame_length, frame_length)


def _pca_of_size(waveform: Tensor, sample_rate: int, floats_per_second: float) -> Tensor:
    frame_length, num_components = frame_pca_size(floats_per_second, sample_rate)
    return FramePCA(_complete_pca(sample_rate, frame_length).components[:, :num_components]).reconstruct(waveform)
