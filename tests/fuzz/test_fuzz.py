"""Bad inputs of every class, as `make fuzz` tries them by the thousand. And: what judges them finds what is wrong."""

import os
import random
import sys
import time

import pytest

from hypersound_lib.errors import ConfigError
from tests.conftest import ROOT, run_command
from tests.fuzz import hs
from tests.fuzz.judge import Fuzzer, damaged, fuzz
from tests.local.small import make_model


def test_every_bad_input_gives_a_right_result_or_a_named_error():
    """In a process of its own, which may be killed, forked and held short of memory."""
    settings = {"cwd": ROOT, "env": os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, "timeout": 600}
    run_command(sys.executable, "-m", "tests.fuzz", "--fast", "--seed", "1", **settings)


def refuse():
    raise ConfigError("no")


def test_a_fault_is_counted_and_told_and_what_takes_too_long_is_stopped(tmp_path):
    endless = (lambda: time.sleep(60), lambda: all(x >= 0 for x in iter(int, 1)))  # waits, or computes
    ends = iter([lambda: "right", refuse, lambda: 1 / 0, *endless])
    found = fuzz(Fuzzer("turns", lambda _: lambda _: next(ends)(), 5, 5), tmp_path, 5, limit=0.01)
    assert (found["right"], found["named_errors"], found["faults"]) == ({"right": 1}, {"ConfigError": 1}, 3)
    assert "turns 2 of seed 0: ZeroDivisionError" in found["fault_messages"][0]
    assert all("TimeoutError" in message for message in found["fault_messages"][1:])


def test_files_are_changed_and_the_same_ones_for_a_seed():
    files = hs.whole_files(make_model())
    for change in (damaged, hs.hostile):
        first, second = ([change(files, random.Random(i)) for i in range(50)] for _ in range(2))
        assert first == second
        assert sum(data not in files for data in first) > 40


def test_the_judge_finds_a_decoder_that_plays_too_little(monkeypatch):
    model = make_model()
    monkeypatch.setattr("tests.fuzz.hs.decompress_blocks", lambda *_: iter(()))
    with pytest.raises(AssertionError, match="0 samples were played"):
        hs.outcome(model, hs.whole_files(model)[0])
