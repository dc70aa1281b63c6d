"""How many processes load clips, and that no clip depends on it."""

import os
from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.training.run import Run
from tests.training.tiny import changed, run_training


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
    assert all(torch.equal(found[name], value) for name, value in expected.items())
