"""What the tests of commands share: a model, and voices, small enough to train on in a second."""

import pytest
import torch

from hypersound_lib.data import save_audio
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSoundConfig
from hypersound_lib.inr import FourierMLPConfig
from hypersound_lib.losses import LossConfig
from hypersound_lib.presets import PRESETS, Preset
from hypersound_lib.training import TrainingConfig

RATE = 8000


@pytest.fixture
def tiny(monkeypatch):
    """Add a preset called "tiny"."""
    model = HyperSoundConfig(
        sample_rate=RATE,
        num_samples=256,
        encoder=EncoderConfig(base_channels=2, strides=(4, 8), dilations=(1,), embedding_size=4),
        hypernetwork=HyperNetworkConfig(hidden=(8,)),
        target=FourierMLPConfig(hidden_layers=1, width=8, num_octaves=8),
    )
    training = TrainingConfig(steps=3, batch_size=2, loss=LossConfig("mse"), log_every=1, validation_clips=2)
    monkeypatch.setitem(PRESETS, "tiny", Preset("for tests", model, training))
    return model


@pytest.fixture
def voices(tmp_path):
    """Write a folder of three speakers with two recordings each."""
    t = torch.arange(1600) / RATE
    for speaker in range(3):
        for number in range(2):
            sound = 0.5 * torch.sin(2 * torch.pi * (200 + 150 * speaker + 40 * number) * t)
            save_audio(tmp_path / "voices" / f"s{speaker}" / f"{number}.wav", sound, RATE)
    return tmp_path / "voices"
