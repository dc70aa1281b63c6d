"""A training step asks the device for nothing before it reads its loss, and brings it nothing but the batch.

Counted on the CPU, by the operations that on a GPU would wait (a number that Python asks for, a shape that depends on
values) or copy (a tensor made from Python's numbers). Copies between tensors of two devices show on a GPU alone.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hypersound_lib.coding import entropy
from hypersound_lib.presets import PRESETS
from tests.training.tiny import shortened

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
    monkeypatch.setattr(entropy, "_is_dense", lambda device: True)  # as on a GPU
    model, loss, clips = shortened(name)  # neither graph nor counts depend on length and width

    def step():
        estimate, costs = model(clips, 0, clips.shape[-1], with_costs=True)
        (loss.total(loss(estimate.float(), clips)) + sum(costs.values())).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    step()  # constants that later steps find where they are
    assert counted(step) == ([], [])
