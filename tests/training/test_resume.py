"""A training that was killed and resumed equals one that was not; several processes equal one."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from hypersound_lib.training import read_log

ROOT = Path(__file__).resolve().parents[2]


def run_child(*arguments, launcher=(), **environment):
    command = [sys.executable, *launcher, "-m", "tests.training.child", *map(str, arguments)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | environment
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def finished(out, process):
    assert process.returncode == 0, process.stderr[-3000:]
    return load_file(out / "final.safetensors")


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Twenty steps without a break: folder and final weights."""
    out = tmp_path_factory.mktemp("straight") / "run"
    return out, finished(out, run_child(out, 20))


def test_ten_steps_a_kill_and_ten_more_equal_twenty_bit_for_bit(straight, tmp_path):
    whole, expected = straight
    out = tmp_path / "run"
    killed = run_child(out, 20, 13)
    assert killed.returncode == -signal.SIGKILL
    assert read_log(out / "train.csv")["step"][-1] == 13, "three steps lie beyond the checkpoint"
    weights = finished(out, run_child(out, 20, "resume"))

    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    last = "checkpoints/step-00000020"
    for file in ("model.safetensors", "training.safetensors"):
        ours, theirs = load_file(out / last / file), load_file(whole / last / file)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), file
    rows, reference = (read_log(folder / "train.csv") for folder in (out, whole))
    assert rows["step"] == list(range(1, 21)), "each step once"
    assert rows["mel_stft"] == reference["mel_stft"]
    assert not list((out / "checkpoints").glob(".*")), "nothing half-written is left"


def two_processes():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_equal_one_for_the_same_global_batch(straight, tmp_path, accumulate):
    out = tmp_path / "run"
    weights = finished(out, run_child(out, 20, launcher=two_processes(), TEST_ACCUMULATE=str(accumulate)))
    with safe_open(out / "final.safetensors", "pt") as file:
        assert file.metadata()["processes"] == "2"
    for name, expected in straight[1].items():
        torch.testing.assert_close(weights[name], expected, rtol=0, atol=1e-5)
    assert read_log(out / "train.csv")["step"] == list(range(1, 21)), "one process writes"


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path):
    process = run_child(tmp_path / "run", 20, launcher=two_processes(), TEST_ACCUMULATE="4")
    assert process.returncode != 0
    assert "cannot be shared evenly by 2 processes" in process.stderr
