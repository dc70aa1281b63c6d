"""The lapped transform loses nothing, and has no weak direction."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.local.target import LocalINR
from hypersound_lib.local.waves import LappedTransform, dual_window, window


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_windows_sum_to_one_at_any_real_time(t):
    first = math.floor(t)
    total = sum(window(torch.tensor(t - k, dtype=torch.float64)) for k in range(first - 2, first + 4))
    assert abs(total.item() - 1) <= 1e-6


@given(st.floats(-1, 1))
def test_the_dual_window_inverts_the_window_and_amplifies_nothing_much(u):
    """Of two neighbouring frames, w w̃ sums to one and mirrored parts cancel: the transform is exact."""
    here, there = torch.tensor([u, abs(u) - 1], dtype=torch.float64)
    total = window(here) * dual_window(here) + window(there) * dual_window(there)
    assert abs(total.item() - 1) < 1e-9
    assert 0 <= dual_window(here) < 1.21


@settings(max_examples=30)
@given(hop=st.sampled_from([2, 8, 16, 64, 320]), num_samples=st.integers(1, 2000), seed=st.integers(0, 99))
def test_waves_of_any_sound_play_it_exactly(hop, num_samples, seed):
    x = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(seed))
    amplitudes = LappedTransform(hop)(x)
    assert amplitudes.shape == (2, (num_samples - 1) // hop + 2, hop)
    torch.testing.assert_close(LocalINR(hop)(amplitudes, num_samples), x, rtol=0, atol=2e-5)


def test_waves_are_a_basis_without_weak_directions():
    """The ratio of the largest to the smallest amplification; the ends, which lie under one window, are left out."""
    hop, frames = 16, 12
    unit = torch.eye(frames * hop, dtype=torch.float64).reshape(-1, frames, hop)
    matrix = LocalINR(hop)(unit).T  # from all amplitudes to the sound
    values = torch.linalg.svdvals(matrix)
    assert (values[0] / values[len(matrix) - 1]).item() <= math.sqrt(2) + 1e-6


@pytest.mark.parametrize("shape", [(5,), (1, 0), (1, 2, 3)])
def test_what_is_no_batch_of_sounds_is_refused(shape):
    with pytest.raises(ConfigError, match=r"takes waveforms \(B, T\)"):
        LappedTransform(8)(torch.zeros(shape))
