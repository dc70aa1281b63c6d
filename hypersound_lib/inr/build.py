"""From a config to its network, and from a network's kind, by name, to its config."""

from dataclasses import replace
from typing import Any

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.fourier_mlp import INR, SPECTRAL, FourierMLP, FourierMLPConfig
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


def build_inr(config: INRConfig) -> INR:
    """Build the network that a config of any kind of INR describes.

    Raises:
        ConfigError: the config belongs to no INR.

    >>> build_inr(FourierMLPConfig(hidden_layers=1, width=8, num_octaves=0, num_frequencies=4)).num_params
    81
    """
    if type(config) not in _NETWORKS:  # a subclass is none either: files would not know it
        raise ConfigError(
            f"{config!r} is no config of an INR; take one of {', '.join(c.__name__ for c in INR_CONFIGS.values())}"
        )
    return _NETWORKS[type(config)](config)
