"""The time grid: half-open, exact, and in step at every rate."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.errors import ConfigError

RATES = st.sampled_from([8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000])


@given(num_samples=st.integers(1, 5000))
def test_clip_grid_is_half_open_and_even(num_samples):
    t = time_coords(num_samples, dtype=torch.float64).squeeze(-1)
    assert t[0] == 0
    assert t[-1] < 1
    torch.testing.assert_close(t * num_samples, torch.arange(num_samples, dtype=torch.float64), rtol=1e-15, atol=0)


@given(num_samples=st.integers(1, 3000), rate=RATES, factor=st.integers(2, 4))
def test_instants_shared_by_two_rates_have_the_same_coordinate(num_samples, rate, factor):
    duration = clip_duration(num_samples, rate)
    coarse = time_coords(num_samples, sample_rate=rate, duration=duration, dtype=torch.float64)
    fine = time_coords(
        samples_in(duration, factor * rate), sample_rate=factor * rate, duration=duration, dtype=torch.float64
    )
    assert len(fine) == factor * num_samples
    assert torch.equal(fine[::factor], coarse)
    assert torch.equal(coarse, time_coords(num_samples, dtype=torch.float64))


@given(num_samples=st.integers(1, 10**7), rate=RATES, other=RATES)
def test_clip_at_another_rate_is_never_shorter_and_less_than_a_sample_longer(num_samples, rate, other):
    duration = clip_duration(num_samples, rate)
    count = samples_in(duration, other)
    assert 0 <= Fraction(count, other) - duration < Fraction(1, other)


def test_an_hour_at_48_khz_is_exact_in_seconds():
    rate, hour = 48000, 3600 * 48000
    t = time_coords(1000, sample_rate=rate, start=hour - 1000).squeeze(-1)
    assert t.dtype == torch.float64
    index = torch.arange(hour - 1000, hour, dtype=torch.float64)
    # Times 48 000, every instant falls back on its integer: no sample has moved, none coincides with its neighbour.
    assert torch.equal(torch.round(t * rate), index)
    assert (t * rate - index).abs().max() < 1e-6
    # float32 would be off by more than a sample here, which is why it is not used
    assert (t.float().double() * rate - index).abs().max() > 1


@pytest.mark.parametrize("start", [3600 * 16000, 3600 * 48000 - 4])
def test_an_hour_as_one_clip_is_exact(start):
    rate, hour = 48000, 3600 * 48000
    t = time_coords(4, sample_rate=rate, duration=clip_duration(hour, rate), start=start)
    assert t.dtype == torch.float64
    expected = torch.tensor([float(Fraction(start + i, hour)) for i in range(4)], dtype=torch.float64)
    assert torch.equal(t[:, 0], expected)


@pytest.mark.parametrize("num_samples", [1000, 32768, 32769, 400_000])
def test_chosen_precision_places_every_instant_to_a_thousandth_of_a_sample(num_samples):
    t = time_coords(num_samples).squeeze(-1)
    shift = (t.double() - torch.arange(num_samples, dtype=torch.float64) / num_samples).abs().max() * num_samples
    assert shift <= 2.0**-10
    assert t.dtype == (torch.float32 if num_samples <= 32768 else torch.float64)


def test_windows_continue_the_grid():
    duration = clip_duration(1000, 16000)
    whole = time_coords(1000, sample_rate=16000, duration=duration)
    part = time_coords(300, sample_rate=16000, duration=duration, start=700)
    assert torch.equal(whole[700:], part)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"num_samples": 0},
        {"num_samples": 4, "start": 2},
        {"num_samples": 4, "duration": Fraction(1)},
        {"num_samples": 4, "sample_rate": 0},
    ],
)
def test_impossible_grids_are_refused(kwargs):
    with pytest.raises(ConfigError):
        time_coords(**kwargs)
