"""The shipped model `local`, for tests that need trained weights."""

import pytest

from hypersound_lib.files import embedded_data
from hypersound_lib.local.model import LocalHyperSound

FOLDER = embedded_data("checkpoints") / "local"


def load_shipped():
    """Return the model; where this library ships without it, the test that asks is skipped, and says so."""
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is missing: this needs the trained model")
    return LocalHyperSound.from_pretrained(FOLDER)
