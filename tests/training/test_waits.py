"""A training step asks the device for nothing before it reads its loss, and brings it nothing but the batch.

Counted on the CPU, by the operations that on a GPU would wait (a number that Python asks for, a shape that depends on
values) or copy (a tensor made from Python's numbers); and in the real loop by the simulated device.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hypersound_lib.coding import tensors
from hypersound_lib.models import build_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.training import train
from hypersound_lib.training.run import Run
from tests.local.small import CONFIG as LOCAL
from tests.simulated_device import simulated_device
from tests.training.tiny import MODEL, changed, make_store, shortened

WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "is_nonzero", "equal")
COPIES = ("lift_fresh", "lift")  # of torch.tensor(…), as_tensor, from_numpy


class Counting(TorchDispatchMode):
    """Keeps the names of operations that wait or copy."""

    def __init__(self):
        super().__init__()
        self.waits: list[str] = []
        self.copies: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = name in ("index", "index_put", "index_put_") and any(
            i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        if name in WAITS or masks:
            self.waits.append(name)
        if name in COPIES:
            self.copies.append(name)
        return func(*args, **(kwargs or {}))


def counted(work):
    with Counting() as counting:
        work()
    return counting.waits, counting.copies


def test_what_waits_and_what_copies_is_counted():
    mask = torch.tensor([True, False])
    assert counted(lambda: mask.sum().item()) == (["_local_scalar_dense"], [])
    assert counted(lambda: bool(mask.any())) == (["_local_scalar_dense"], [])
    assert counted(lambda: torch.ones(2)[mask])[0]
    assert counted(lambda: torch.tensor([1.0, 2.0])) == ([], ["lift_fresh"])
    assert counted(lambda: (torch.ones(2) * 2).sum()) == ([], [])
    weights = torch.ones(2, requires_grad=True)
    weights.register_hook(lambda gradient: gradient * float(gradient.sum()))
    assert counted(lambda: weights.sum().backward()) == (["_local_scalar_dense"], []), "in backward, too"


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.slow
def test_a_step_waits_and_copies_for_nothing_of_its_own(name, monkeypatch):
    monkeypatch.setattr(tensors, "_is_dense", lambda device: True)  # as on a GPU
    model, loss, clips = shortened(name)  # neither graph nor counts depend on length and width

    def step():
        estimate, costs = model(clips, 0, clips.shape[-1], with_costs=True)
        (loss.total(loss(estimate.float(), clips)) + sum(costs.values())).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    step()  # constants that later steps find where they are
    assert counted(step) == ([], [])


@pytest.mark.parametrize("config", [MODEL, LOCAL], ids=["global", "local"])
@pytest.mark.parametrize("window", [None, 160])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_step_of_the_loop_waits_once_and_copies_one_batch(config, precision, window, tmp_path, monkeypatch):
    """On the simulated device. Where float16 overflowed, the loop asks for the scale as well, to skip the update."""
    counts, log_step = [], Run.log_step

    def log_and_count(self, values):
        skipped = not math.isfinite(values["gradient"])
        counts.append((len(device.waits), len(device.copies), skipped))
        log_step(self, values)

    monkeypatch.setattr(Run, "log_step", log_and_count)
    settings = changed(steps=8, precision=precision, validate_every=100, checkpoint_every=100, window=window)
    with simulated_device() as device:
        train(build_model(config), make_store(), make_store(1), settings, tmp_path, progress=False)
    for before, after in pairwise(counts):
        assert after[0] - before[0] == 1 + after[2], "one wait, for the loss' terms and the gradient's norm together"
        assert after[1] - before[1] == 2, "the batch to the device, and those numbers back"
    assert len(counts) == 8
