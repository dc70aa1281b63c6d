"""From a config to its network, and from a network's kind, by name, to its config."""

from dataclasses import replace
from typing import Any

import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.fourier_mlp import INR, SPECTRAL, FourierMLP, FourierMLPConfig
from hypersound_lib.inr.frequencies import even_frequencies
from hypersound_lib.inr.siren import SIREN, ModulatedSIREN, ModulatedSIRENConfig, SIRENConfig

INRConfig = FourierMLPConfig | SIRENConfig | ModulatedSIRENConfig
_NETWORKS: dict[type[Any], Any] = {  # config -> the subclass of INR that takes it
    FourierMLPConfig: FourierMLP,
    SIRENConfig: SIREN,
    ModulatedSIRENConfig: ModulatedSIREN,
}
# Files name the kind of network they hold.
INR_CONFIGS = {network.__name__: config for config, network in _NETWORKS.items()}


def spectral_config(num_samples: int, width: int = 128) -> FourierMLPConfig:
    """Scale `SPECTRAL` to a sound: one frequency per 64 samples, as the preset has for the paper's clip."""
    return replace(SPECTRAL, width=width, num_frequencies=max(1, num_samples // 64))


def build_inr(config: INRConfig, frequencies: torch.Tensor | None = None) -> INR:
    """Build the network that a config describes.

    Args:
        config: of any kind of INR.
        frequencies: `(K,)` for a `FourierMLPConfig` with K free frequencies; None takes `even_frequencies(K)`.

    Raises:
        ConfigError: the config belongs to no INR.

    >>> build_inr(FourierMLPConfig(hidden_layers=1, width=8, num_octaves=0, num_frequencies=4)).num_params
    81
    """
    if type(config) not in _NETWORKS:  # a subclass is none either: files would not know it
        raise ConfigError(
            f"{config!r} is no config of an INR; take one of {', '.join(c.__name__ for c in INR_CONFIGS.values())}"
        )
    if isinstance(config, FourierMLPConfig):
        if config.num_frequencies and frequencies is None:
            frequencies = even_frequencies(config.num_frequencies)
        return FourierMLP(config, frequencies)
    return _NETWORKS[type(config)](config)
