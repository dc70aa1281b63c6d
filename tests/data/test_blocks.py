"""Blocks: joined, they are what the whole at once gives."""

import math
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypersound_lib.data import load_audio, resample, resampled_length
from hypersound_lib.data.blocks import read_blocks, resample_blocks

from .miniatures import sound


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("size", [7, 1000, 2**18])
def test_reading_in_blocks_equals_reading_at_once(tmp_path, channels, size):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([sound(2500).numpy()] * channels, axis=1) * [1.0, 0.5][:channels], 8000)
    blocks = list(read_blocks(path, size))
    assert max(map(len, blocks)) <= size
    assert torch.equal(torch.cat(blocks), load_audio(path)[0])


@settings(max_examples=20)
@given(st.sampled_from([(48000, 22050), (8000, 22050), (22050, 16000), (8000, 8000)]), st.integers(1, 4000))
def test_resampling_in_blocks_equals_resampling_at_once(rates, size):
    x = sound(9001)
    joined = torch.cat(list(resample_blocks(x.split(size), *rates)))
    whole = resample(x, *rates)
    torch.testing.assert_close(joined, whole, rtol=0, atol=1e-5)


RATES = st.one_of(st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]), st.integers(100, 200_000))


@settings(max_examples=60)
@given(st.integers(1, 3000), RATES, RATES, st.integers(1, 3000))
@example(480, 48000, 22050, 480)
@example(160, 16000, 22050, 7)
@example(1, 44100, 22050, 1)
def test_one_rule_for_lengths_at_once_and_in_blocks(num_samples, from_rate, to_rate, size):
    expected = math.floor(Fraction(num_samples * to_rate, from_rate) + Fraction(1, 2))
    assert resampled_length(num_samples, from_rate, to_rate) == expected
    x = sound(num_samples)
    assert len(resample(x, from_rate, to_rate)) == expected
    assert resample(x.expand(2, 3, -1), from_rate, to_rate).shape == (2, 3, expected)
    assert sum(map(len, resample_blocks(x.split(size), from_rate, to_rate))) == expected
