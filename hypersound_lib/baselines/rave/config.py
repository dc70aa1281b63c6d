"""What fixes a `RAVE`'s shape and its training: the paper's way, and one for minutes on a laptop."""

import math
from dataclasses import dataclass, field
from typing import Literal

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
        others = ("capacity", "ratios", "dilations", "loud_stride", "noise_bands", "noise_ratios")
        limit_sizes(self, **dict.fromkeys(others, 4096))
        sizes = (self.sample_rate, self.num_samples, self.capacity, self.latent_size, self.loud_stride)
        if min(*sizes, *self.ratios, *self.dilations, *self.noise_ratios) < 1 or self.noise_bands < 2:
            raise ConfigError(f"sizes are at least 1, noise_bands at least 2: {self}")
        if min(self.ratios, default=0) < 2:
            raise ConfigError(f"ratios are one or more strides of 2 or more, not {self.ratios}: leave out those of 1")
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

        >>> RAVEConfig().hop_length, TUTORIAL.hop_length
        (2048, 256)
        """
        return self.bands * self.band_hop

    @property
    def noise_hop(self) -> int:
        """Samples of a band that share one noise filter."""
        return math.prod(self.noise_ratios)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of a `Discriminator`; the defaults are MelGAN's."""

    scales: int = 3  # each takes the sound at half the rate of the one before
    capacity: int = 16  # channels of the first layer
    strides: tuple[int, ...] = (4, 4, 4, 4)  # each multiplies the channels by as much
    max_channels: int = 1024  # but not beyond this
    group_size: int = 4  # input channels that each output channel of a strided convolution sees
    taps_per_stride: int = 10  # a strided convolution has so many taps for each sample of its stride, and one


@dataclass(frozen=True)
class RAVETrainingConfig:
    """Optimiser, losses and rhythm; the defaults are for that of `RAVEConfig`, after Caillon and Esling (2021)."""

    steps: int = 3_000_000  # updates of the weights, both stages together
    batch_size: int = 8  # clips per update
    learning_rate: float = 1e-4  # of Adam, with β = (0.5, 0.9), for autoencoder and discriminator
    schedule: Literal["constant", "cosine"] = "constant"  # of the autoencoder; cosine ends at zero
    max_grad_norm: float | None = None  # gradients of a larger norm are scaled down to it
    stage_1_fraction: float = 0.5  # of the training, before the encoder is frozen and the discriminator begins
    # Of the training, before the noise branch joins in. It learns to sound like anything at once, only hoarse; from the
    # start, it would keep the waveform branch from learning at all.
    noise_fraction: float = 0.5
    kl_weight: float = 0.1  # β of the KL divergence, once it has risen
    kl_warmup_steps: int = 500_000  # over which it rises from 0 in a straight line
    adversarial_weight: float = 1.0  # of the decoder's hinge loss
    feature_matching_weight: float = 10.0
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    seed: int = 0  # of clips, augmentation, latent, noise, and the discriminator's weights
    log_every: int = 10  # steps between two rows of train.csv
    validate_every: int = 500  # steps
    validation_clips: int = 64
    checkpoint_every: int = 500  # steps
    keep_checkpoints: int = 2  # the latest so many

    def __post_init__(self):
        if self.schedule not in ("constant", "cosine"):
            raise ConfigError(f"schedule is 'constant' or 'cosine', not {self.schedule!r}")


TUTORIAL = RAVEConfig(
    sample_rate=16000, num_samples=8192, capacity=32, ratios=(4, 2, 2), latent_size=32, noise_ratios=(4, 2)
)

TUTORIAL_TRAINING = RAVETrainingConfig(
    steps=2500,
    learning_rate=1e-3,
    schedule="cosine",
    max_grad_norm=5.0,
    stage_1_fraction=0.7,
    noise_fraction=0.4,
    kl_weight=1e-3,
    kl_warmup_steps=500,
    discriminator=DiscriminatorConfig(capacity=8, strides=(4, 4, 4), max_channels=64, group_size=8, taps_per_stride=2),
    validate_every=100,
    validation_clips=32,
    checkpoint_every=250,
)
