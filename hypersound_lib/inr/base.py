"""What every implicit neural representation has in common: a function of time whose weights may come from outside."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError

# The size of one layer's output for a chunk of instants: a few caches' worth.
_CHUNK_BYTES = 4 * 2**20


class INR(nn.Module):
    """A target network T(t, θ) (paper, eq. 2): coordinates in, waveform out.

    Subclasses write two steps. `features(coords)` is the part that no weight takes part in: it can be computed
    once and kept for a whole training. `evaluate(features, params)` reads every weight from the dictionary
    `params`, never from `self`, and so serves own weights and those that a hypernetwork generates alike. They also
    say at which `residual_scale` a hypernetwork starts that generates them.
    """

    config: Any  # a dataclass; each subclass says which
    # How much a hypernetwork's input adds to each generated tensor at the start, as part of the tensor's own standard
    # deviation; `HyperNetworkConfig.residual_scale` overrides it.
    residual_scale: ClassVar[float] = 0.3

    def __init__(self):
        super().__init__()
        self._released: dict[str, torch.Size] = {}

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
        complete = {**own, **(params or {})}
        if missing := sorted(self._released.keys() - complete.keys()):
            raise ConfigError(f"this INR has given up its own {missing}: pass them in params")
        if params is not None:
            _check_shapes({name: p.shape for name, p in own.items()} | self._released, coords, params)
        return self.evaluate_in_chunks(self.features(coords), complete).squeeze(-1)

    def evaluate_in_chunks(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Evaluate as `evaluate` does; on a CPU in chunks of instants, so that a layer's output stays in the cache.

        Instants do not depend on each other, so the result is the same. For 4 clips and 256 units the chunks made
        forward and backward 1.7 times as fast as one pass over all 32 768 instants.
        """
        if features.device.type != "cpu":
            return self.evaluate(features, params)
        widest = max(value.shape[-1] * (value.shape[0] if value.ndim == 3 else 1) for value in params.values())
        chunk_size = max(256, _CHUNK_BYTES // (features.element_size() * widest))
        chunks = [self.evaluate(chunk, params) for chunk in features.split(chunk_size, dim=-2)]
        return chunks[0] if len(chunks) == 1 else torch.cat(chunks, dim=-2)

    def release(self, names: Iterable[str]) -> None:
        """Give up own weights, which from now on must come in `params`: a hypernetwork generates them.

        They leave `parameters()` and `state_dict()`, so that no optimiser trains and no file holds what is unused.

        Raises:
            ConfigError: a name is no parameter of this INR.
        """
        for name in names:
            path, _, last = name.rpartition(".")
            if name not in dict(self.named_parameters()):
                raise ConfigError(f"cannot release {name!r}; this INR has {sorted(dict(self.named_parameters()))}")
            module = self.get_submodule(path)
            self._released[name] = getattr(module, last).shape
            setattr(module, last, None)  # nn.Module keeps the name, and no parameter

    def features(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` without any weight, as `(..., T, F)`; here: leave them as they are."""
        return coords

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map features `(..., T, F)` to samples `(..., T, 1)` with the complete set of weights `params`."""
        raise NotImplementedError

    @property
    def num_params(self) -> int:
        """How many numbers describe the sound: the size P of θ."""
        return sum(p.numel() for p in self.parameters()) + sum(shape.numel() for shape in self._released.values())


def _check_shapes(shapes: dict[str, torch.Size], coords: Tensor, params: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless every given weight is one that the INR has, in its shape, in batches of one size."""
    sizes = {coords.shape[0]} if coords.ndim == 3 else set()
    for name, value in params.items():
        if name not in shapes:
            raise ConfigError(f"no weight is called {name!r}; this INR has {sorted(shapes)}")
        shape = tuple(shapes[name])
        if tuple(value.shape) == (*value.shape[:1], *shape):
            sizes.add(value.shape[0])
        elif tuple(value.shape) != shape:
            raise ConfigError(f"{name} must be {shape} or (B, *{shape}), not {tuple(value.shape)}")
    if len(sizes) > 1:
        raise ConfigError(f"coords and params come in batches of different sizes: {sorted(sizes)}")
