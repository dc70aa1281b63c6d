"""What a model is scored with during training: clips that stay the same, and a distance."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from hypersound_lib.metrics import nmse, si_snr

if TYPE_CHECKING:
    from hypersound_lib.data import AudioStore
    from hypersound_lib.hub.model import PretrainedModel


class Distance(Protocol):
    """What a model is measured with: terms by name, each a scalar, and the terms' weights."""

    @property
    def weights(self) -> Mapping[str, float]: ...

    def __call__(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]: ...


class Validation:
    """At most `count` clips of a store, spread evenly and always the same; those below -60 dBFS are passed over.

    `batch_size` of them are played at once; what is measured does not depend on it.
    """

    def __init__(self, store: "AudioStore", num_samples: int, count: int, batch_size: int):
        starts = [(n, at) for n, length in enumerate(store.lengths) for at in range(0, int(length), num_samples)]
        chosen = torch.linspace(0, len(starts) - 1, min(len(starts), 4 * count)).round().long().unique()
        read = (store.read(*starts[int(i)], num_samples) for i in chosen)
        clips = [nn.functional.pad(clip, (0, num_samples - len(clip))) for clip in read]  # a recording's last is short
        loud = [clip for clip in clips if clip.square().mean() > 1e-6]
        spread = torch.linspace(0, len(loud) - 1, min(len(loud), count)).round().long().unique()
        self.clips = torch.stack([loud[int(i)] for i in spread] if loud else clips[:1])
        self.batch_size = batch_size

    @torch.no_grad()
    def measure(self, model: "PretrainedModel", loss: Distance) -> dict[str, float]:
        """Return the loss' terms, the code's costs, their weighted sum `loss`, and NMSE and SI-SNR (dB), medians."""
        totals: dict[str, float] = {}
        estimates = []
        with in_mode(model, training=False):
            for numbers in torch.arange(len(self.clips)).split(self.batch_size):
                batch, estimate, costs = self._play(model, numbers)
                for name, value in (loss(estimate, batch) | costs).items():
                    totals[name] = totals.get(name, 0.0) + value.item() * len(batch) / len(self.clips)
                estimates.append(estimate.cpu())
        estimate = torch.cat(estimates)
        totals["loss"] = sum(loss.weights.get(name, 1.0) * value for name, value in totals.items())
        totals["nmse"] = nmse(self.clips, estimate).median().item()
        totals["si_snr"] = si_snr(self.clips, estimate).median().item()
        return totals

    @torch.no_grad()
    def examples(self, model: "PretrainedModel", count: int = 4) -> tuple[Tensor, Tensor]:
        """Return a few clips `(N, T)` and what the model makes of them, as `measure` has it."""
        numbers = torch.arange(len(self.clips))[:: max(1, len(self.clips) // count)][:count]
        with in_mode(model, training=False):
            return self.clips[numbers], self._play(model, numbers)[1].cpu()

    def _play(self, model: "PretrainedModel", numbers: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return the clips of these numbers, what the model makes of them, and its code's costs."""
        batch = self.clips[numbers].to(next(model.parameters()).device)
        return batch, *model(batch, with_costs=True, **model.scoring_settings(numbers, len(self.clips)))


@contextmanager
def in_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Put a model into training or evaluation mode for a while.

    In evaluation mode it draws no random number. The training's generator thus stays where it is, however many
    validations there are: an interrupted run, which has one more, resumes to the same weights.
    """
    was_training = model.training
    model.train(training)
    try:
        yield
    finally:
        model.train(was_training)
