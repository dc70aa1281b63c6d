"""A few hundred damaged and hostile `.hs` files; `make fuzz` does it with 10 000."""

import random
import time

import pytest

from tests.fuzz.hs import MEBIBYTES, SECONDS, damaged, fuzz, hostile, outcome, time_limit, whole_files
from tests.local.small import make_model


@pytest.mark.slow
def test_every_changed_file_gives_a_sound_or_an_error():
    results = fuzz(300, seed=1)
    assert sum(results["outcomes"].values()) == 300
    assert len(results["outcomes"]) >= 6, "all kinds of ends are met"
    assert results["slowest_seconds"] < SECONDS
    assert results["added_mebibytes"] < MEBIBYTES


def test_files_are_changed_and_the_same_ones_for_a_seed():
    files = whole_files(make_model())
    for change in (damaged, hostile):
        first, second = ([change(files, random.Random(i)) for i in range(50)] for _ in range(2))
        assert first == second
        assert sum(data not in files for data in first) > 40


def test_what_takes_too_long_is_stopped():
    with pytest.raises(TimeoutError, match="took more than"), time_limit(0.05):
        time.sleep(30)


def test_the_judge_finds_a_decoder_that_plays_too_little(monkeypatch):
    model = make_model()
    monkeypatch.setattr("tests.fuzz.hs.decompress_blocks", lambda *_: iter(()))
    with pytest.raises(AssertionError, match="0 samples were played"):
        outcome(model, whole_files(model)[0])
