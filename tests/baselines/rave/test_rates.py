"""Any sound through a RAVE: lengths are exact at every rate, silence stays silent, scale is kept."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.baselines.rave import RAVE
from hypersound_lib.data import resample
from hypersound_lib.metrics import snr


@settings(max_examples=40)
@given(
    count=st.integers(1, 1500),
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    output_rate=st.sampled_from([None, 8000, 11025, 22050, 48000]),
)
def test_lengths_are_those_of_resample(tiny, count, rate, output_rate):
    waveform = torch.linspace(0.1, 1, count)
    sound = RAVE(tiny).reconstruct(waveform, rate, output_rate)
    assert sound.shape == resample(waveform, rate, output_rate or 8000).shape
    assert sound.dtype == torch.float32
    assert sound.isfinite().all()
    assert not sound.requires_grad


def test_the_result_scales_with_the_sound_down_to_silence_and_repeats_itself(model):
    waveform = torch.randn(1500, generator=torch.Generator().manual_seed(0))
    sound = model.reconstruct(waveform, 8000)
    assert torch.equal(sound, model.reconstruct(waveform, 8000))
    torch.testing.assert_close(model.reconstruct(1e-3 * waveform, 8000), 1e-3 * sound, rtol=1e-3, atol=1e-6)
    assert model.training, "the mode is as it was"
    assert torch.equal(model.reconstruct(torch.zeros(999), 8000, 16000), torch.zeros(1998))


def test_a_perfect_model_returns_the_sound(model):
    """With the bands themselves as latent, only the filter bank is left: neither delay nor lost ends."""
    model.forward = lambda x: model.pqmf.synthesis(model.pqmf.analysis(x[:, : x.shape[-1] // 8 * 8]))
    waveform = torch.randn(1600, generator=torch.Generator().manual_seed(0))
    assert snr(waveform, model.reconstruct(waveform, 8000)).item() > 80


def test_what_plays_takes_full_scale_at_its_own_rate_as_input(model):
    taken = []
    model.forward = lambda x: taken.append(x) or x
    sound = model.reconstruct(1e-3 * torch.ones(1600), 16000)
    assert taken[0].count_nonzero() == 800
    assert taken[0].abs().max() == 1
    torch.testing.assert_close(sound[100:700], torch.full((600,), 1e-3), rtol=1e-2, atol=0)
