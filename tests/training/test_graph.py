"""Which trainings record a step as a CUDA graph, and what they say where it cannot be done; tests/gpu records some."""

from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.training import run as run_module
from hypersound_lib.training.run import Run
from tests.training.tiny import changed


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
