"""Segments neither overlap nor leave gaps; random ones reach every start."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.data import cut_segments, random_segment
from hypersound_lib.errors import ConfigError, TooShortError

lengths = st.integers(1, 400)


@settings(deadline=None)
@given(length=lengths, num_samples=lengths)
def test_padded_segments_cover_the_waveform_once(length, num_samples):
    waveform = torch.arange(1, length + 1)
    segments = cut_segments(waveform, num_samples, pad_last=True)
    assert segments.shape[1] == num_samples
    joined = segments.flatten()
    assert torch.equal(joined[:length], waveform)
    assert not joined[length:].any()
    assert len(joined) - length < num_samples


@settings(deadline=None)
@given(length=lengths, num_samples=lengths)
def test_unpadded_segments_are_the_beginning_of_the_waveform(length, num_samples):
    waveform = torch.arange(length)
    if length < num_samples:
        with pytest.raises(TooShortError):
            cut_segments(waveform, num_samples)
        return
    joined = cut_segments(waveform, num_samples).flatten()
    assert torch.equal(joined, waveform[: len(joined)])
    assert length - len(joined) < num_samples


def test_random_segments_reach_every_start_and_stay_inside():
    rng = np.random.default_rng(0)
    waveform = torch.arange(10)
    starts = set()
    for _ in range(300):
        segment = random_segment(waveform, 4, rng)
        assert torch.equal(segment, torch.arange(4) + segment[0])
        starts.add(segment[0].item())
    assert starts == set(range(7))


def test_a_short_waveform_is_refused_by_name_and_with_a_remedy():
    message = r"dog\.wav: has 3 samples, fewer than a segment of 4\. .*pad"
    with pytest.raises(TooShortError, match=message):
        random_segment(torch.zeros(3), 4, np.random.default_rng(0), source="dog.wav")
    with pytest.raises(TooShortError, match=message):
        cut_segments(torch.zeros(3), 4, source="dog.wav")


@pytest.mark.parametrize("num_samples", [0, -5])
def test_a_segment_has_at_least_one_sample(num_samples):
    with pytest.raises(ConfigError, match=str(num_samples)):
        cut_segments(torch.zeros(3), num_samples)
    with pytest.raises(ConfigError, match=str(num_samples)):
        random_segment(torch.zeros(3), num_samples, np.random.default_rng(0))
