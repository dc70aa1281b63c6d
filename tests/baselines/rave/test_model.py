"""RAVE itself: any length at any rate, deterministic when it should be, at the sound's own scale."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.baselines.rave import RAVE, TUTORIAL, RAVEConfig
from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import snr
from tests.sounds import noise


@settings(max_examples=15)
@given(num_samples=st.integers(1, 1500), batch=st.integers(1, 3))
def test_sounds_of_any_length_keep_it(tiny, num_samples, batch):
    model = RAVE(tiny).eval()
    latent = model.encode(noise(batch, num_samples, level=0.1))
    assert latent.shape == (batch, tiny.latent_size, -(-num_samples // tiny.hop_length))
    assert model.decode(latent).shape == (batch, latent.shape[-1] * tiny.hop_length)
    sound = model(noise(batch, num_samples, level=0.1))
    assert sound.shape == (batch, num_samples)
    assert sound.isfinite().all()


def test_evaluation_repeats_itself_and_training_does_not(model):
    sound = noise(2, 1000, level=0.1)
    assert not torch.equal(model(sound), model(sound))
    model.eval()
    assert torch.equal(model(sound), model(sound))
    assert torch.equal(model(sound), model.decode(model.encode(sound), 1000))


def test_items_of_a_batch_do_not_mix(model):
    model.eval()
    sounds = noise(3, 640, level=0.1)
    alone = torch.cat([model(sounds[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model(sounds), alone, rtol=0, atol=1e-5)


def test_the_noise_filter_sets_the_colour_of_the_noise(model):
    branch = model.decoder.noise.eval()
    last = branch.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.view(branch.bands, branch.points).copy_(torch.tensor([9.0, 0.0, -30.0]))  # low frequencies only
        sound = branch(torch.zeros(1, model.decoder.waveform.in_channels, 4096))[0]
    power = torch.fft.rfft(sound).abs().square().mean(dim=0)
    assert power[:400].mean() > 20 * power[-400:].mean()


def test_without_its_gain_there_is_no_noise(model):
    latent = model.encode(noise(1, 640, level=0.1))
    assert not torch.equal(model.decode(latent), model.decode(latent)), "it is drawn at random in training mode"
    model.decoder.noise_gain.zero_()
    assert torch.equal(model.decode(latent), model.decode(latent))


def test_counts_of_numbers():
    assert TUTORIAL.hop_length == 256
    model = RAVE(TUTORIAL)
    assert model.theta_per_second == model.narrowest_per_second == TUTORIAL.latent_size * 16000 / 256
    counts = model.num_parameters()
    assert sum(counts.values()) == sum(p.numel() for p in model.parameters())
    assert 500_000 < sum(counts.values()) < 1_500_000
    with torch.device("meta"):
        assert 5_000_000 < sum(RAVE(RAVEConfig()).num_parameters().values()) < 50_000_000


def test_wrong_latents_are_refused(model):
    latent = torch.zeros(1, model.config.latent_size, 2)
    for wrong in (latent[0], latent[:, 1:], latent[..., :0]):
        with pytest.raises(ConfigError, match="plays latents"):
            model.decode(wrong)
    for count in (0, 2 * model.config.hop_length + 1):
        with pytest.raises(ConfigError, match=f"cannot play {count}"):
            model.decode(latent, count)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 0}, "at least 1"),
        ({"noise_bands": 1}, "noise_bands at least 2"),
        ({"ratios": ()}, "one or more strides"),
        ({"ratios": (1, 4)}, r"strides of 2 or more, not \(1, 4\)"),
        ({"loud_stride": 3}, "loud_stride must divide"),
        ({"noise_ratios": (3,)}, "noise_ratios must divide"),
        ({"noise_ratios": (2,)}, "longer than their frames"),
    ],
)
def test_impossible_settings_are_refused(tiny: RAVEConfig, change, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(tiny, **change)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_in_any_precision_it_plays_nearly_the_same(tiny, dtype):
    """With noise, whose filters a CPU finds in single precision or more."""
    torch.manual_seed(0)
    model = RAVE(tiny).eval()
    expected = model.reconstruct(noise(1000, level=0.1), tiny.sample_rate)
    copy = model.to(dtype).reconstruct(noise(1000, level=0.1), tiny.sample_rate)
    assert (copy - expected).square().mean() < 1e-2 * expected.square().mean()


def test_the_result_scales_with_the_sound_down_to_silence_and_repeats_itself(model):
    waveform = noise(1500)
    sound = model.reconstruct(waveform, 8000)
    assert torch.equal(sound, model.reconstruct(waveform, 8000))
    torch.testing.assert_close(model.reconstruct(1e-3 * waveform, 8000), 1e-3 * sound, rtol=1e-3, atol=1e-6)
    assert model.training, "the mode is as it was"
    assert torch.equal(model.reconstruct(torch.zeros(999), 8000, 16000), torch.zeros(1998))


def test_a_perfect_model_returns_the_sound(model):
    """With the bands themselves as latent, only the filter bank is left: neither delay nor lost ends."""
    model.forward = lambda x: model.pqmf.synthesis(model.pqmf.analysis(x[:, : x.shape[-1] // 8 * 8]))
    waveform = noise(1600)
    assert snr(waveform, model.reconstruct(waveform, 8000)).item() > 80


def test_what_plays_takes_full_scale_at_its_own_rate_as_input(model):
    taken = []
    model.forward = lambda x: taken.append(x) or x
    sound = model.reconstruct(1e-3 * torch.ones(1600), 16000)
    assert taken[0].count_nonzero() == 800
    assert taken[0].abs().max() == 1
    torch.testing.assert_close(sound[100:700], torch.full((600,), 1e-3), rtol=1e-2, atol=0)
