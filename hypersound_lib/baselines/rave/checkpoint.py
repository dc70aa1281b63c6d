"""All that changes during a training of RAVE, and checkpoints of it that hold no code and are never half there.

OUT/checkpoints/step-00000500/model.safetensors      weights of model and discriminator
                              training.safetensors   optimisers, random number generators
                              state.json             step, seconds, stage, best score, and hashes
"""

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hypersound_lib.baselines.rave.discriminator import Discriminator
from hypersound_lib.baselines.rave.training_config import RAVETrainingConfig
from hypersound_lib.training.checkpoint import read_latest, saved_checkpoints, write_checkpoint

if TYPE_CHECKING:
    from hypersound_lib.baselines.rave.model import RAVE

_FORMAT = "rave/1"
_NUMBERS = ("step", "seconds", "stage", "best_score")


class RAVETrainingState:
    """Model, discriminator, their optimisers, and how far the training has come."""

    def __init__(self, model: "RAVE", config: RAVETrainingConfig, device: torch.device):
        self.model = model.to(device)
        self.discriminator = Discriminator(config.discriminator).to(device)
        self.step = 0  # updates done
        self.seconds = 0.0  # spent training, over all sessions
        self.stage = 1  # 1: autoencoder; 2: decoder against discriminator
        self.best_score = math.inf  # the lowest spectral distance in validation so far
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
        for group in self.optimizers["model"].param_groups:
            group["lr"] = learning_rate
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def save(self, folder: Path, keep: int) -> Path:
        """Write a checkpoint under a temporary name, rename it, and only then delete the oldest beyond `keep`."""
        target = folder / f"step-{self.step:08d}"
        if target.exists():  # a step has only one state
            return target
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        tensors = (_stored(self.networks.state_dict()), _stored(self._training_tensors()))
        write_checkpoint(target, *tensors, {"format": _FORMAT, **numbers})
        for old in saved_checkpoints(folder)[:-keep]:
            shutil.rmtree(old)
        return target

    def load_latest(self, folder: Path) -> None:
        """Become what the latest whole checkpoint in a folder holds, bit for bit.

        Raises:
            WeightsFileError: all are damaged, or the latest belongs to another model or discriminator.
        """
        checkpoint = read_latest(folder, _FORMAT)
        with checkpoint.restoring():
            self.networks.load_state_dict(checkpoint.model)
            self._restore_training(checkpoint.training)
            for name in _NUMBERS:
                setattr(self, name, checkpoint.numbers[name])

    def _training_tensors(self) -> dict[str, Tensor]:
        tensors = {"rng.cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
        for network, optimizer in self.optimizers.items():
            for name, p in self.networks[network].named_parameters():
                for key, value in optimizer.state.get(p, {}).items():
                    tensors[f"{network}/{name}/{key}"] = value
        return tensors

    def _restore_training(self, tensors: dict[str, Tensor]) -> None:
        torch.set_rng_state(tensors.pop("rng.cpu"))
        cuda = tensors.pop("rng.cuda", None)
        if cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(cuda)
        for label, value in tensors.items():
            network, name, key = label.split("/")
            p = self.networks[network].get_parameter(name)
            # Adam counts its steps on the CPU.
            self.optimizers[network].state[p][key] = value if key == "step" else value.to(p.device)


def _stored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
