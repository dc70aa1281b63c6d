"""Any sound through a model: seams do not show, instants are right at every rate, and lengths are exact."""

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.data import resample
from hypersound_lib.hypersound import reconstruction
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.hypersound.reconstruction import reconstruct_blocks
from tests.training.tiny import MODEL, RATE

LENGTH = 250
CYCLES = 437.0  # Hz


class PerfectModel(nn.Module):
    """Finds phase, level and offset of a sine of known frequency in each clip, and plays that sine at any instant."""

    reconstruct = HyperSound.reconstruct

    def __init__(self, sample_rate=RATE, num_samples=LENGTH):
        super().__init__()
        self.config = SimpleNamespace(sample_rate=sample_rate, num_samples=num_samples)
        self.duration = clip_duration(num_samples, sample_rate)
        self.unused = nn.Parameter(torch.zeros(1))
        self.heard = []

    def encode(self, clips):
        self.heard.append(clips)
        # The first three samples lie in the sound, whatever zeros the last clip is filled up with.
        omega = 2 * math.pi * CYCLES / self.config.sample_rate
        first, second, third = clips[:, :3].double().unbind(-1)
        offset = (first - 2 * math.cos(omega) * second + third) / (2 - 2 * math.cos(omega))
        first, second = first - offset, second - offset
        return {"offset": offset, "cosine": first, "sine": (second - first * math.cos(omega)) / math.sin(omega)}

    def target(self, coords, params):
        angle = 2 * torch.pi * CYCLES * float(self.duration) * coords.squeeze(-1).double()
        return (
            params["offset"][:, None] + params["cosine"][:, None] * angle.cos() + params["sine"][:, None] * angle.sin()
        )

    def decode(self, params, sample_rate):
        count = samples_in(self.duration, sample_rate)
        return self.target(time_coords(count, sample_rate=sample_rate, duration=self.duration), params)


def sine(count, rate, level=0.5):
    return level * torch.sin(2 * torch.pi * CYCLES * torch.arange(count, dtype=torch.float64) / rate).float()


@pytest.mark.parametrize("output_rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("count", [3, 249, 250, 253, 469, 2000])
@pytest.mark.parametrize("length", [5, 64, LENGTH])  # of a clip; one of 5 samples is too short to overlap
def test_clips_join_to_the_sound_at_every_rate(output_rate, count, length):
    """So the weights of clips that overlap add up to one at every instant."""
    sound = PerfectModel(num_samples=length).reconstruct(sine(count, RATE), RATE, output_rate)
    expected = sine(math.floor(count * output_rate / RATE + 0.5), output_rate)
    assert sound.dtype == torch.float32
    torch.testing.assert_close(sound, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("output_rate", [None, 8000, 11025, 16000])
def test_how_many_clips_are_played_at_once_does_not_change_the_result(output_rate, monkeypatch):
    torch.manual_seed(0)
    model = HyperSound(dataclasses.replace(MODEL, num_samples=LENGTH, shared=("layers.0.weight",)))
    waveform = torch.randn(1500)
    all_at_once = model.reconstruct(waveform, RATE, output_rate)
    monkeypatch.setattr(reconstruction, "_AT_ONCE", 1)
    one = model.reconstruct(waveform, RATE, output_rate)
    torch.testing.assert_close(one, all_at_once, rtol=0, atol=1e-5)
    assert not one.requires_grad
    torch.testing.assert_close(model.reconstruct(3 * waveform, RATE, output_rate), 3 * one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rate", [RATE, 11025])
@pytest.mark.parametrize("output_rate", [6000, 8000, 11025, 16000])
@pytest.mark.parametrize("size", [1, 90, 5000])
def test_blocks_of_any_size_make_the_same_sound(rate, output_rate, size, monkeypatch):
    monkeypatch.setattr(reconstruction, "_AT_ONCE", 2)
    sound = 0.1 + sine(1999, rate, level=1e-3)
    sound[700] += 1
    blocks = list(reconstruct_blocks(PerfectModel(), lambda: sound.split(size), rate, output_rate))
    assert len(blocks) > 2
    torch.testing.assert_close(
        torch.cat(blocks), PerfectModel().reconstruct(sound, rate, output_rate), rtol=0, atol=1e-6
    )


def test_a_sound_is_read_no_further_than_it_is_played(monkeypatch):
    monkeypatch.setattr(reconstruction, "_AT_ONCE", 2)
    taken = []

    def read():
        taken.append(0)
        for block in sine(100 * LENGTH, RATE).split(LENGTH):
            taken[-1] += 1
            yield block

    for number, block in enumerate(reconstruct_blocks(PerfectModel(), read, RATE)):
        assert len(block) <= 2 * LENGTH
        assert taken[-1] <= 2 * number + 3


@settings(max_examples=50)
@given(
    count=st.integers(1, 1500),
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    output_rate=st.sampled_from([8000, 11025, 22050, 48000]),
)
def test_lengths_are_those_of_resample(count, rate, output_rate):
    waveform = torch.linspace(0.1, 1, count)
    sound = PerfectModel().reconstruct(waveform, rate, output_rate)
    assert sound.shape == resample(waveform, rate, output_rate).shape
    assert sound.isfinite().all()


@pytest.mark.parametrize("offset", [0.0, 0.5, -0.1, 3.0])
def test_an_offset_comes_back_and_the_rest_is_heard_at_full_scale(offset):
    model = PerfectModel()
    assert torch.equal(model.reconstruct(torch.full((1000,), offset), RATE, 16000), torch.full((2000,), offset))
    assert not model.heard, "silence asks nobody"
    waveform = 1e-3 * torch.randn(1000, generator=torch.Generator().manual_seed(0))
    plain, moved = (model.reconstruct(waveform + shift, RATE) for shift in (0, offset))
    assert model.heard[0].abs().max() == 1
    torch.testing.assert_close(model.heard[1], model.heard[0], rtol=0, atol=1e-3)
    torch.testing.assert_close(moved, plain + offset, rtol=0, atol=1e-5)


@pytest.mark.parametrize("place", [5, 1000, 1870, 1999])
def test_a_click_does_not_take_the_other_clips_down(place):
    """60 dB above the sound, in one clip or, where two overlap, in two."""
    model = PerfectModel()
    waveform = sine(2000, RATE, level=1e-3)
    waveform[place] += 1
    model.reconstruct(waveform, RATE)
    levels = torch.cat(model.heard).abs().amax(dim=-1)
    assert levels.max() == 1
    assert levels.min() > 0.1
    assert (levels == 1).sum() <= 2


def test_no_more_clips_than_needed():
    model = PerfectModel()
    model.reconstruct(sine(LENGTH, RATE), RATE)
    model.reconstruct(sine(2 * LENGTH - LENGTH // 8, RATE), RATE)
    assert [len(clips) for clips in model.heard] == [1, 2]


@pytest.mark.parametrize("rate", [RATE, 11025])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_blocks_of_any_precision_are_heard_at_any_rate(rate, dtype):
    blocks = sine(1000, rate).to(dtype).split(300)
    played = torch.cat(list(reconstruct_blocks(PerfectModel(), lambda: blocks, rate)))
    assert torch.equal(played, PerfectModel().reconstruct(torch.cat(blocks).float(), rate))
