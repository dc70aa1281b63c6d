"""What fixes a `LocalHyperSound`'s shape."""

from dataclasses import dataclass, field

from hypersound_lib.inr.local import LocalConfig
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig


@dataclass(frozen=True)
class LocalHyperSoundConfig:
    """Everything that fixes a `LocalHyperSound`'s shape."""

    sample_rate: int = 22050  # Hz
    num_samples: int = 16384  # of a training clip; the model itself takes any length
    hypernetwork: LocalHyperNetworkConfig = field(default_factory=LocalHyperNetworkConfig)
    target: LocalConfig = field(default_factory=LocalConfig)
