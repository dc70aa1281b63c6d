"""Bad inputs of every class, as `make fuzz` tries them by the thousand. And: what judges them finds what is wrong."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hypersound_lib.errors import ConfigError
from tests.fuzz import hs
from tests.fuzz.judge import Fuzzer, damaged, fuzz, time_limit
from tests.local.small import make_model

ROOT = Path(__file__).resolve().parents[2]


def test_every_bad_input_gives_a_right_result_or_a_named_error():
    """In a process of its own, which may be killed, forked and held short of memory."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--fast", "--seed", "1"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert process.returncode == 0, process.stdout + process.stderr[-3000:]


def test_a_fault_is_counted_and_told(tmp_path):
    ends = [lambda: "right", lambda: 1 / 0, lambda: time.sleep(60), lambda: _refuse()]

    def prepare(_):
        turns = iter(ends)
        return lambda _: next(turns)()

    found = fuzz(Fuzzer("turns", prepare, 4, 4), tmp_path, 4, limit=0.01)
    assert (found["right"], found["named_errors"], found["faults"]) == ({"right": 1}, {"ConfigError": 1}, 2)
    assert "turns 1 of seed 0: ZeroDivisionError" in found["fault_messages"][0]
    assert "TimeoutError" in found["fault_messages"][1]


def _refuse():
    raise ConfigError("no")


def test_what_computes_for_too_long_is_stopped():
    with pytest.raises(TimeoutError, match="took more than"), time_limit(0.05):
        all(x >= 0 for x in iter(int, 1))  # endless


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
