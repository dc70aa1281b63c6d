"""What fixes a `HyperSound`'s shape, and the same as JSON for `config.json`."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hypersound_lib.config_json import (
    MOST_SAMPLES,
    from_json,
    kind_from_json,
    kind_to_json,
)
from hypersound_lib.errors import HIGHEST_RATE, limit_sizes
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.inr import INR_CONFIGS, FourierMLPConfig, INRConfig


@dataclass(frozen=True)
class HyperSoundConfig:
    """Everything that fixes a `HyperSound`'s shape; see `hypersound_lib.presets` for the paper's."""

    sample_rate: int = 22050  # Hz
    num_samples: int = 32768  # of a clip; the fully connected layers fix it
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    hypernetwork: HyperNetworkConfig = field(default_factory=HyperNetworkConfig)
    target: INRConfig = field(default_factory=FourierMLPConfig)
    shared: tuple[str, ...] = ()  # the target's parameters that all sounds have in common, by name

    def __post_init__(self):
        limit_sizes(self, sample_rate=HIGHEST_RATE, num_samples=MOST_SAMPLES)


def config_to_json(config: HyperSoundConfig) -> dict[str, Any]:
    """Return a config as nested dictionaries; the target's also names its `kind`.

    Raises:
        ConfigError: the target is none of `INR_CONFIGS`.

    >>> config_to_json(HyperSoundConfig())["target"]["kind"]
    'FourierMLP'
    """
    return dataclasses.asdict(config) | {"target": kind_to_json(INR_CONFIGS, config.target, "target")}


def config_from_json(data: Any) -> HyperSoundConfig:
    """Return the config that `config_to_json`, and `json` after it, have written.

    Raises:
        ConfigError: a field is unknown, or a value is of the wrong type or impossible.

    >>> config_from_json(config_to_json(HyperSoundConfig())) == HyperSoundConfig()
    True
    """
    target = data.get("target") if isinstance(data, dict) else None
    if isinstance(target, dict):
        data = data | {"target": kind_from_json(INR_CONFIGS, target, "target")}
    return from_json(HyperSoundConfig, data)
