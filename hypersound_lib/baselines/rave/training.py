"""Training a `RAVE` in two stages (Caillon and Esling 2021), with logs and checkpoints to resume from.

OUT/checkpoints/step-00000500/model.safetensors      weights of model and discriminator
                              training.safetensors   optimisers, random number generators
                              state.json             step, seconds, stage, best score, and hashes
"""

import math
import os
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import torch
from torch import Tensor, nn

from hypersound_lib.baselines.rave.config import RAVETrainingConfig
from hypersound_lib.baselines.rave.losses import spectral_distance, stage_1_gradients, stage_2_gradients
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.networks import Discriminator
from hypersound_lib.data import AudioStore, paper_augmentation
from hypersound_lib.devices import choose_device
from hypersound_lib.files import locked
from hypersound_lib.training.base_run import BaseRun, TrainingResult
from hypersound_lib.training.interrupt import stop_on_signal
from hypersound_lib.training.state import schedule_factor


def train_rave(
    model: RAVE,
    train_store: AudioStore,
    validation_store: AudioStore,
    config: RAVETrainingConfig,
    out: str | os.PathLike,
    *,
    resume: bool = False,
    cpu: bool = False,
    progress: bool = True,
) -> TrainingResult:
    """Train a model, and leave logs, checkpoints and weights in a folder; arguments and errors are those of `train`.

    `OUT/model` holds the last weights and `OUT/best` those of the lowest spectral distance. By step / config.steps the
    noise joins in, the second stage begins, the learning rate falls. Resumed, it ends bit for bit as if nothing had
    happened.
    """
    with locked(Path(out)):
        run = _Run(model, (train_store, validation_store), config, Path(out), resume, cpu)
        with run.open_log(progress), stop_on_signal() as stop:
            stop_reason = _take_steps(run, stop)
        return TrainingResult(model.eval(), run.state.step, run.state.seconds, stop_reason, run.measured)


def _take_steps(run: "_Run", stop: Event) -> str:
    """Update the weights until there is a reason to end, and return it."""
    model, state, config = run.model, run.state, run.config
    stop_reason = run.end_reason(interrupted=False)
    while stop_reason is None:
        run.enter_stage()
        clips = run.next_batch()  # (B, T)
        if state.stage == 1:
            terms = stage_1_gradients(model, clips, run.kl_weight)
        else:
            terms = stage_2_gradients(model, state.discriminator, clips, config)
        limit = math.inf if config.max_grad_norm is None else config.max_grad_norm
        values = run.read_finite(terms, torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
        state.update_weights(run.learning_rate)
        run.log_step(values)
        stop_reason = run.end_reason(stop.is_set())
        run.validate_and_save_if_due(ended=stop_reason is not None)
    return stop_reason


class RAVETrainingState:
    """Model, discriminator, their optimisers, and how far the training has come."""

    format = "rave/1"
    numbers = ("step", "seconds", "stage", "best_score", "scored")
    averaged = nullcontext  # the model has no average of its weights

    def __init__(self, model: RAVE, config: RAVETrainingConfig, device: torch.device):
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


class _SpectralLoss:
    """The spectral distance in the shape that `Validation` asks for."""

    weights = {"spectral": 1.0}  # noqa: RUF012 - read only

    def __call__(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]:
        return {"spectral": spectral_distance(estimate, reference)}


class _Run(BaseRun):
    """What surrounds RAVE's loop."""

    model: RAVE

    def __init__(
        self,
        model: RAVE,
        stores: tuple[AudioStore, AudioStore],
        config: RAVETrainingConfig,
        out: Path,
        resume: bool,
        cpu: bool,
    ):
        self.device = choose_device("cpu" if cpu else "auto")
        torch.manual_seed(config.seed)
        state = RAVETrainingState(model, config, self.device)
        augmentation = paper_augmentation(model.config.sample_rate)
        super().__init__(model, stores, config, out, state, _SpectralLoss(), augmentation, config.batch_size, resume)

    def noted(self) -> dict[str, int]:
        """Return the stage."""
        return {"stage": self.state.stage}

    @property
    def progress(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return min(1.0, self.state.step / self.config.steps)

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.config.learning_rate * schedule_factor(self.config.schedule, self.progress)

    @property
    def kl_weight(self) -> float:
        """β of the next update."""
        return self.config.kl_weight * min(1.0, (self.state.step + 1) / max(1, self.config.kl_warmup_steps))

    def enter_stage(self) -> None:
        """Let the noise join in, and freeze the encoder, when it is time.

        A frozen encoder's batch norm keeps the statistics that it has gathered.
        """
        if self.progress >= self.config.stage_1_fraction:
            self.state.stage = 2
        self.model.decoder.noise_gain.fill_(float(self.progress >= self.config.noise_fraction))
        self.model.train()
        self.model.encoder.train(self.state.stage == 1)

    def next_batch(self) -> Tensor:
        """Return the clips of this step `(B, T)`; they depend on its number alone, so a resumed run has the same."""
        first = self.state.step * self.config.batch_size
        return torch.stack([self.clips[first + i] for i in range(self.config.batch_size)]).to(self.device)

    def end_reason(self, interrupted: bool) -> str | None:
        """Say why the training is over, or None."""
        if self.state.step >= self.config.steps:
            return "steps"
        return "interrupted" if interrupted else None

    def _validate(self) -> None:
        super()._validate()
        self.model.save_pretrained(self.out / "model", facts=self.facts())
