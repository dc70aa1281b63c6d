"""Windows sum to one: at any real time, and on the samples of any rate."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.local.target import FrameGrid
from hypersound_lib.local.waves import dual_window, window


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_windows_sum_to_one_at_any_real_time(t):
    first = math.floor(t)
    total = sum(window(torch.tensor(t - k, dtype=torch.float64)) for k in range(first - 2, first + 4))
    assert abs(total.item() - 1) <= 1e-6


@settings(max_examples=40)
@given(
    hop=st.fractions(1, 40, max_denominator=441),
    start=st.integers(0, 10**6),
    count=st.integers(1, 300),
)
def test_windows_sum_to_one_on_any_grid(hop, start, count):
    grid = FrameGrid(hop, start, count)
    ones = torch.ones(1, len(grid.frames), grid.length, dtype=torch.float64)
    torch.testing.assert_close(grid.add(ones), torch.ones(1, count, dtype=torch.float64), rtol=0, atol=1e-6)


@given(st.floats(-1, 1))
def test_the_dual_window_inverts_the_window_and_amplifies_nothing_much(u):
    """Of two neighbouring frames, w w̃ sums to one and mirrored parts cancel: the transform is exact."""
    here, there = torch.tensor([u, abs(u) - 1], dtype=torch.float64)
    total = window(here) * dual_window(here) + window(there) * dual_window(there)
    assert abs(total.item() - 1) < 1e-9
    assert 0 <= dual_window(here) < 1.21


def test_a_grid_without_samples_or_before_the_sound_is_refused():
    for hop, start, count in ((Fraction(4), -1, 5), (Fraction(4), 0, 0), (Fraction(0), 0, 1)):
        with pytest.raises(ConfigError, match="cannot be played"):
            FrameGrid(hop, start, count)
