"""From a config to its local target, and from a local target's kind, by name, to its config."""

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.local import LocalConfig, LocalINR
from hypersound_lib.inr.local_network import LocalNetwork, LocalNetworkConfig
from hypersound_lib.inr.local_target import LocalTarget

LocalTargetConfig = LocalConfig | LocalNetworkConfig
# Files name the kind of target they hold.
LOCAL_CONFIGS: dict[str, type] = {"LocalINR": LocalConfig, "LocalNetwork": LocalNetworkConfig}


def build_local_target(config: LocalTargetConfig) -> LocalTarget:
    """Build the local target that a config describes.

    Raises:
        ConfigError: the config belongs to no local target.

    >>> build_local_target(LocalConfig(hop=8)).num_params
    8
    """
    if isinstance(config, LocalConfig):
        return LocalINR(config)
    if isinstance(config, LocalNetworkConfig):
        return LocalNetwork(config)
    names = ", ".join(c.__name__ for c in LOCAL_CONFIGS.values())
    raise ConfigError(f"{config!r} is no config of a local target; take one of {names}")
