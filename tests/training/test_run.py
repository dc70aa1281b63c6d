"""What a run does by itself: it records steps as a CUDA graph (tests/gpu records some), and loads clips beside them."""

import os
from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.training import run as run_module
from hypersound_lib.training.run import Run
from tests.training.tiny import are_equal, changed, run_training


@pytest.mark.parametrize(
    ("given", "compiled", "device", "processes", "is_whole", "expected"),
    [
        (None, False, "cuda", 1, True, True),
        (None, True, "cuda", 1, True, True),
        (None, False, "cpu", 1, True, False),
        (None, False, "cuda", 2, True, False),
        (None, False, "cuda", 1, False, False),
        (False, False, "cuda", 1, True, False),
        (True, True, "cuda", 1, True, True),
        (True, False, "cpu", 1, True, None),
        (True, False, "cuda", 2, True, None),
        (True, False, "cuda", 1, False, None),
    ],
)
def test_a_step_is_recorded_wherever_it_can_be_unless_told(given, compiled, device, processes, is_whole, expected):
    config = changed(cuda_graph=given, compile=compiled)
    accelerator = SimpleNamespace(device=torch.device(device), num_processes=processes)
    if expected is None:
        with pytest.raises(ConfigError, match="leave cuda_graph out"):
            run_module._is_recorded(config, accelerator, is_whole)
    else:
        assert run_module._is_recorded(config, accelerator, is_whole) is expected


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
