"""The fitting benchmark's recipes run, and say truly whether they reached the target."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def bench():
    path = Path(__file__).parent / "benchmarks" / "bench_fit.py"
    spec = importlib.util.spec_from_file_location("bench_fit", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_fit"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clip():
    t = torch.arange(2048) / 22050
    return torch.sin(2 * torch.pi * 440 * t) * torch.hann_window(2048)


@pytest.mark.slow
def test_our_recipe_reaches_the_target(bench, clip):
    row = json.loads(json.dumps(bench.fit_once(bench.OURS, clip, limit=60.0)))
    assert row["reached"]
    assert row["metrics"]["snr"] >= bench.TARGET_SNR
    assert row["curve"][-1][1] >= bench.TARGET_SNR


def test_a_run_that_is_cut_says_so(bench, clip):
    row = bench.fit_once(bench.PLAIN, clip, limit=0.0)
    assert not row["reached"]
    assert row["metrics"]["snr"] < bench.TARGET_SNR


def test_the_plain_recipe_is_the_documented_one(bench, clip):
    config = bench.PLAIN.config
    assert (config.learning_rate, config.loss, config.window, config.precision) == (1e-4, "mse", None, "float32")
    assert bench.PLAIN.build(clip).num_params == (256 + 256) + 4 * (256 * 256 + 256) + 257
