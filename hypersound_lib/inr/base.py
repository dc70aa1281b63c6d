"""What every implicit neural representation has in common: a function of time whose weights may come from outside."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError


class INR(nn.Module):
    """A target network T(t, θ) (paper, eq. 2): coordinates in, waveform out.

    Subclasses write two steps. `features(coords)` is the part that no weight takes part in: it can be computed
    once and kept for a whole training. `evaluate(features, params)` reads every weight from the dictionary
    `params`, never from `self`, and so serves own weights and those that a hypernetwork generates alike.
    """

    config: object

    def forward(self, coords: Tensor, params: Mapping[str, Tensor] | None = None) -> Tensor:
        """Evaluate the represented sound.

        Args:
            coords: instants, `(T, 1)`, or `(B, T, 1)` where every item has its own; see `time_coords`.
            params: weights by the names of `named_parameters()`, each `shape` or `(B, *shape)` with one set per
                item. Names left out keep this network's own weights. None uses only own weights.

        Returns:
            samples `(T,)`, or `(B, T)` where coords or params have a batch dimension.

        Raises:
            ConfigError: coords are not `(..., T, 1)`, a name is unknown, a shape is wrong, or batches disagree.
        """
        if coords.ndim not in (2, 3) or coords.shape[-1] != 1:
            raise ConfigError(f"coords must be (T, 1) or (B, T, 1), not {tuple(coords.shape)}")
        own = dict(self.named_parameters())
        features = self.features(coords)
        if params is None:
            return self.evaluate(features, own).squeeze(-1)
        batch = self._batch_size(own, coords, params)
        params = {**own, **params}
        if batch is not None:
            params = {k: v.expand(batch, *own[k].shape) for k, v in params.items()}
        return self.evaluate(features, params).squeeze(-1)

    def features(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` without any weight, as `(..., T, F)`; here: leave them as they are."""
        return coords

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map features `(..., T, F)` to samples `(..., T, 1)` with the complete set of weights `params`."""
        raise NotImplementedError

    @property
    def num_params(self) -> int:
        """How many numbers describe the sound: the size P of θ."""
        return sum(p.numel() for p in self.parameters())

    @staticmethod
    def _batch_size(own: dict[str, Tensor], coords: Tensor, params: Mapping[str, Tensor]) -> int | None:
        """Check generated weights against own ones; return their batch size, None when there is no batch."""
        sizes = {coords.shape[0]} if coords.ndim == 3 else set()
        generated = False
        for name, value in params.items():
            if name not in own:
                raise ConfigError(f"no weight is called {name!r}; this INR has {sorted(own)}")
            shape = tuple(own[name].shape)
            if tuple(value.shape) == (*value.shape[:1], *shape):
                sizes.add(value.shape[0])
                generated = True
            elif tuple(value.shape) != shape:
                raise ConfigError(f"{name} must be {shape} or (B, *{shape}), not {tuple(value.shape)}")
        if len(sizes) > 1:
            raise ConfigError(f"coords and params come in batches of different sizes: {sorted(sizes)}")
        return sizes.pop() if generated else None


def uniform_(weight: Tensor, bound: float) -> None:
    """Fill a weight in place from the uniform distribution on [-bound, bound]."""
    with torch.no_grad():
        weight.uniform_(-bound, bound)
