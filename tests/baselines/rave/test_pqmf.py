"""The filter bank: it loses nothing, adds no numbers, and puts every tone in its band."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.baselines.rave import PQMF
from hypersound_lib.data import load_dataset
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import snr


def noise(num_samples, seed=0):
    return torch.randn(1, num_samples, generator=torch.Generator().manual_seed(seed))


def tone(frequency, num_samples):
    """A sine of `frequency` cycles per sample."""
    return torch.sin(2 * math.pi * frequency * torch.arange(num_samples, dtype=torch.float64)).float().unsqueeze(0)


@settings(max_examples=40)
@given(bands=st.sampled_from([2, 4, 8, 16, 32]), frames=st.integers(1, 150), seed=st.integers(0, 9))
def test_noise_of_any_length_comes_back_within_80_db(bands, frames, seed):
    pqmf = PQMF(bands)
    sound = noise(bands * frames, seed)
    split = pqmf.analysis(sound)
    assert split.shape == (1, bands, frames), "as many numbers as the sound has samples"
    assert snr(sound, pqmf.synthesis(split)).item() > 80


@pytest.mark.parametrize("frequency", [0.0101, 1 / 32, 0.1234, 0.25, 0.499])
def test_tones_come_back_within_80_db(frequency):
    pqmf, sound = PQMF(16), tone(frequency, 8192)
    assert snr(sound, pqmf.synthesis(pqmf.analysis(sound))).item() > 80


def test_speech_comes_back_within_80_db():
    speech = load_dataset("mini", "test")[0].waveform
    speech = speech[: len(speech) // 16 * 16].unsqueeze(0)
    pqmf = PQMF(16)
    assert snr(speech, pqmf.synthesis(pqmf.analysis(speech))).item() > 80


@pytest.mark.parametrize("band", [0, 1, 7, 14, 15])
def test_a_tone_lands_in_its_band_at_its_own_scale(band):
    sound = tone((band + 0.5) / 32, 16384)  # the middle of the band
    split = PQMF(16).analysis(sound)[0, :, 50:-50]
    energies = split.square().mean(dim=-1)
    assert energies.argmax() == band
    assert energies[band] / energies.sum() > 0.9999
    assert math.isclose(energies[band].item(), 0.5, rel_tol=0.05), "the mean square of a sine of amplitude 1"


def test_energy_is_preserved():
    sound = noise(16000)
    assert math.isclose(PQMF(16).analysis(sound).square().sum(), sound.square().sum() / 16, rel_tol=1e-4)


def test_a_delay_of_one_frame_is_one_of_M_samples():
    pqmf, sound = PQMF(8), noise(800)
    later = pqmf.analysis(sound.roll(8, dims=-1))
    torch.testing.assert_close(later, pqmf.analysis(sound).roll(1, dims=-1), rtol=0, atol=1e-5)


def test_gradients_pass_through_both_ways():
    pqmf = PQMF(4)
    sound = noise(64).requires_grad_()
    pqmf.synthesis(pqmf.analysis(sound)).square().sum().backward()
    torch.testing.assert_close(sound.grad, 2 * sound.detach(), rtol=0, atol=1e-3)  # it is the identity


@pytest.mark.parametrize("bands", [-4, 0, 1, 3, 12])
def test_other_numbers_of_bands_are_refused(bands):
    with pytest.raises(ConfigError, match=rf"not {bands}"):
        PQMF(bands)


def test_wrong_shapes_are_refused():
    pqmf = PQMF(4)
    for wrong in (torch.zeros(1, 7), torch.zeros(8), torch.zeros(1, 0), torch.zeros(1, 1, 8)):
        with pytest.raises(ConfigError, match="multiple"):
            pqmf.analysis(wrong)
    for wrong in (torch.zeros(1, 3, 7), torch.zeros(4, 7), torch.zeros(1, 4, 0)):
        with pytest.raises(ConfigError, match="joins"):
            pqmf.synthesis(wrong)
