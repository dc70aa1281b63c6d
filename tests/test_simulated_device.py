"""The simulated device refuses, waits and copies as a real one does."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.simulated_device import DEVICE, simulated_device


@pytest.fixture
def simulated():
    with simulated_device() as device:
        yield device


def test_what_is_made_there_stays_there_until_it_is_fetched(simulated):
    x = torch.randn(3, device="cuda")
    made = (x, x + 1, x[:2], torch.zeros_like(x), x.new_ones(2), torch.cat([x, x]), x * torch.tensor(2.0), x.half())
    assert all(t.device == DEVICE and t.is_cuda for t in made)
    assert simulated.copies == []
    assert x.cpu().device.type == x.to("cpu", torch.float64).device.type == "cpu"
    assert torch.ones(3).to(x).device == DEVICE
    assert simulated.copies == ["cpu", "to", "to"]


def test_tensors_of_two_devices_do_not_meet(simulated):
    x, y = torch.ones(3, device="cuda"), torch.ones(3)
    for meet in (lambda: x + y, lambda: torch.stack([x, y]), lambda: nn.functional.mse_loss(x, y)):
        with pytest.raises(RuntimeError, match="same device"):
            meet()
    with pytest.raises(RuntimeError, match="indexed tensor"):
        y[torch.zeros(1, dtype=torch.long, device="cuda")]
    with pytest.raises(TypeError, match="numpy"):
        np.asarray(x)
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, generator=torch.Generator(), device="cuda")


def test_what_is_waited_for_is_counted(simulated):
    x = torch.ones(3, device="cuda")
    assert float(x.sum()) == x.sum().item() == 3
    assert x[x > 0].device == DEVICE
    assert simulated.waits == ["__float__", "item", "__getitem__"]


@pytest.mark.parametrize(
    ("kind", "name", "act"),
    [
        ("waits", "equal", lambda x: torch.equal(x, x)),
        ("waits", "where", lambda x: torch.where(x > 0)),
        ("waits", "repeat_interleave", lambda x: torch.repeat_interleave(x, x.long())),
        ("waits", "repeat_interleave", lambda x: x.repeat_interleave(repeats=x.long())),
        ("waits", "__bool__", lambda x: bool((x > 0).any())),
        ("waits", "__getitem__", lambda x: x[None, :][:, x > 0]),
        ("waits", "__setitem__", lambda x: x.__setitem__(x > 0, x + 1)),
        ("copies", "tensor", lambda x: torch.tensor([1.0], device="cuda")),
        ("copies", "as_tensor", lambda x: torch.as_tensor(torch.ones(1), device="cuda")),
        ("copies", "new_tensor", lambda x: x.new_tensor([1.0, 2.0])),
        ("copies", "__getitem__", lambda x: x[[0, 1]]),
        ("copies", "__getitem__", lambda x: x[torch.tensor([0, 1])]),
        ("copies", "__getitem__", lambda x: x[None, np.array([0, 1])]),
        ("copies", "__setitem__", lambda x: x.__setitem__([0, 1], 0.0)),
        ("copies", "__setitem__", lambda x: x.__setitem__(slice(2), torch.ones(2))),
    ],
)
def test_what_depends_on_values_waits_for_them_and_numbers_that_are_brought_are_copied(kind, name, act, simulated):
    act(torch.ones(3, device="cuda"))
    expected = {"waits": [], "copies": []} | {kind: [name]}
    assert {"waits": simulated.waits, "copies": simulated.copies} == expected


def test_what_needs_neither_is_not_counted(simulated):
    x = torch.ones(3, device="cuda")
    index = torch.zeros(2, dtype=torch.long, device="cuda")
    x[index], x[0], x[:2], x[torch.tensor(1)], x[None], torch.where(x > 0, x, 0.0), torch.as_tensor(x, device="cuda")
    x.repeat_interleave(2), (x > 0).any(), x.new_zeros(2), torch.isclose(x, x)
    x[x > 0] = 0.0
    x[0] = 1.0
    assert (simulated.waits, simulated.copies) == ([], [])


def test_a_module_moves_trains_and_takes_weights(simulated):
    model = nn.Linear(3, 2)
    weights = copy.deepcopy(model).state_dict()
    optimizer = torch.optim.AdamW(model.to("cuda").parameters(), lr=0.1, fused=True)
    assert all(isinstance(p, nn.Parameter) and p.device == DEVICE for p in copy.deepcopy(model).parameters())
    model(torch.ones(3, device="cuda")).sum().backward()
    assert model.weight.grad.device == DEVICE
    optimizer.step()
    assert optimizer.state[model.weight]["exp_avg"].device == DEVICE
    assert not torch.equal(model.weight.detach().cpu(), weights["weight"])
    model.load_state_dict(weights)
    assert torch.equal(model.weight.detach().cpu(), weights["weight"])
    assert next(model.cpu().parameters()).device.type == "cpu"
