"""The fitting benchmark's recipes run, and say truly whether they reached the target."""

import json

import pytest
import torch

from tests.benchmarks import bench_fit as bench


@pytest.fixture
def clip():
    t = torch.arange(2048) / 22050
    return torch.sin(2 * torch.pi * 440 * t) * torch.hann_window(2048)


@pytest.mark.slow
def test_our_recipe_reaches_the_target(clip):
    row = json.loads(json.dumps(bench.fit_once(bench.OURS, clip, limit=60.0)))
    assert row["reached"]
    assert row["metrics"]["snr"] >= bench.TARGET_SNR
    assert row["curve"][-1][1] >= bench.TARGET_SNR


def test_a_run_that_is_cut_says_so(clip):
    row = bench.fit_once(bench.PLAIN, clip, limit=0.0)
    assert not row["reached"]
    assert row["metrics"]["snr"] < bench.TARGET_SNR


def test_the_plain_recipe_is_the_documented_one(clip):
    config = bench.PLAIN.config
    assert (config.learning_rate, config.loss, config.window, config.precision) == (1e-4, "mse", None, "float32")
    assert bench.PLAIN.build(clip).num_params == (256 + 256) + 4 * (256 * 256 + 256) + 257
