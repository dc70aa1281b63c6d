"""The filter bank: it loses nothing, adds no numbers, and puts every tone in its band."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.baselines.rave import PQMF
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import snr
from tests.sounds import noise


def tone(frequency, num_samples):
    """A sine of `frequency` cycles per sample."""
    return torch.sin(2 * math.pi * frequency * torch.arange(num_samples, dtype=torch.float64)).float().unsqueeze(0)


@settings(max_examples=40)
@given(bands=st.sampled_from([2, 4, 8, 16, 32]), frames=st.integers(1, 150), seed=st.integers(0, 9))
def test_noise_of_any_length_comes_back_within_80_db(bands, frames, seed):
    pqmf = PQMF(bands)
    sound = noise(1, bands * frames, seed=seed)
    split = pqmf.analysis(sound)
    assert split.shape == (1, bands, frames), "as many numbers as the sound has samples"
    assert snr(sound, pqmf.synthesis(split)).item() > 80


@pytest.mark.parametrize("band", [0, 1, 7, 14, 15])
def test_a_tone_lands_in_its_band_at_its_own_scale(band):
    sound = tone((band + 0.5) / 32, 16384)  # the middle of the band
    split = PQMF(16).analysis(sound)[0, :, 50:-50]
    energies = split.square().mean(dim=-1)
    assert energies.argmax() == band
    assert energies[band] / energies.sum() > 0.9999
    assert math.isclose(energies[band].item(), 0.5, rel_tol=0.05), "the mean square of a sine of amplitude 1"


def test_energy_is_preserved():
    sound = noise(1, 16000)
    assert math.isclose(PQMF(16).analysis(sound).square().sum(), sound.square().sum() / 16, rel_tol=1e-4)


@pytest.mark.parametrize("bands", [-4, 0, 1, 3, 12])
def test_other_numbers_of_bands_are_refused(bands):
    with pytest.raises(ConfigError, match=rf"not {bands}"):
        PQMF(bands)
