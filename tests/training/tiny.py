"""A model and a corpus so small that a step takes milliseconds."""

import dataclasses
import math

import numpy as np
import torch

from hypersound_lib.data import AudioStore, to_int16
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.inr import FourierMLPConfig
from hypersound_lib.losses import LossConfig, ReconstructionLoss
from hypersound_lib.models import build_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.training import TrainingConfig, train

RATE = 8000
MODEL = HyperSoundConfig(
    sample_rate=RATE,
    num_samples=256,
    encoder=EncoderConfig(base_channels=2, strides=(4, 8), dilations=(1,), embedding_size=4),
    hypernetwork=HyperNetworkConfig(hidden=(8,)),
    target=FourierMLPConfig(hidden_layers=1, width=8, num_octaves=8),
)
TRAINING = TrainingConfig(
    steps=20,
    batch_size=4,
    learning_rate=1e-3,
    warmup_steps=5,
    schedule="cosine",
    max_grad_norm=1.0,
    ema_decay=0.9,
    loss=LossConfig("smooth_l1+mel_stft", fft_sizes=(64, 128), n_mels=8),
    window=160,
    log_every=1,
    validate_every=10,
    validation_clips=4,
    checkpoint_every=10,
)


def make_model(seed=0):
    torch.manual_seed(seed)
    return HyperSound(MODEL)


def shortened(name, num_samples=2048, width=64):
    """Return a preset's model with clips at most so long and a target at most so wide, its loss, and two clips."""
    preset = PRESETS[name]
    config = dataclasses.replace(preset.model, num_samples=min(num_samples, preset.model.num_samples))
    if name != "local":
        config = dataclasses.replace(
            config, target=dataclasses.replace(config.target, width=min(width, config.target.width))
        )
    torch.manual_seed(0)
    model = build_model(config).train()
    loss = ReconstructionLoss(preset.training.loss, config.sample_rate)
    return model, loss, 0.3 * torch.randn(2, config.num_samples)


def make_store(seed=0, count=3, rate=RATE, seconds=1):
    """Tones in noise, of so many seconds each."""
    generator = torch.Generator().manual_seed(seed)
    length = seconds * rate
    t = torch.arange(length) / rate
    pieces = []
    for i in range(count):
        tone = torch.sin(2 * math.pi * (200 + 90 * i + 13 * seed) * t)
        pieces.append(to_int16(0.4 * tone + 0.05 * torch.randn(length, generator=generator)))
    offsets = np.arange(count + 1) * length
    return AudioStore(torch.cat(pieces), offsets, rate, [f"tone{i}.wav" for i in range(count)], [""] * count)


def are_equal(ours, theirs):
    """Say whether two dictionaries hold the same tensors, bit for bit."""
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def changed(**changes):
    return dataclasses.replace(TRAINING, **changes)


def run_training(out, model=None, resume=False, max_seconds=None, stores=None, **changes):
    """Train on a CPU in the folder `out`, as TRAINING has it but for the changes."""
    stores = stores or (make_store(), make_store(1))
    model = model or make_model()
    return train(
        model, *stores, changed(**changes), out, resume=resume, max_seconds=max_seconds, cpu=True, progress=False
    )
