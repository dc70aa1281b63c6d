"""Learn, run and extend HyperSound: hypernetworks that turn a sound into the weights of a small network.

Each line is a module, with what it brings to this top level; all modules are attributes of this one, loaded when they
are first named. They stand in the order of layers: a module uses those above it.

- `errors`: what can go wrong, each with a remedy: `HyperSoundError`, `ConfigError`.
- `files`: where data lies; files that are written whole or not at all.
- `provenance`: what a result was made with, and by which command.
- `progress`: how far a long run is: a bar, or a line a minute where nobody watches.
- `devices`: where to compute, by one rule.
- `config_json`: dataclasses as JSON, checked when they are read.
- `coords`: the time grid: `time_coords`, `clip_duration`, `samples_in`.
- `data`: sounds in and out, corpora, clips for training: `load_audio`, `save_audio`, `load_dataset`.
- `inr`: networks of time: `FourierMLP`, `SIREN`, `ModulatedSIREN`.
- `losses`: what training minimises: `ReconstructionLoss`.
- `metrics`: what a copy is compared with its original by.
- `hub`: what every model can do; its folder, its name, its card.
- `hypersound`: the paper's model: `HyperSound`, `HyperSoundConfig`.
- `coding`: integers as bits: probabilities, range coder, the file format `.hs`.
- `local`: a hypernetwork that learns what to send, and writes a small function for each moment.
- `training`: the loop, what surrounds it, checkpoints and logs.
- `fitting`: one INR to one sound, by gradient descent: `fit_inr`, `FitConfig`, `FitResult`, `FittedSound`.
- `models`: a model of any kind by its name or folder: `load_model`.
- `presets`: models by name, each with its training.
- `baselines`: what models are compared with: RAVE and classical codes.
- `evaluation`: tables of scores with intervals.
- `experiments`: the paper's Table 1.
- `notebook`: plots, players, widgets, a blind listening test.
- `cli`: the command `hypersound`.
"""

import os
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

# Ask Linux for pages of 2 MiB under large tensors: every step allocates and frees its activations, and fetching and
# clearing pages of 4 KiB takes a good part of it (`large_pages` in data/results/bench_step.json). torch reads this
# when it allocates its first tensor; elsewhere than on Linux it means nothing.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.data import load_audio, load_dataset, save_audio
from hypersound_lib.errors import ConfigError, HyperSoundError
from hypersound_lib.fitting import FitConfig, FitResult, fit_inr
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.inr import SIREN, FourierMLP, ModulatedSIREN
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.models import load_model

__version__ = "0.1.0"

__all__ = [
    "SIREN",
    "ConfigError",
    "FitConfig",
    "FitResult",
    "FittedSound",
    "FourierMLP",
    "HyperSound",
    "HyperSoundConfig",
    "HyperSoundError",
    "ModulatedSIREN",
    "ReconstructionLoss",
    "clip_duration",
    "fit_inr",
    "load_audio",
    "load_dataset",
    "load_model",
    "samples_in",
    "save_audio",
    "time_coords",
]


def __getattr__(name: str) -> ModuleType:
    """Load a module of the library when it is first named."""
    if name not in _modules():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    """Return what tab completion offers: the names of this level, and all modules."""
    return sorted({*__all__, *_modules(), "__doc__", "__version__"})


def _modules() -> set[str]:
    return {module.name for module in iter_modules(__path__) if not module.name.startswith("_")}
