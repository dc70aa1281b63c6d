"""Levels: what is louder than a file can say, or no sound, is refused before the first packet."""

import pytest
import torch

from hypersound_lib.coding.container import Header
from hypersound_lib.coding.rate import survey
from hypersound_lib.errors import ConfigError
from tests.local.small import HOP, RATE, make_model, sound


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (32768 * sound(500), r"RMS of .*, and 35\.2 is the most.*divide 16-bit samples by 32768"),
        (torch.full((500,), 1e20), r"peaks at 1e\+20"),
    ],
    ids=["16 bit", "no sound"],
)
def test_what_is_louder_than_a_file_can_say_is_refused(model, waveform, message):
    with pytest.raises(ConfigError, match=message):
        model.compress(waveform, RATE, quality=5)


@pytest.mark.parametrize("level", [1e25, torch.inf, torch.nan])
def test_a_survey_of_no_sound_is_refused(level):
    with pytest.raises(ConfigError, match=r"RMS of (inf|nan)"):
        survey([torch.full((500,), level)], HOP)


def test_the_loudest_level_comes_back(model):
    x = 260 * sound(RATE)
    data = model.compress(x, RATE, quality=10)
    assert Header.from_bytes(data)[0].level == 255
    copy = model.decompress(data)
    assert (copy - x).square().mean() < 0.1 * x.square().mean()
