"""Signals that are no speech, through the shipped model: tones stay clean, and no band comes back louder."""

from itertools import pairwise

import pytest

from hypersound_lib.metrics import snr
from tests.local.shipped import load_shipped
from tests.local.signals import LOUDER, NYQUIST, RATE, SIGNALS, band_edges, band_powers, chirp, louder_bands, tone

KBPS = 12.0


@pytest.fixture(scope="module")
def copies():
    """Copies by signal and rate, each made once."""
    model, made = load_shipped(), {}

    def copy(name, kbps=KBPS):
        if (name, kbps) not in made:
            original = SIGNALS[name]().float()
            made[name, kbps] = original, model.decompress(model.compress(original, RATE, kbps=kbps))
        return made[name, kbps]

    return copy


def assert_no_band_is_louder(original, copy):
    """Raise AssertionError with each band that gained too much, its level before and after, and its limit, in dB."""
    faults = [
        f"{low:.0f} to {high:.0f} Hz: {a:.1f} dB in the copy, {b:.1f} dB in the original, limit {b + LOUDER:.1f} dB"
        for low, high, a, b in louder_bands(original, copy)
    ]
    assert not faults, "louder than the original, relative to the whole:\n" + "\n".join(faults)


@pytest.mark.parametrize("frequency", [60, 100, 440, 1000, 3000, 5000, 7350, 9300, 9900])
def test_steady_tones_below_10_khz_are_clean(copies, frequency):
    original, copy = copies(f"tone {frequency} Hz")
    middle = slice(RATE // 2, -RATE // 2)
    found = snr(original[middle], copy[middle]).item()
    assert found >= 15, f"a tone of {frequency} Hz at {KBPS:g} kbit/s has an SNR of {found:.1f} dB, at least 15 is due"


@pytest.mark.parametrize("kbps", [6.0, 12.0])
@pytest.mark.parametrize("name", SIGNALS)
def test_no_band_of_the_copy_is_louder_than_the_original(copies, name, kbps):
    assert_no_band_is_louder(*copies(name, kbps))


def test_what_is_guessed_of_a_tone_is_most_of_what_was_not_sent():
    """Without the guess at least twice the energy of what lies far from the tone is wrong."""
    model, original = load_shipped(), SIGNALS["tone 3000 Hz"]().float()
    copy = model.decompress(model.compress(original, RATE, kbps=KBPS))
    model.generator.leak.kernel.weight.data.zero_()
    with_nothing = model.reconstruct(original, RATE, kbps=KBPS)
    far = [low > 3600 or high < 2500 for low, high in pairwise(band_edges())]
    error, without = (band_powers(sound - original)[far].sum() for sound in (copy, with_nothing))
    assert error < 0.5 * without


@pytest.mark.parametrize("name", SIGNALS)
def test_the_copy_clips_no_more_than_the_original(copies, name):
    original, copy = copies(name)
    limit = 2.0 * original.abs().max()
    assert copy.abs().max() <= limit, f"a peak of {copy.abs().max():.3f}, where {limit:.3f} is the limit"


def test_the_judge_of_bands():
    original = chirp(50, NYQUIST).float()
    assert_no_band_is_louder(original, 1.3 * original)
    with pytest.raises(AssertionError, match=r"875\d to 11026 Hz"):
        assert_no_band_is_louder(original, original + 2 * tone(10500).float())
    with pytest.raises(AssertionError, match="0 to "):
        assert_no_band_is_louder(original, original + 0.1)
    with pytest.raises(AssertionError, match=r"limit -?\d+\.\d dB"):
        assert_no_band_is_louder(tone(440).float(), tone(440).float() + 1e-3 * tone(5000).float())
    assert_no_band_is_louder(tone(440).float(), tone(440).float() + 1e-5 * tone(5000).float())
    edges = band_edges()
    assert edges[0] == 0
    assert edges[-1] > NYQUIST
    assert all(high - low >= 99.9 for low, high in pairwise(edges))
