"""RAVE (Caillon and Esling 2021), the paper's rival, written anew; and an adapter for exported models of its authors.

In reading order: `pqmf` (the filter bank), `config`, `layers`, `encoder`, `decoder`, `rates` (sounds of any rate),
`model` (RAVE, which joins them), `losses`, `discriminator`, `stages` (the gradients of a step), `training_config`,
`checkpoint`, `training` (the loop); and `torchscript` (models that a user supplies).
"""

from hypersound_lib.baselines.rave.config import FULL, TUTORIAL, RAVEConfig
from hypersound_lib.baselines.rave.losses import spectral_distance
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.pqmf import PQMF
from hypersound_lib.baselines.rave.torchscript import TorchScriptRAVE
from hypersound_lib.baselines.rave.training import RAVETrainingResult, train_rave
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
    "RAVETrainingResult",
    "TorchScriptRAVE",
    "spectral_distance",
    "train_rave",
]
