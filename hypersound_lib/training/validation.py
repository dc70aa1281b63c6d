"""How good the model is on voices that it does not train on."""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from hypersound_lib.data import AudioStore, ConsecutiveClips
from hypersound_lib.metrics import nmse, si_snr


class Distance(Protocol):
    """What a model is measured with: terms by name, each a scalar, and the terms' weights."""

    @property
    def weights(self) -> Mapping[str, float]: ...

    def __call__(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]: ...


class Validation:
    """A fixed set of clips, spread evenly over a store; clips below -60 dBFS are passed over.

    Args:
        store: recordings that are not trained on.
        num_samples: length of a clip.
        count: how many clips, at most.
        batch_size: clips at once.
    """

    def __init__(self, store: AudioStore, num_samples: int, count: int, batch_size: int):
        clips = ConsecutiveClips(store, num_samples, pad_last=True)
        chosen = torch.linspace(0, len(clips) - 1, min(len(clips), 4 * count)).round().long().unique()
        loud = [clip for clip in (clips[int(i)] for i in chosen) if clip.square().mean() > 1e-6]
        spread = torch.linspace(0, len(loud) - 1, min(len(loud), count)).round().long().unique()
        self.clips = torch.stack([loud[int(i)] for i in spread]) if loud else torch.stack([clips[0]])
        self.batch_size = batch_size

    @torch.no_grad()
    def measure(self, model: nn.Module, loss: Distance) -> dict[str, float]:
        """Return the loss' terms, the code's costs, their weighted sum `loss`, and NMSE and SI-SNR (dB), medians."""
        device = next(model.parameters()).device
        was_training = model.training
        model.eval()
        totals: dict[str, float] = {}
        estimates = []
        for batch in self.clips.split(self.batch_size):
            batch = batch.to(device)
            estimate, costs = model(batch, with_costs=True)
            for name, value in (loss(estimate, batch) | costs).items():
                totals[name] = totals.get(name, 0.0) + value.item() * len(batch) / len(self.clips)
            estimates.append(estimate.cpu())
        model.train(was_training)
        estimate = torch.cat(estimates)
        totals["loss"] = sum(loss.weights.get(name, 1.0) * value for name, value in totals.items())
        totals["nmse"] = nmse(self.clips, estimate).median().item()
        totals["si_snr"] = si_snr(self.clips, estimate).median().item()
        return totals

    @torch.no_grad()
    def examples(self, model: nn.Module, count: int = 4) -> tuple[Tensor, Tensor]:
        """Return a few clips `(N, T)` and what the model makes of them."""
        device = next(model.parameters()).device
        clips = self.clips[:: max(1, len(self.clips) // count)][:count]
        return clips, model(clips.to(device)).cpu()
