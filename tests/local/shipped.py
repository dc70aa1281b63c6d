"""The shipped model `local`, and a voice, for tests that need trained weights."""

import pytest

from hypersound_lib.data import load_audio
from hypersound_lib.files import embedded_data
from hypersound_lib.local.model import LocalHyperSound

FOLDER = embedded_data("checkpoints") / "local"


def load_shipped():
    """Return the model; where this library ships without it, the test that asks is skipped, and says so."""
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is missing: this needs the trained model")
    return LocalHyperSound.from_pretrained(FOLDER)


def voice():
    """Return a recording of the embedded corpus at the model's rate."""
    return load_audio(embedded_data("mini") / "wav48_silence_trimmed/s19/s19_001_mic1.ogg", 22050)[0]
