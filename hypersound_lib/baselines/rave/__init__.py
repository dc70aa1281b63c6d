"""RAVE (Caillon and Esling 2021), the paper's rival, written anew.

In reading order: `pqmf` (the filter bank), `config`, `layers`, `encoder`, `decoder`, `model` (RAVE, which joins them),
`losses`, `discriminator`, `stages` (the gradients of a step), `training_config`, `checkpoint`, `training` (the loop).
"""

from hypersound_lib.baselines.rave.config import FULL, TUTORIAL, RAVEConfig
from hypersound_lib.baselines.rave.losses import spectral_distance
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.pqmf import PQMF
from hypersound_lib.baselines.rave.training import train_rave
from hypersound_lib.baselines.rave.training_config import FULL_TRAINING, TUTORIAL_TRAINING, RAVETrainingConfig

__all__ = [
    "FULL",
    "FULL_TRAINING",
    "PQMF",
    "RAVE",
    "TUTORIAL",
    "TUTORIAL_TRAINING",
    "RAVEConfig",
    "RAVETrainingConfig",
    "spectral_distance",
    "train_rave",
]
