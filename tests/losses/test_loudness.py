"""The difference in loudness: what is masked, what was added, which moments and bands count, at any rate."""

import math

import pytest
import torch

from hypersound_lib.losses.loudness import LoudnessDifference

RATE = 22050


def noise(level, num_samples=RATE, seed=0):
    return level * torch.randn(1, num_samples, generator=torch.Generator().manual_seed(seed))


def difference(estimate, reference, rate=RATE):
    return LoudnessDifference(rate)(estimate, reference).item()


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_each_bin_up_to_8_khz_is_in_one_band_and_higher_bands_are_wider(rate):
    loss = LoudnessDifference(rate)
    assert loss.size / rate == pytest.approx(0.032, rel=0.04)
    bins = torch.arange(loss.size // 2 + 1) * rate / loss.size
    sure = bins != 8000  # where rounding decides
    found = (loss.filters > 0).sum(dim=0)
    assert torch.equal(found[sure], ((bins > 0) & (bins < 8000)).long()[sure])
    assert bool((loss.widths.diff(dim=0) > 0).all())
    if rate >= 16000:
        hertz = torch.tensor([7600.0, 200.0])
        wide, narrow = ((loss.filters[(loss.filters[:, int(f * loss.size / rate)] > 0)] > 0).sum() for f in hertz)
        assert wide > 10 * narrow


def test_small_changes_of_level_are_masked_and_large_ones_are_not():
    reference = noise(0.1)
    assert difference(1.3 * reference, reference) == pytest.approx(0, abs=1e-6)
    assert difference(reference / 1.3, reference) == pytest.approx(0, abs=1e-6)
    assert 0.05 < difference(2.5 * reference, reference) < difference(5 * reference, reference)


def test_what_was_added_counts_more_than_what_is_missing():
    loud, quiet = noise(0.1), noise(0.03)
    assert difference(loud, quiet) > 1.2 * difference(quiet, loud)


def test_what_is_quieter_than_16_bits_tell_counts_nothing():
    assert difference(noise(2.0**-17), noise(2.0**-17, seed=1)) == pytest.approx(0, abs=1e-6)
    assert difference(noise(2.0**-10), noise(2.0**-17, seed=1)) > 0.05


def test_the_worst_moments_count_most():
    reference, error, short = noise(0.1), noise(0.03, seed=1), torch.zeros(1, RATE)
    short[:, 8000:10205] = error[:, 8000:10205]  # a tenth of the time
    always, briefly = difference(reference + error, reference), difference(reference + short, reference)
    assert briefly > 0.25 * always  # a mean over time would have a tenth


def test_hardly_anything_above_8_khz_is_heard():
    reference, time = noise(0.01), torch.arange(RATE) / RATE
    high, low = (0.1 * torch.sin(2 * math.pi * hertz * time) for hertz in (9500, 950))
    # At its ends the signal is mirrored, where a tone's phase jumps: a little of it is then in all bands.
    assert difference(reference + high, reference) < 0.1 * difference(reference + low, reference)
