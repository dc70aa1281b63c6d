"""What fixes a `LocalHyperSound`'s shape."""

import math
from dataclasses import dataclass

from hypersound_lib.config_json import MOST_SAMPLES
from hypersound_lib.errors import HIGHEST_RATE, ConfigError, limit_sizes


@dataclass(frozen=True)
class LocalHyperSoundConfig:
    """Everything that fixes a `LocalHyperSound`'s shape, and the price of bits that it was trained with."""

    sample_rate: int = 22050  # Hz
    num_samples: int = 16384  # of a training clip; the model itself takes any length
    hop: int = 320  # between frames, in samples; as many waves in each
    packet: int = 68  # frames that are coded together, at most; they last up to a second
    side: int = 20  # side numbers
    side_held: int = 2  # frames that they stand for: what they say of a sound changes slowly
    encoder_width: int = 192
    generator_width: int = 256
    entropy_width: int = 160
    near_width: int = 24  # of the entropy model's network for each wave
    sign_width: int = 32  # and of its network for each wave's sign
    price: float = 0.06  # λ(r) = price · exp(price_slope · r) for each kbit/s
    price_slope: float = 0.9

    def __post_init__(self):
        limit_sizes(self, sample_rate=HIGHEST_RATE, num_samples=MOST_SAMPLES)
        limit_sizes(self, hop=2048, packet=1024, side=4096, side_held=1024)  # of tables that are in no file
        limit_sizes(self, **{name: 65536 for name in vars(self) if name.endswith("width")})
        sizes = [value for name, value in vars(self).items() if not name.startswith("price")]
        if min(sizes) < 1 or self.hop % 2:
            raise ConfigError(f"sizes must be positive, and hop even: {self}")
        if self.packet * self.hop > self.sample_rate:  # as files promise: what is lost with one is short
            lasts = f"{self.packet} frames of {self.hop} samples last {self.packet * self.hop / self.sample_rate:.3g} s"
            most = f"at {self.sample_rate} Hz packet is at most {self.sample_rate // self.hop}"
            raise ConfigError(f"a packet lasts at most a second, and {lasts}; {most}, or choose a smaller hop")
        if not (self.price >= 0 and math.isfinite(self.price) and math.isfinite(self.price_slope)):
            raise ConfigError(f"a price of bits is a number of at least 0: {self}")
