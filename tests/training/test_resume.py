"""A training that was killed and resumed equals one that was not; several processes equal one."""

import multiprocessing
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
from tests.training.child import forked
from tests.training.tiny import are_equal

ROOT = Path(__file__).resolve().parents[2]

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.training.child", "torch._dynamo"])


def start(out, *arguments, rank=0, environment=None, **settings):
    """Start a process, forked after its imports. Its standard output and error go beside the folder `out`."""
    streams = [out.with_suffix(f".{name}{rank}") for name in ("stdout", "stderr")]
    given = (ENVIRONMENT | (environment or {}), streams, out, *arguments)
    process = FORKS.Process(target=forked, args=given, kwargs=settings)
    process.start()
    return process


def start_two(*arguments, **settings):
    """Start two processes that train together, as a launcher does."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    places = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in (0, 1)]
    return [start(*arguments, rank=i, environment=shared | place, **settings) for i, place in enumerate(places)]


def ended(out, *processes, seconds=300):
    """Wait so long, and return as subprocess.run does: the first code that is not 0, and what all of them said."""
    for process in processes:
        process.join(seconds)
    late = [process.kill() for process in processes if process.is_alive()]
    assert not late, f"{len(late)} processes do not end"
    said = [
        "".join(path.read_text() for path in sorted(out.parent.glob(f"{out.name}.{name}?")))
        for name in ("stdout", "stderr")
    ]
    return subprocess.CompletedProcess([], next(filter(bool, (p.exitcode for p in processes)), 0), *said)


def succeeded(process):
    assert process.returncode == 0, process.stderr[-3000:]
    return process


def run_child(out, *arguments, **settings):
    return succeeded(ended(out, start(out, *arguments, **settings)))


def run_two(out, *arguments, **settings):
    return succeeded(ended(out, *start_two(out, *arguments, **settings)))


def launch(launcher, out):
    """Start processes by a program that does so, for twenty steps."""
    command = [sys.executable, "-m", *launcher, "-m", "tests.training.child", str(out)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=300)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Twenty steps without a break: folder and final weights."""
    out = tmp_path_factory.mktemp("straight") / "run"
    run_child(out, 20)
    return out, load_file(out / "final.safetensors")


def test_ten_steps_a_kill_and_ten_more_equal_twenty_bit_for_bit(straight, tmp_path):
    whole, expected = straight
    out = tmp_path / "run"
    killed = ended(out, start(out, 20, struck=(0, 13, signal.SIGKILL, "log_step")))
    assert killed.returncode == -signal.SIGKILL
    assert read_log(out / "train.csv")["step"][-1] == 13, "three steps lie beyond the checkpoint"
    run_child(out, 20, resume=True)
    assert are_equal(load_file(out / "final.safetensors"), expected)
    last = "checkpoints/step-00000020"
    for file in ("model.safetensors", "training.safetensors"):
        assert are_equal(load_file(out / last / file), load_file(whole / last / file)), file
    rows, reference = (read_log(folder / "train.csv") for folder in (out, whole))
    assert rows["step"] == list(range(1, 21)), "each step once"
    assert rows["mel_stft"] == reference["mel_stft"]
    assert not list((out / "checkpoints").glob(".*")), "nothing half-written is left"


def assert_ended_as(straight, out, processes):
    """The last weights are those of a run without a break but for rounding; so many processes wrote them."""
    with safe_open(out / "final.safetensors", "pt") as file:
        assert file.metadata()["processes"] == str(processes)
    torch.testing.assert_close(load_file(out / "final.safetensors"), straight[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_equal_one_for_the_same_global_batch(straight, tmp_path, accumulate):
    out = tmp_path / "run"
    if accumulate == 1:
        succeeded(launch(["torch.distributed.run", "--nproc-per-node", "2", "--master-port", free_port()], out))
    else:
        run_two(out, 20, accumulate=2)
    assert_ended_as(straight, out, processes=2)
    rows, whole = read_log(out / "train.csv"), read_log(straight[0] / "train.csv")
    assert rows["step"] == list(range(1, 21)), "one process writes"
    assert rows["smooth_l1"][0] == pytest.approx(whole["smooth_l1"][0], rel=1e-4), "the mean over processes"


def test_a_batch_that_processes_cannot_share_is_refused_before_anything_is_written(tmp_path):
    process = ended(tmp_path / "run", *start_two(tmp_path / "run", 20, accumulate=4))
    assert process.returncode != 0
    assert "cannot be shared evenly by 2 processes" in process.stderr
    assert not (tmp_path / "run").exists()


def test_a_launcher_that_starts_one_process_of_two_is_found_out(tmp_path):
    launcher = ["accelerate.commands.launch", "--cpu", "--num_processes", "2", "--mixed_precision", "no"]
    process = launch([*launcher, "--num_machines", "1", "--dynamo_backend", "no"], tmp_path / "run")
    assert "several processes were asked for, and each one runs alone: start them with `torchrun" in process.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seconds", [(0.0, 1000.0), (1000.0, 0.0)])
def test_the_main_process_decides_when_time_is_up(tmp_path, seconds):
    """Each comparing its own clock would leave one waiting for gradients of the other for good."""
    process = run_two(tmp_path / "run", 6, seconds=seconds)
    ending = "time after step 1" if seconds[0] == 0 else "steps after step 6"
    assert all(f"process {rank}: {ending}" in process.stdout for rank in (0, 1))


def test_an_interrupt_of_one_process_stops_all_after_the_same_step(tmp_path):
    out = tmp_path / "run"
    process = run_two(out, 20, struck=(1, 3, signal.SIGINT, "log_step"))
    assert all(f"process {i}: interrupted after step 3" in process.stdout for i in (0, 1))
    assert (out / "checkpoints/step-00000003").is_dir()


@pytest.mark.parametrize("first", [1, 2])
def test_another_number_of_processes_goes_on_as_if_nothing_had_happened(straight, tmp_path, first):
    out = tmp_path / "run"
    runs = {1: run_child, 2: run_two}
    runs[first](out, 20, struck=(0, 10, signal.SIGINT, "log_step"))
    runs[3 - first](out, 20, resume=True)
    assert_ended_as(straight, out, processes=3 - first)
    assert read_log(out / "train.csv")["step"] == list(range(1, 21)), "each step once"


def test_the_main_process_may_validate_longer_than_others_wait_for_an_answer(tmp_path):
    run_two(tmp_path / "run", 1, sleep=12, process_timeout=8, validate_every=1)
    assert read_log(tmp_path / "run/validation.csv")["step"] == [1]


@pytest.mark.parametrize(
    ("number", "victim", "method"),
    [
        (signal.SIGKILL, 0, "log_step"),
        (signal.SIGKILL, 1, "log_step"),
        (signal.SIGSTOP, 0, "log_step"),
        (signal.SIGSTOP, 1, "log_step"),
        (signal.SIGSTOP, 0, "_validate"),
    ],
)
def test_a_process_without_the_other_ends_with_a_named_error(tmp_path, number, victim, method):
    """One that is killed closes its connections; one that hangs, also while others wait for it, is given up in time."""
    happens = {"struck": (victim, 3, number, method), "process_timeout": 4, "validate_every": 3}
    processes = start_two(tmp_path / "run", 100_000, **happens)
    try:
        left = ended(tmp_path / "run", processes[1 - victim], seconds=100)
    finally:
        for process in processes:
            process.kill()
            process.join()
    assert left.returncode not in (0, -signal.SIGKILL)
    assert f"process {1 - victim} of 2 lost another one" in left.stderr
    assert "process_timeout = 4 s" in left.stderr
