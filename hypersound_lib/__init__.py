"""Learn, run and extend HyperSound: hypernetworks that turn a sound into the weights of a small network.

The names that most programs start from; the others are documented in their modules. In the order of dependence:
`errors`, `files` (atomic writes, where data lies), `config_json`, `provenance`; `coords` (the time grid), `data`
(sounds in and out), `inr` (the target networks), `losses`, `metrics`; `fitted_sound` (an INR with what it needs to be
heard), `fitting` (one INR to one sound); `hub` (what all models can do, their folders and cards), `reconstruction`
(sounds of any length, clip by clip), `hypersound` (the paper's model); `local` (a hypernetwork that learns what to
send, and writes a small function for each moment) and `coding` (what it sends, as bits: probabilities, range coder,
files); `models` (any of them by its name); `training` (the loop, checkpoints, logs), and `presets` (models by name,
with their training); `baselines` (RAVE, classical codes and codecs), `evaluation` (tables with intervals),
`experiments` (the paper's Table 1); `notebook` (plots, players, widgets, a blind listening test) and `cli` stand on
top.
"""

import os

# Ask Linux for pages of 2 MiB under large tensors: every step allocates and frees its activations, and fetching and
# clearing pages of 4 KiB takes a good part of it (`large_pages` in data/results/bench_step.json). torch reads this
# when it allocates its first tensor; elsewhere than on Linux it means nothing.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.data import load_audio, load_dataset, save_audio
from hypersound_lib.errors import ConfigError, HyperSoundError
from hypersound_lib.fitted_sound import FittedSound
from hypersound_lib.fitting import FitConfig, FitResult, fit_inr
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
