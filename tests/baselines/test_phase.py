"""References without the phase: magnitudes survive, the waveform does not, and the search does better than chance."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib import load_audio, load_dataset
from hypersound_lib.baselines import griffin_lim, random_phase
from hypersound_lib.metrics import lsd, si_snr

BOTH = pytest.mark.parametrize("lose_phase", [random_phase, griffin_lim])


@pytest.fixture(scope="module")
def speech():
    waveform, rate = load_audio(load_dataset("mini", "test").recordings[1].path)
    return waveform[rate // 2 : 2 * rate], rate


def magnitude_error(reference, estimate):
    """How far the magnitudes are off, relative, with windows that are not those of the baseline."""
    a, b = (
        torch.stft(x, 1000, 250, window=torch.hann_window(1000), return_complex=True).abs()
        for x in (reference, estimate)
    )
    return ((a - b).norm() / a.norm()).item()


def test_the_waveform_is_lost_and_the_search_keeps_the_magnitudes_better_than_chance(speech):
    waveform, rate = speech
    chance, found = random_phase(waveform, rate), griffin_lim(waveform, rate)
    assert max(si_snr(waveform, chance), si_snr(waveform, found)) < -10
    assert magnitude_error(waveform, found) < 0.15 < 0.3 < magnitude_error(waveform, chance) < 1
    assert lsd(waveform, found, rate) < 0.5 * lsd(waveform, chance, rate)


@pytest.mark.slow
def test_the_longer_it_searches_the_better(speech):
    waveform, rate = speech
    errors = [magnitude_error(waveform, griffin_lim(waveform, rate, iterations)) for iterations in (0, 5, 30, 90)]
    assert errors == sorted(errors, reverse=True)
    torch.testing.assert_close(griffin_lim(waveform, rate, 0), random_phase(waveform, rate))


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_tone_keeps_pitch_and_level(rate):
    tone = 0.1 * torch.sin(2 * math.pi * 1000 / rate * torch.arange(rate))
    found = griffin_lim(tone, rate, 30)
    # the phase may drift by some turns per second
    assert abs(torch.fft.rfft(found).abs().argmax().item() - 1000) <= 5
    assert found.square().mean() == pytest.approx(0.005, rel=0.1)


@BOTH
def test_the_seed_decides(speech, lose_phase):
    waveform, rate = speech[0][:4000], speech[1]
    torch.manual_seed(1)
    first = lose_phase(waveform, rate, seed=3)
    torch.manual_seed(2)
    assert torch.equal(first, lose_phase(waveform, rate, seed=3)), "the global generator has no say"
    assert not torch.allclose(first, lose_phase(waveform, rate, seed=4), atol=1e-3)


@BOTH
@given(num_samples=st.integers(1, 1500), rate=st.sampled_from([50, 8000, 22050, 48000]))
def test_any_length_gives_its_own_length(lose_phase, num_samples, rate):
    kwargs = {"iterations": 2} if lose_phase is griffin_lim else {}
    sound = lose_phase(torch.ones(num_samples, dtype=torch.float64), rate, **kwargs)
    assert sound.shape == (num_samples,)
    assert sound.dtype == torch.float64
    assert sound.isfinite().all()
    silence = lose_phase(torch.zeros(num_samples), rate, **kwargs)
    assert torch.equal(silence, torch.zeros(num_samples))
