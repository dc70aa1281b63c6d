"""Rankings: the better system comes first, and intervals cover the truth."""

import math

import numpy as np
import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.notebook.listening import HIDDEN_REFERENCE, Answers, Recording, ranking, rating_test

TRUE_QUALITY = {HIDDEN_REFERENCE: 95, "good": 70, "poor": 40, "anchor (3.5 kHz)": 20}


def recordings(count):
    sound = torch.linspace(-0.5, 0.5, 100)
    return {f"sound {i}": Recording(sound, {"poor": sound**3, "good": sound**2}, 16000) for i in range(count)}


def simulate_rater(path, seed, count=6):
    """A listener who hears the true quality, give or take 10 points."""
    trials = rating_test(recordings(count), seed)
    answers, generator = Answers(trials, path), np.random.default_rng(seed)
    for trial in trials:
        heard = {
            letter: TRUE_QUALITY[system] + 10 * generator.standard_normal() for letter, system in trial.key.items()
        }
        answers.rate(trial, {letter: float(np.clip(value, 0, 100)) for letter, value in heard.items()})
    return path


def test_the_better_comes_first_and_the_interval_covers_the_truth(tmp_path):
    ranks = ranking(*(simulate_rater(tmp_path / f"{seed}.csv", seed) for seed in range(3)))
    assert list(ranks) == list(TRUE_QUALITY)
    for system, rank in ranks.items():
        assert rank.count == 18
        assert rank.low < rank.mean < rank.high
        assert abs(rank.mean - TRUE_QUALITY[system]) < 10
    good, poor = ranks["good"], ranks["poor"]
    assert good.low < 70 < good.high
    assert poor.high < good.low


def test_one_rating_has_no_interval(tmp_path):
    for rank in ranking(simulate_rater(tmp_path / "a.csv", 0, count=1)).values():
        assert rank.count == 1
        assert math.isnan(rank.low)
        assert math.isnan(rank.high)


@pytest.mark.parametrize(("names", "message"), [(["missing.csv"], r"missing\.csv"), ([], "no file")])
def test_no_answers_are_refused(tmp_path, names, message):
    with pytest.raises(ConfigError, match=message):
        ranking(*(tmp_path / name for name in names))


@pytest.mark.parametrize("edited", ["105", "-3", "loud", "", "nan"])
def test_an_edited_rating_out_of_range_is_refused(tmp_path, edited):
    path = tmp_path / "a.csv"
    trials = rating_test(recordings(1))
    Answers(trials, path).rate(trials[0], {"A": 11, "B": 77, "C": 22, "D": 33})
    path.write_text(path.read_text().replace(",77\n", f",{edited}\n"))
    with pytest.raises(ConfigError, match=r"trial 1, B: .* cannot be"):
        ranking(path)
