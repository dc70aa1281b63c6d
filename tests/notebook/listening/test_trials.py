"""Trials: seeded, blind, complete, and with one gain."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.listening import ANCHOR, HIDDEN_REFERENCE, Recording, rating_test
from hypersound_lib.notebook.listening.trials import low_anchor
from tests.notebook.listening.made import RATE, noise, recordings


@given(seed=st.integers(0, 2**32), count=st.integers(1, 5))
def test_every_recording_is_rated_once_with_all_systems_and_the_hidden_reference(seed, count):
    made = recordings(count)
    trials = rating_test(made, seed)
    assert sorted(trial.recording for trial in trials) == sorted(made)
    assert [trial.number for trial in trials] == list(range(1, count + 1))
    expected = sorted([HIDDEN_REFERENCE, "ours", "theirs", ANCHOR])
    for trial in trials:
        assert sorted(trial.key.values()) == expected
        assert list(trial.sounds) == list(trial.key) == list("ABCD")
        original = made[trial.recording]
        for letter, system in trial.key.items():
            if system in original.systems:
                assert torch.equal(trial.sounds[letter], original.systems[system])
            elif system == HIDDEN_REFERENCE:
                assert torch.equal(trial.sounds[letter], trial.reference)


@pytest.mark.slow
def test_a_letter_tells_nothing_and_the_seed_decides_it():
    """Over many seeds each system stands under each letter equally often, and either recording comes first."""
    under, first = Counter(), Counter()
    for seed in range(400):
        trials, again = (rating_test(recordings(2), seed) for _ in range(2))
        assert [(trial.recording, trial.key) for trial in trials] == [(trial.recording, trial.key) for trial in again]
        first[trials[0].recording] += 1
        for trial in trials:
            under.update(trial.key.items())
    assert len(under) == 4 * 4
    # 800 trials, 200 expected; 5 standard deviations are 61
    assert 139 < min(under.values()) <= max(under.values()) < 261
    assert min(first.values()) > 150


def test_a_trial_has_one_gain():
    loud = Recording(noise(1, level=0.1), {"loud": noise(2, level=1.0), "soft": noise(3, level=0.01)}, RATE)
    for trial in rating_test({"x": loud}):
        heard = {trial.key[letter]: sound for letter, sound in trial.sounds.items()}
        original = {HIDDEN_REFERENCE: loud.reference, **loud.systems}
        gains = [(heard[name] / original[name]).median().item() for name in heard if name in original]
        assert gains == pytest.approx([gains[0]] * len(gains), rel=1e-5)
        assert max(sound.abs().max() for sound in heard.values()) <= 1
        assert heard["loud"].abs().max() == pytest.approx(1)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_the_anchor_lacks_what_lies_above_3500_hz_and_comes_on_time(rate):
    t = torch.arange(rate) / rate
    low, high = torch.sin(2 * torch.pi * 1000 * t), torch.sin(2 * torch.pi * 3800 * t)
    muffled = low_anchor(low + high, rate)
    inside = slice(rate // 10, -rate // 10)
    torch.testing.assert_close(muffled[inside], low[inside], rtol=0, atol=0.01)
    assert low_anchor(torch.ones(3), rate).shape == (3,)


NO_SOUND = torch.zeros(10)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({}, "none was given"),
        ({"x": Recording(NO_SOUND, {}, RATE)}, "one system or more"),
        ({"x": Recording(NO_SOUND, {HIDDEN_REFERENCE: NO_SOUND}, RATE)}, "other names"),
        ({"x": Recording(NO_SOUND, {"x": NO_SOUND[:9]}, RATE)}, "Cut them alike"),
        ({"x": Recording(NO_SOUND, {"x": NO_SOUND / 0}, RATE)}, "NaN"),
        ({"x": Recording(NO_SOUND[:0], {"x": NO_SOUND[:0]}, RATE)}, "samples"),
        ({"x": Recording(NO_SOUND[None], {"x": NO_SOUND[None]}, RATE)}, "samples"),
        ({"x": Recording(NO_SOUND, dict.fromkeys(map(str, range(25)), NO_SOUND), RATE)}, "27 sounds"),
        ({"x": Recording(noise(1), {"ours": noise(2)}, 7000)}, "take a higher rate"),
    ],
)
def test_what_cannot_be_compared_is_refused(made, message):
    with pytest.raises(ConfigError, match=message):
        rating_test(made)
