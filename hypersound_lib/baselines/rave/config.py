"""What fixes a `RAVE`'s shape: the paper's width, and one that a laptop trains in minutes."""

import math
from dataclasses import dataclass

from hypersound_lib.config_json import MOST_SAMPLES
from hypersound_lib.errors import HIGHEST_RATE, ConfigError, limit_sizes


@dataclass(frozen=True)
class RAVEConfig:
    """Everything that fixes a `RAVE`'s shape; the defaults are the paper's (Caillon and Esling 2021).

    The rate is that of the comparison in HyperSound's Table 1; RAVE's own paper has 48 000 Hz.
    """

    sample_rate: int = 22050  # Hz
    num_samples: int = 32768  # of a training clip; the model itself takes any length
    bands: int = 16  # of the filter bank, a power of two
    capacity: int = 64  # channels of the first layer; doubled by every further stride
    ratios: tuple[int, ...] = (4, 4, 4, 2)  # strides of the encoder, from the bands to the latent
    latent_size: int = 128  # numbers per latent frame
    dilations: tuple[int, ...] = (1, 3, 9)  # a residual unit each, behind every upsampling
    loud_stride: int = 1  # samples of a band that share one loudness
    noise_bands: int = 5  # points of the noise filters' frequency response, per band of the filter bank
    noise_ratios: tuple[int, ...] = (4, 4, 4)  # strides from the bands to the noise filters

    def __post_init__(self):
        limit_sizes(self, sample_rate=HIGHEST_RATE, num_samples=MOST_SAMPLES, bands=64, latent_size=65536)
        limit_sizes(self, capacity=4096, ratios=4096, dilations=4096, loud_stride=4096)
        limit_sizes(self, noise_bands=4096, noise_ratios=4096)
        sizes = (self.sample_rate, self.num_samples, self.capacity, self.latent_size, self.loud_stride)
        if min(*sizes, *self.ratios, *self.dilations, *self.noise_ratios) < 1 or self.noise_bands < 2:
            raise ConfigError(f"sizes are at least 1, noise_bands at least 2: {self}")
        if self.bands < 2 or self.bands & (self.bands - 1):
            raise ConfigError(f"a filter bank has 2, 4, 8, … bands, not {self.bands}")
        if not self.ratios or not self.dilations:
            raise ConfigError(f"RAVE needs at least one ratio and one dilation: {self}")
        if min(self.ratios) < 2:
            raise ConfigError(f"ratios are strides of 2 or more, not {self.ratios}: leave out those of 1")
        if self.capacity << len(self.ratios) > 2**20:
            raise ConfigError(f"capacity, doubled by every ratio, ends at 2^20 at most: {self}")
        for name, stride in (("loud_stride", self.loud_stride), ("noise_ratios", self.noise_hop)):
            if self.band_hop % stride:
                raise ConfigError(f"{name} must divide the {self.band_hop} band samples of a latent frame: {self}")
        if self.noise_hop < 2 * (self.noise_bands - 1):
            raise ConfigError(f"noise filters of {self.noise_bands} points are longer than their frames: {self}")

    @property
    def band_hop(self) -> int:
        """Samples of a band per latent frame."""
        return math.prod(self.ratios)

    @property
    def hop_length(self) -> int:
        """Samples of sound per latent frame.

        >>> FULL.hop_length, TUTORIAL.hop_length
        (2048, 256)
        """
        return self.bands * self.band_hop

    @property
    def noise_hop(self) -> int:
        """Samples of a band that share one noise filter."""
        return math.prod(self.noise_ratios)


FULL = RAVEConfig()

TUTORIAL = RAVEConfig(
    sample_rate=16000,
    num_samples=8192,
    capacity=32,
    ratios=(4, 2, 2),
    latent_size=32,
    noise_ratios=(4, 2),
)
