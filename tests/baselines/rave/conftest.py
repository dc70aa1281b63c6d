"""A RAVE and a corpus so small that a step takes milliseconds."""

import pytest
import torch

from hypersound_lib.baselines.rave import RAVE, RAVEConfig, RAVETrainingConfig
from hypersound_lib.baselines.rave.config import DiscriminatorConfig
from hypersound_lib.data import AudioStore
from tests.training.tiny import RATE, make_store


@pytest.fixture(scope="session")
def tiny() -> RAVEConfig:
    """Latent frames of 64 samples; every setting differs from its default."""
    return RAVEConfig(
        sample_rate=RATE,
        num_samples=1024,
        bands=8,
        capacity=4,
        ratios=(4, 2),
        latent_size=6,
        dilations=(1, 3),
        loud_stride=2,
        noise_bands=3,
        noise_ratios=(2, 2),
    )


@pytest.fixture
def model(tiny: RAVEConfig) -> RAVE:
    """A model with its first weights, in training mode."""
    torch.manual_seed(0)
    return RAVE(tiny)


@pytest.fixture(scope="session")
def brief_training() -> RAVETrainingConfig:
    """Six steps of each stage."""
    return RAVETrainingConfig(
        steps=12,
        batch_size=2,
        learning_rate=1e-3,
        schedule="cosine",
        max_grad_norm=5.0,
        noise_fraction=0.25,
        kl_weight=1e-3,
        kl_warmup_steps=4,
        discriminator=DiscriminatorConfig(scales=2, capacity=4, strides=(4,), group_size=2, taps_per_stride=2),
        log_every=1,
        validate_every=6,
        validation_clips=4,
        checkpoint_every=4,
    )


@pytest.fixture(scope="session")
def store() -> AudioStore:
    """Three tones in noise, a second each."""
    return make_store()
