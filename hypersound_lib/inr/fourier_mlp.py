"""The paper's target network: a positional embedding, then a ReLU network (paper, section 3.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hypersound_lib.config_json import limit_sizes
from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.base import INR
from hypersound_lib.inr.embedding import FourierFeatures, octave_frequencies, spectral_frequencies
from hypersound_lib.inr.linear import dense_layers, linear


@dataclass(frozen=True)
class FourierMLPConfig:
    """Size of a `FourierMLP`."""

    hidden_layers: int = 4
    width: int = 256  # units in each hidden layer
    num_octaves: int = 16  # L of the paper's embedding; 0 stands for no embedding: t itself is the only input
    num_frequencies: int = 0  # above 0: so many free frequencies in place of octaves; see spectral_frequencies


# The three target networks of the paper's Table 1 …
SMALL = FourierMLPConfig(hidden_layers=4, width=64)  # 14 657 parameters
BASE = FourierMLPConfig(hidden_layers=4, width=256)  # 206 081 parameters
LARGE = FourierMLPConfig(hidden_layers=6, width=384)  # 752 257 parameters
# … and ours for one sound: many frequencies and one wide step learn sooner than depth (notebook 2 shows why).
SPECTRAL = FourierMLPConfig(hidden_layers=1, width=128, num_octaves=0, num_frequencies=512)  # 131 329 parameters


def spectral_config(num_samples: int, width: int = 128) -> FourierMLPConfig:
    """Scale `SPECTRAL` to a sound: one frequency per 64 samples, as the preset has for the paper's clip.

    >>> spectral_config(32768) == SPECTRAL
    True
    """
    return replace(SPECTRAL, width=width, num_frequencies=max(1, num_samples // 64))


class FourierMLP(INR):
    """x̂(t) = MLP(γ(t)) with ReLU: `(T, 1) -> (T,)`.

    Args:
        config: the network's size.
        frequencies: `(K,)` in cycles per unit of t, needed where `config.num_frequencies` is K > 0. They are a
            buffer: saved with the weights, never trained and never generated.

    Raises:
        ConfigError: the frequencies do not fit the config.

    >>> FourierMLP(BASE).num_params
    206081
    """

    def __init__(self, config: FourierMLPConfig = BASE, frequencies: Tensor | None = None):
        super().__init__()
        self.config = config
        self.embedding = _embedding(config, frequencies)
        num_inputs = 1 if self.embedding is None else self.embedding.num_features
        self.layers = dense_layers(num_inputs, config.width, config.hidden_layers)

    @classmethod
    def for_sound(cls, waveform: Tensor, config: FourierMLPConfig = SPECTRAL, seed: int = 0) -> "FourierMLP":
        """Build a network whose frequencies follow the spectrum of `waveform` `(T,)`."""
        return cls(config, spectral_frequencies(waveform, config.num_frequencies, seed))

    def features(self, coords: Tensor) -> Tensor:
        """Embed coords `(..., T, 1)` as γ(t) `(..., T, 2K)`, computed in the coordinates' precision."""
        return coords if self.embedding is None else self.embedding(coords)

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map γ(t) `(..., T, 2K)` to samples `(..., T, 1)`."""
        x = features.to(params["layers.0.weight"].dtype)
        last = len(self.layers) - 1
        for i in range(last):
            x = torch.relu_(linear(x, params[f"layers.{i}.weight"], params[f"layers.{i}.bias"]))
        return linear(x, params[f"layers.{last}.weight"], params[f"layers.{last}.bias"])


def _embedding(config: FourierMLPConfig, frequencies: Tensor | None) -> FourierFeatures | None:
    limit_sizes(config, hidden_layers=256, width=65536, num_octaves=64, num_frequencies=2**22)
    if config.hidden_layers < 1 or config.width < 1:
        raise ConfigError(f"hidden_layers and width must be positive, not {config}")
    if config.num_frequencies and config.num_octaves:
        raise ConfigError(f"choose num_octaves or num_frequencies, not both: {config}")
    if frequencies is not None or config.num_frequencies:
        given = 0 if frequencies is None else frequencies.numel()
        if frequencies is None or given != config.num_frequencies:
            raise ConfigError(f"the config wants {config.num_frequencies} frequencies, {given} were given")
        return FourierFeatures(frequencies)
    return FourierFeatures(octave_frequencies(config.num_octaves)) if config.num_octaves else None
