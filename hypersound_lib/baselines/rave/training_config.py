"""How to train a `RAVE`: the paper's way, and one for minutes on a laptop."""

from dataclasses import dataclass, field
from typing import Literal

from hypersound_lib.baselines.rave.discriminator import DiscriminatorConfig
from hypersound_lib.errors import ConfigError


@dataclass(frozen=True)
class RAVETrainingConfig:
    """Optimiser, losses and rhythm; the defaults are for `FULL`, after Caillon and Esling (2021)."""

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
    augment: bool = True  # phase mangle and dequantisation; the random crop is always there
    seed: int = 0  # of clips, augmentation, latent, noise, and the discriminator's weights
    log_every: int = 10  # steps between two rows of train.csv
    validate_every: int = 500  # steps
    validation_clips: int = 64
    checkpoint_every: int = 500  # steps
    keep_checkpoints: int = 2  # the latest so many

    def __post_init__(self):
        counts = ("steps", "batch_size", "log_every", "validate_every", "validation_clips", "checkpoint_every")
        for name in (*counts, "keep_checkpoints"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        weights = (self.kl_weight, self.kl_warmup_steps, self.adversarial_weight, self.feature_matching_weight)
        if self.learning_rate <= 0 or min(weights) < 0 or self.seed < 0:
            raise ConfigError(f"learning_rate must be positive, weights, warm-up and seed not negative: {self}")
        if not 0 <= self.stage_1_fraction <= 1 or not 0 <= self.noise_fraction <= 1:
            raise ConfigError(f"stage_1_fraction and noise_fraction lie in [0, 1]: {self}")
        if self.schedule not in ("constant", "cosine"):
            raise ConfigError(f"schedule is 'constant' or 'cosine', not {self.schedule!r}")
        if self.max_grad_norm is not None and self.max_grad_norm <= 0:
            raise ConfigError(f"max_grad_norm is positive or None, not {self.max_grad_norm}")


FULL_TRAINING = RAVETrainingConfig()

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
