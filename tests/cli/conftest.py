"""What the tests of commands share: a model, and voices, small enough to train on in a second."""

import pytest
import torch

from hypersound_lib.data import save_audio
from hypersound_lib.losses import LossConfig
from hypersound_lib.presets import PRESETS, Preset
from hypersound_lib.training import TrainingConfig
from tests.training.tiny import MODEL, RATE


@pytest.fixture
def tiny(monkeypatch):
    """Add a preset called "tiny"."""
    training = TrainingConfig(steps=3, batch_size=2, loss=LossConfig("mse"), log_every=1, validation_clips=2)
    monkeypatch.setitem(PRESETS, "tiny", Preset("for tests", MODEL, training))
    return MODEL


@pytest.fixture
def voices(tmp_path):
    """Write a folder of three speakers with two recordings each."""
    t = torch.arange(1600) / RATE
    for speaker in range(3):
        for number in range(2):
            sound = 0.5 * torch.sin(2 * torch.pi * (200 + 150 * speaker + 40 * number) * t)
            save_audio(tmp_path / "voices" / f"s{speaker}" / f"{number}.wav", sound, RATE)
    return tmp_path / "voices"
