"""Errors by frequency: energies add up, and an error is found in the band where it was made."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import band_errors

RATE = 16000
T = torch.arange(RATE, dtype=torch.float64) / RATE
NOISE = torch.randn(RATE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def total(levels):
    return sum(10 ** (level / 10) for level in levels)


def test_the_bands_energies_add_up_to_the_whole():
    bands = band_errors(NOISE, 0.9 * NOISE, RATE)
    assert total(b.reference_db for b in bands) == pytest.approx(1, rel=1e-9)
    assert total(b.error_db for b in bands) == pytest.approx(0.01, rel=1e-6)
    assert bands[0].low == 0
    assert bands[-1].high == RATE / 2


@settings(max_examples=20)
@given(hertz=st.floats(300, 7700), decibels=st.floats(-60, 0))
def test_an_added_tone_is_found_in_its_band_at_its_level(hertz, decibels):
    x = torch.sin(2 * torch.pi * 100.5 * T)
    tone = 10 ** (decibels / 20) * torch.sin(2 * torch.pi * hertz * T)
    edges = [0.0, hertz - 50, hertz + 50, 8000.0]
    below, inside, above = band_errors(x, x + tone, RATE, edges)
    assert inside.error_db == pytest.approx(decibels, abs=0.1)
    assert max(below.error_db, above.error_db) < decibels - 40


def test_a_perfect_copy_has_no_error_anywhere():
    assert {b.error_db for b in band_errors(NOISE, NOISE, RATE)} == {-150}


@pytest.mark.parametrize(("rate", "edges"), [(100, [0, 50]), (250, [0, 125]), (252, [0, 125, 126])])
def test_octaves_end_below_nyquist_at_any_rate(rate, edges):
    bands = band_errors(NOISE, NOISE, rate)
    assert [bands[0].low, *(band.high for band in bands)] == edges


def test_bad_input_is_refused():
    with pytest.raises(ConfigError, match="two sounds"):
        band_errors(NOISE, NOISE[:-1], RATE)
    with pytest.raises(ConfigError, match="silent"):
        band_errors(torch.zeros(100), torch.ones(100), RATE)
    with pytest.raises(ConfigError, match="rise"):
        band_errors(NOISE, NOISE, RATE, [0, 500, 400])
    with pytest.raises(ConfigError, match="a positive number of Hz, not 0"):
        band_errors(NOISE, NOISE, 0)
