"""Everything that changes during a training, gathered so that a checkpoint can hold it."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.training.config import TrainingConfig

_OF_SCALER = ("scale", "_growth_tracker")  # what changes in a GradScaler
_OF_ADAM = ("step", "exp_avg", "exp_avg_sq")  # and in AdamW, for each parameter


class TrainingState:
    """Model, trained in place, with optimiser, schedule and moving average, and how far the training has come."""

    format = 1
    numbers = ("step", "seconds", "best_score", "scored")

    def __init__(self, model: PretrainedModel, config: TrainingConfig):
        self.model = self.networks = model
        self.config = config
        self.step = 0  # updates done
        self.seconds = 0.0  # spent training, over all sessions
        self.best_score = math.inf  # the lowest validation loss so far
        self.scored = ""  # which loss, of which clips: scores of another one do not compare
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        # float16 holds nothing below 6e-8: the loss is multiplied by a scale, and the gradients are divided by it.
        device = next(model.parameters()).device.type
        self.scaler = torch.amp.GradScaler(device, enabled=config.precision == "float16")
        self.average = {n: p.detach().clone() for n, p in model.named_parameters()} if config.ema_decay else {}

    @property
    def learning_rate(self) -> float:
        """The rate of the next update. It depends on the step alone, so a schedule has nothing else to save."""
        return self.config.learning_rate * learning_rate_factor(self.step, self.config)

    def update_weights(self, skip: bool = False) -> None:
        """Take one step of the optimiser at the schedule's rate, forget the gradients, and count it.

        After gradients that overflowed, `skip` leaves the weights as they are; the loss' scale is halved.
        """
        self.last_learning_rate = self.learning_rate
        if not skip:
            for group in self.optimizer.param_groups:
                group["lr"] = self.last_learning_rate
            self.optimizer.step()
            self.update_average()
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        self.step += 1

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the average a little towards the weights of now, faster in the beginning."""
        if self.average:
            # (1 + n) / (10 + n) keeps the first, bad weights from staying in the average for long.
            decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
            weights = [p.detach() for p in self.model.parameters()]
            torch._foreach_lerp_(list(self.average.values()), weights, 1 - decay)

    def keep_average(self) -> None:
        """Make the average, where there is one, the model's own weights, once training is over, and fix their code."""
        _copy_into(self.model, self.average)
        self.model.freeze_code()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the average, where there is one, in the weights' place for a while, and take back all that changes."""
        own = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        if self.average:
            own |= {name: p.detach().clone() for name, p in self.model.named_parameters()}
        _copy_into(self.model, self.average)
        try:
            yield
        finally:
            _copy_into(self.model, own)

    def training_tensors(self) -> dict[str, Tensor]:
        """Return what a checkpoint holds beside the weights."""
        tensors = {f"average.{name}": value for name, value in self.average.items()}
        for name, p in self.model.named_parameters():
            for key, value in self.optimizer.state.get(p, {}).items():
                tensors[f"optimizer.{key}.{name}"] = torch.as_tensor(value)
        scaler = self.scaler.state_dict()  # empty without one
        return tensors | {f"scaler.{key}": torch.tensor(scaler[key]) for key in _OF_SCALER if key in scaler}

    def restore_training(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `training_tensors` returned.

        A run that had no scale of the loss starts with a fresh one, and without an average with the weights of now. A
        parameter that never had a gradient, such as a frozen one, has no state of the optimiser. ValueError where that
        is of an unknown parameter, or a part of it is missing.
        """
        if self.scaler.is_enabled() and "scaler.scale" in tensors:
            saved = {key: tensors[f"scaler.{key}"].item() for key in _OF_SCALER}
            self.scaler.load_state_dict(self.scaler.state_dict() | saved)
        parameters = dict(self.model.named_parameters())
        for name, value in self.average.items():
            value.copy_(tensors.get(f"average.{name}", parameters[name].detach()))
        self.optimizer.state.clear()
        left = {label for label in tensors if label.startswith("optimizer.")}
        for name, p in parameters.items():
            labels = {key: f"optimizer.{key}.{name}" for key in _OF_ADAM}
            if left.issuperset(labels.values()):
                # A fused AdamW counts its steps where the parameter is.
                self.optimizer.state[p] = {key: tensors[label].to(p.device) for key, label in labels.items()}
                left.difference_update(labels.values())
        if left:
            raise ValueError(f"the optimiser has {sorted(left)} of no parameter, or not all of it")


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """Return what the peak learning rate is multiplied by in the update after `step` others.

    >>> config = TrainingConfig(steps=8, warmup_steps=4, schedule="cosine")
    >>> [round(learning_rate_factor(step, config), 2) for step in range(9)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    return schedule_factor(config.schedule, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))


def schedule_factor(schedule: str, progress: float) -> float:
    """Return what a peak learning rate is multiplied by: 1 if constant, or half a cosine, from 1 to 0 at progress 1."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress))) if schedule == "cosine" else 1.0


@torch.no_grad()
def _copy_into(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, value in weights.items():
        own[name].copy_(value)
