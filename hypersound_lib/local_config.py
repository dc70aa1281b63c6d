"""What fixes a `LocalHyperSound`'s shape, and the same as JSON for `config.json`."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hypersound_lib.dataclass_json import from_json, kind_from_json, kind_to_json
from hypersound_lib.inr import INR_CONFIGS, LOCAL_CONFIGS, LocalConfig, LocalNetworkConfig
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig


@dataclass(frozen=True)
class LocalHyperSoundConfig:
    """Everything that fixes a `LocalHyperSound`'s shape."""

    sample_rate: int = 22050  # Hz
    num_samples: int = 16384  # of a training clip; the model itself takes any length
    hypernetwork: LocalHyperNetworkConfig = field(default_factory=LocalHyperNetworkConfig)
    target: LocalConfig | LocalNetworkConfig = field(default_factory=LocalConfig)


def config_to_json(config: LocalHyperSoundConfig) -> dict[str, Any]:
    """Return a config as nested dictionaries; the target's, and its network's, also name their `kind`.

    >>> config_to_json(LocalHyperSoundConfig())["target"]["kind"]
    'LocalINR'
    """
    target = kind_to_json(LOCAL_CONFIGS, config.target)
    if isinstance(config.target, LocalNetworkConfig):
        target["network"] = kind_to_json(INR_CONFIGS, config.target.network)
    return dataclasses.asdict(config) | {"target": target}


def config_from_json(data: Any) -> LocalHyperSoundConfig:
    """Return the config that `config_to_json`, and `json` after it, have written.

    A target that names no kind is a `LocalINR`: files from before there were others say nothing.

    Raises:
        ConfigError: a field is unknown, or a value is of the wrong type or impossible.

    >>> config_from_json(config_to_json(LocalHyperSoundConfig())) == LocalHyperSoundConfig()
    True
    """
    target = data.get("target") if isinstance(data, dict) else None
    if isinstance(target, dict):
        network = target.get("network")
        if isinstance(network, dict):
            target = target | {"network": kind_from_json(INR_CONFIGS, network, "target.network")}
        data = data | {"target": kind_from_json(LOCAL_CONFIGS, {"kind": "LocalINR", **target}, "target")}
    return from_json(LocalHyperSoundConfig, data)
