"""What fixes a `HyperSound`'s shape."""

from dataclasses import dataclass, field

from hypersound_lib.config_json import MOST_SAMPLES
from hypersound_lib.errors import HIGHEST_RATE, limit_sizes
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.inr import FourierMLPConfig, INRConfig


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
