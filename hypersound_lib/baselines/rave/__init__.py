"""RAVE (Caillon and Esling 2021), the paper's rival, written anew.

In reading order: `pqmf` (the filter bank), `config`, `networks` (encoder, decoder, discriminator), `model` (RAVE, which
joins them), `losses` (and the gradients of a step), `training` (the loop).
"""

from hypersound_lib.baselines.rave.config import TUTORIAL, TUTORIAL_TRAINING, RAVEConfig, RAVETrainingConfig
from hypersound_lib.baselines.rave.losses import spectral_distance
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.pqmf import PQMF
from hypersound_lib.baselines.rave.training import train_rave
