"""What a run does by itself: it records steps as a CUDA graph (tests/gpu records some), and loads clips beside them."""

import os
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.training import run as run_module
from hypersound_lib.training.run import Run
from tests.training.tiny import are_equal, changed, run_training


@pytest.mark.parametrize(
    ("device", "processes", "is_whole", "possible"),
    [("cuda", 1, True, True), ("cpu", 1, True, False), ("cuda", 2, True, False), ("cuda", 1, False, False)],
)
def test_a_step_is_recorded_wherever_it_can_be_unless_told(device, processes, is_whole, possible):
    accelerator = SimpleNamespace(device=torch.device(device), num_processes=processes)

    def is_recorded(given):
        return run_module._is_recorded(changed(cuda_graph=given), accelerator, is_whole)

    assert is_recorded(None) is possible
    assert is_recorded(False) is False
    with nullcontext() if possible else pytest.raises(ConfigError, match="leave cuda_graph out"):
        assert is_recorded(True)


def test_a_model_that_cannot_be_recorded_is_told_the_remedy(monkeypatch):
    def fails(*_):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(run_module, "GraphedGradients", fails)
    run = SimpleNamespace(is_recorded=True, _graph=None, model=torch.nn.Linear(1, 1))
    with pytest.raises(TrainingError, match=r"capturing.*--no-cuda-graph"):
        Run.recorded(run, lambda *_: {}, torch.zeros(1, 4), 0, 4)


def test_the_first_batch_records_and_all_replay(monkeypatch):
    made = []

    def recorder(gradients, parameters, clips):
        made.append(clips)
        return gradients

    monkeypatch.setattr(run_module, "GraphedGradients", recorder)
    run = SimpleNamespace(is_recorded=True, _graph=None, model=torch.nn.Linear(1, 1))
    calls = []

    def fill(clips, first, count):
        calls.append((clips, first, count))

    for batch in ("a", "b"):
        Run.recorded(run, fill, batch, 0, 256)
    assert made == ["a"]
    assert calls == [("a", 0, 256), ("b", 0, 256)]


@pytest.mark.parametrize(
    ("given", "device", "cores", "processes", "expected"),
    [
        (None, "cpu", 16, 1, 0),
        (None, "cuda", 16, 1, 8),
        (None, "cuda", 2, 1, 2),
        (None, "cuda", 16, 4, 4),
        (None, "cuda", 2, 4, 1),
        (0, "cuda", 16, 1, 0),
        (3, "cpu", 16, 1, 3),
    ],
)
def test_workers_are_one_for_each_core_beside_a_gpu_unless_told(monkeypatch, given, device, cores, processes, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    accelerator = SimpleNamespace(device=torch.device(device), num_processes=processes)
    run = SimpleNamespace(config=changed(num_workers=given), accelerator=accelerator)
    assert Run._count_workers(run) == expected


@pytest.mark.slow
def test_a_run_that_is_resumed_with_other_workers_has_the_same_clips(tmp_path):
    def trained(out, steps, workers, resume=False):
        settings = {"steps": steps, "num_workers": workers, "schedule": "constant"}
        return run_training(tmp_path / out, resume=resume, **settings).model.state_dict()

    expected = trained("whole", 6, 0)
    trained("parts", 3, 2)
    found = trained("parts", 6, 1, resume=True)
    assert are_equal(found, expected)
