"""The paper's target network, a positional embedding and a ReLU network (section 3.2), and what all INRs share.

INRs are functions of time whose weights may come from outside: θ and instants to samples.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError, limit_sizes


class INR(nn.Module):
    """A target network T(t, θ) (paper, eq. 2): coordinates in, waveform out.

    Subclasses write two steps. `features(coords)` takes no weights: it can be computed once for a whole training.
    `evaluate(features, params)` reads every weight from the dictionary `params`, never from `self`, and so serves own
    weights and those that a hypernetwork generates alike.
    """

    config: Any  # a dataclass; each subclass says which
    # What a hypernetwork's input adds to a tensor at the start, in standard deviations; see `HyperNetworkConfig`.
    residual_scale: ClassVar[float] = 0.3
    # Of one layer's output for a chunk of instants, by kind of device. A GPU decodes all at once (`bench_gpu_speed`).
    chunk_bytes: ClassVar[dict[str, int]] = {"cpu": 4 * 2**20}

    def __init__(self):
        super().__init__()
        self._released: dict[str, torch.Size] = {}

    def forward(self, coords: Tensor, params: Mapping[str, Tensor] | None = None) -> Tensor:
        """Evaluate the represented sound.

        Args:
            coords: instants, `(T, 1)`, or `(B, T, 1)` where every item has its own; see `time_coords`.
            params: weights by name, each `shape` or `(B, *shape)` with one set per item; others are the network's own.

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
        _check_shapes({name: p.shape for name, p in own.items()} | self._released, coords, params or {})
        return self.evaluate_in_chunks(self.features(coords), complete).squeeze(-1)

    def evaluate_in_chunks(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Evaluate as `evaluate` does, in chunks of instants, so that a layer's output stays in the cache.

        What the backward pass reads is kept: to compute it again takes longer (`bench_chunks`).
        """
        chunks = [self.evaluate(chunk, params) for chunk in features.split(self.chunk_size(features, params), dim=-2)]
        return chunks[0] if len(chunks) == 1 else torch.cat(chunks, dim=-2)

    def chunk_size(self, features: Tensor, params: Mapping[str, Tensor]) -> int:
        """Return how many instants fit into `chunk_bytes`, for all items of a batch together; 256 at least."""
        if (device := features.device.type) not in self.chunk_bytes:
            return features.shape[-2]
        widest = max(value.shape[-1] * (value.shape[0] if value.ndim == 3 else 1) for value in params.values())
        return max(256, self.chunk_bytes[device] // (features.element_size() * widest))

    def release(self, names: Iterable[str]) -> None:
        """Give up own weights, which must come in `params` from now on: no optimiser trains and no file holds them."""
        for name in names:
            path, _, last = name.rpartition(".")
            module = self.get_submodule(path)
            self._released[name] = getattr(module, last).shape
            setattr(module, last, None)  # nn.Module keeps the name, and no parameter

    def features(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` as `(..., T, F)`, without any weight; here: leave them as they are."""
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


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map x by one weight matrix, or by one matrix per item.

    Shapes, with weights that all items share: x `(..., T, n)`, weight `(m, n)`, bias `(m,)` -> `(..., T, m)`; with one
    set of weights per item: x `(B, T, n)` or `(T, n)`, weight `(B, m, n)`, bias `(B, m)` -> `(B, T, m)`. Weight and
    bias may differ in this: what has no dimension B is common to all items.
    """
    if weight.ndim == 2:
        if bias.ndim == 1:
            return torch.nn.functional.linear(x, weight, bias)
        return torch.nn.functional.linear(x, weight) + bias.unsqueeze(-2)
    if x.ndim == 2 and bias.ndim == 2 and weight.shape[-1] > weight.shape[-2]:
        # The rows of all matrices as one: x is read once. With few inputs the batched product is quicker, item by item.
        items, units, _ = weight.shape
        return torch.addmm(bias.flatten(), x, weight.flatten(0, 1).mT).unflatten(-1, (items, units)).movedim(1, 0)
    # y[b] = x[b] @ weight[b].T + bias[b] for all b in one batched product
    x = x.expand(weight.shape[0], *x.shape[-2:])
    return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)


def dense_layers(num_inputs: int, width: int, hidden_layers: int) -> nn.ModuleList:
    """Make the affine maps of a network with one output: num_inputs -> width -> … -> width -> 1.

    Raises:
        ConfigError: there is no hidden layer, or no unit in it.
    """
    if hidden_layers < 1 or width < 1:
        raise ConfigError(f"hidden_layers and width must be positive, not {hidden_layers} and {width}")
    return nn.ModuleList(nn.Linear(n, m) for n, m in pairwise([num_inputs, *[width] * hidden_layers, 1]))


class FourierFeatures(nn.Module):
    """γ(t) = [sin 2πf₁t, cos 2πf₁t, sin 2πf₂t, …]: one pair per frequency, `(..., T, 1) -> (..., T, 2K)`.

    Args:
        frequencies: `(K,)`, in cycles per unit of t; N samples on [0, 1) have their Nyquist frequency at N / 2.

    >>> FourierFeatures(torch.tensor([1.0, 2.0]))(torch.tensor([[0.5]])).round(decimals=6).abs()  # half, whole turn
    tensor([[0., 1., 0., 1.]])
    """

    frequencies: Tensor

    def __init__(self, frequencies: Tensor):
        super().__init__()
        if frequencies.ndim != 1 or frequencies.numel() == 0:
            raise ConfigError(f"frequencies must be (K,) with K > 0, not {tuple(frequencies.shape)}")
        # Single precision names a frequency to 1 part in 10^7: sums of sines stay in tune over minutes.
        self.register_buffer("frequencies", frequencies.to(torch.float32))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        exact = self.frequencies  # they follow to another device, and to no other precision
        super()._apply(fn, recurse)
        if self.frequencies.dtype != exact.dtype:
            self.frequencies = exact.to(self.frequencies.device)
        return self

    def forward(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` as `(..., T, 2K)`, computed in the coordinates' precision.

        A sine of a large angle has few correct digits: in float32, 2πft at f = 16384 cycles is known to 0.01 rad only.
        So the whole turns are taken off first, exactly where f·t is exact, as with the paper's powers of two.
        """
        turns = coords * self.frequencies.to(coords.dtype)  # (..., T, K)
        angle = 2 * math.pi * (turns - torch.round(turns))
        return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(-2)


@dataclass(frozen=True)
class FourierMLPConfig:
    """Size of a `FourierMLP`."""

    hidden_layers: int = 4
    width: int = 256  # units in each hidden layer
    num_octaves: int = 16  # L of the paper's embedding; 0 stands for no embedding: t itself is the only input
    num_frequencies: int = 0  # above 0: so many free frequencies in place of octaves; see spectral_frequencies


# The paper's three of Table 1, and ours for one sound: one wide step learns sooner than depth (notebook 2).
SMALL = FourierMLPConfig(hidden_layers=4, width=64)  # 14 657 parameters
BASE = FourierMLPConfig(hidden_layers=4, width=256)  # 206 081 parameters
LARGE = FourierMLPConfig(hidden_layers=6, width=384)  # 752 257 parameters
SPECTRAL = FourierMLPConfig(hidden_layers=1, width=128, num_octaves=0, num_frequencies=512)  # 131 329 parameters


class FourierMLP(INR):
    """x̂(t) = MLP(γ(t)) with ReLU: `(T, 1) -> (T,)`.

    Args:
        config: the network's size.
        frequencies: `(K,)` in cycles per unit of t, for K = `config.num_frequencies` > 0, never trained; None: even.

    Raises:
        ConfigError: the frequencies do not fit the config.
    """

    def __init__(self, config: FourierMLPConfig = BASE, frequencies: Tensor | None = None):
        super().__init__()
        self.config = config
        limit_sizes(config, hidden_layers=256, width=65536, num_octaves=64, num_frequencies=2**22)
        octaves, free = config.num_octaves, config.num_frequencies
        if octaves and free:
            raise ConfigError(f"choose num_octaves or num_frequencies, not both: {config}")
        if frequencies is not None and frequencies.numel() != free:
            raise ConfigError(f"the config wants {free} frequencies, {frequencies.numel()} were given")
        if frequencies is None and (octaves or free):
            from hypersound_lib.inr.frequencies import even_frequencies, octave_frequencies

            frequencies = octave_frequencies(octaves) if octaves else even_frequencies(free)
        self.fused = False  # play weights of half precision by the GPU kernels of `hypersound_lib.inr.fused`
        self.embedding = None if frequencies is None else FourierFeatures(frequencies)
        self.num_inputs = 1 if frequencies is None else 2 * frequencies.numel()
        self.layers = dense_layers(self.num_inputs, config.width, config.hidden_layers)

    @classmethod
    def for_sound(cls, waveform: Tensor, config: FourierMLPConfig = SPECTRAL, seed: int = 0) -> "FourierMLP":
        """Build a network whose frequencies follow the spectrum of `waveform` `(T,)`."""
        from hypersound_lib.inr.frequencies import spectral_frequencies

        return cls(config, spectral_frequencies(waveform, config.num_frequencies, seed))

    def features(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` as γ(t) `(..., T, 2K)`."""
        return coords if self.embedding is None else self.embedding(coords)

    def evaluate_in_chunks(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Evaluate as `evaluate` does: in two GPU kernels where `fused` is set, else in chunks of instants."""
        dtype = params["layers.0.weight"].dtype
        if not self.fused or dtype not in (torch.float16, torch.bfloat16):
            return super().evaluate_in_chunks(features, params)
        from hypersound_lib.inr.fused import play  # Triton, which torch brings for CUDA only

        return play(features.to(dtype), params, len(self.layers) - 1)

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map γ(t) `(..., T, 2K)` to samples `(..., T, 1)`."""
        x = features.to(params["layers.0.weight"].dtype)
        last = len(self.layers) - 1
        for i in range(last):
            x = torch.relu_(linear(x, params[f"layers.{i}.weight"], params[f"layers.{i}.bias"]))
        return linear(x, params[f"layers.{last}.weight"], params[f"layers.{last}.bias"])
