"""Whatever turns a sound into another one that should be equal: models, and what they are measured against.

A claim of quality is worth what it is beside references of the same run: the original, silence, true magnitudes
with random phase, Griffin-Lim, and classical codes of equal size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
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

    Args:
        model: what is to be evaluated.
        name: of its rows.
        kbps: at which a model that writes files compresses, in kbit/s; None stands for its default. Others have no
            rate.
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
        _evaluating(model, reconstruct),
        model.config.sample_rate,
        model.theta_per_second,
        model.narrowest_per_second,
        limit,
    )


def load_system(name_or_folder: str, device: str | torch.device = "cpu", kbps: float | None = None) -> System:
    """Load a model by its name or its folder. `kbps` is the rate of a local model, as in `model_system`.

    Raises:
        WeightsFileError: there is no such model, or its files are damaged.
    """
    return load_systems([name_or_folder], device, kbps)[0]


def load_systems(
    names_or_folders: Sequence[str], device: str | torch.device = "cpu", kbps: float | None = None
) -> list[System]:
    """Load several models, as `load_system` does, called by as much of their folders' paths as tells them apart."""
    folders = [Path(name).resolve().parts if local_folder(name) else (name,) for name in names_or_folders]
    named = zip(names_or_folders, shortest_tails(folders), strict=True)
    return [model_system(load_model(given).to(device), name, kbps) for given, name in named]


def reference_systems(models: Sequence[System]) -> list[System]:
    """Return what models are measured against, each at the rate that is asked for.

    - `original`: the best that any metric can say;
    - `zeros`: silence;
    - `random phase`, `Griffin-Lim`: the true magnitudes, without the phase, and with one found from them;
    - `soxr R Hz`: for each model's rate R, what soxr makes of the original at R: the bar at every other rate;
    - `MDCT n/s`, `PCA n/s`: a truncated MDCT and a linear autoencoder of frames, which has learnt from
      voices of the corpus `mini`, for the two sizes of each model. A size of as many numbers as samples or more is left
      out: with it, both are perfect.

    Args:
        models: which sizes and rates to match.
    """
    references = [
        System("original", _at_rate(lambda sound, rate: sound)),
        System("zeros", _at_rate(lambda sound, rate: torch.zeros_like(sound))),
        System("random phase", _at_rate(random_phase)),
        System("Griffin-Lim", _at_rate(griffin_lim)),
    ]
    rates = sorted({model.sample_rate for model in models if model.sample_rate})
    references += [System(f"soxr {rate} Hz", resample, rate) for rate in rates]
    pca = _FramePCAs()
    for size in _sizes(models):
        references.append(
            System(f"MDCT {size}/s", _at_rate(partial(mdct_of_size, floats_per_second=size)), None, size, size)
        )
        references.append(
            System(f"PCA {size}/s", _at_rate(partial(pca.reconstruct, floats_per_second=size)), None, size, size)
        )
    return references


def _sizes(models: Iterable[System]) -> list[int]:
    sizes = {
        round(size)
        for model in models
        for size in (model.theta_per_second, model.narrowest_per_second)
        if size and not (model.sample_rate and size >= model.sample_rate)
    }
    return sorted(sizes)


def _evaluating(model: PretrainedModel, reconstruct: Reconstruct) -> Reconstruct:
    def run(waveform: Tensor, sample_rate: int, output_rate: int) -> Tensor:
        was_training = model.training
        model.eval()
        try:
            return reconstruct(waveform, sample_rate, output_rate)
        finally:
            model.train(was_training)

    return run


def _at_rate(function: Callable[[Tensor, int], Tensor]) -> Reconstruct:
    """Make a system of a function whose input and output are at one rate."""
    return lambda waveform, sample_rate, output_rate: function(
        resample(waveform, sample_rate, output_rate), output_rate
    )


class _FramePCAs:
    """Frame PCAs of every size and rate, fitted when first asked for."""

    def __init__(self) -> None:
        self.complete: dict[tuple[int, int], FramePCA] = {}  # by rate and frame length, with all components

    def reconstruct(self, sound: Tensor, rate: int, floats_per_second: float) -> Tensor:
        frame_length, num_components = frame_pca_size(floats_per_second, rate)
        if (rate, frame_length) not in self.complete:
            dataset = load_dataset("mini", sample_rate=rate)
            chosen = range(0, len(dataset), max(1, len(dataset) // 60))
            voices = (peak_normalize(dataset[i].waveform) for i in chosen)
            self.complete[rate, frame_length] = FramePCA.fit(voices, frame_length, frame_length)
        return FramePCA(self.complete[rate, frame_length].components[:, :num_components]).reconstruct(sound)
