"""All that changes during a training of RAVE, and checkpoints of it that hold no code and are never half there.

OUT/checkpoints/step-00000500/model.safetensors      weights of model and discriminator
                              training.safetensors   optimisers, random number generators
                              state.json             step, seconds, stage, best score, and hashes
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hypersound_lib.baselines.rave.discriminator import Discriminator
from hypersound_lib.baselines.rave.training_config import RAVETrainingConfig

if TYPE_CHECKING:
    from hypersound_lib.baselines.rave.model import RAVE


class RAVETrainingState:
    """Model, discriminator, their optimisers, and how far the training has come."""

    format = "rave/1"
    numbers = ("step", "seconds", "stage", "best_score", "scored")

    def __init__(self, model: "RAVE", config: RAVETrainingConfig, device: torch.device):
        self.model = model.to(device)
        self.discriminator = Discriminator(config.discriminator).to(device)
        self.step = 0  # updates done
        self.seconds = 0.0  # spent training, over all sessions
        self.stage = 1  # 1: autoencoder; 2: decoder against discriminator
        self.best_score = math.inf  # the lowest spectral distance in validation so far
        self.scored = ""  # of which clips: scores of others do not compare
        self.networks = nn.ModuleDict({"model": self.model, "discriminator": self.discriminator})
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(0.5, 0.9))
            for name, network in self.networks.items()
        }

    def update_weights(self, learning_rate: float) -> None:
        """Take a step of the optimisers, forget the gradients, and count it. What has no gradient stays as it is.

        Args:
            learning_rate: the model's; the discriminator, which begins late, keeps the one that it has.
        """
        self.last_learning_rate = learning_rate
        for group in self.optimizers["model"].param_groups:
            group["lr"] = learning_rate
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the model, which has no average, into evaluation mode for a while."""
        self.model.eval()
        yield
        self.model.train()

    def training_tensors(self) -> dict[str, Tensor]:
        """Return what a checkpoint holds beside the weights."""
        return {
            f"{network}/{name}/{key}": value
            for network, optimizer in self.optimizers.items()
            for name, p in self.networks[network].named_parameters()
            for key, value in optimizer.state.get(p, {}).items()
        }

    def restore_training(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `training_tensors` returned."""
        for label, value in tensors.items():
            network, name, key = label.split("/")
            p = self.networks[network].get_parameter(name)
            # Adam counts its steps on the CPU.
            self.optimizers[network].state[p][key] = value if key == "step" else value.to(p.device)
