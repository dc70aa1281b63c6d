"""One rule for devices, and what a GPU cannot do is said with a remedy."""

import argparse
from contextlib import nullcontext

import pytest
import torch

from hypersound_lib.cli import _parser
from hypersound_lib.devices import check_precision, choose_device, kept, temporarily
from hypersound_lib.errors import ConfigError


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_taken_where_there_is_one(there, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device().type == ("cuda" if there else "cpu")
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("command", ["train", "fit", "reconstruct", "evaluate"])
def test_every_command_that_computes_has_the_choice(command):
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    (device,) = (a for a in commands.choices[command]._actions if "--device" in a.option_strings)
    assert device.default in ("auto", argparse.SUPPRESS), "where left out, the config's default holds"


@pytest.mark.parametrize("name", ["cuda:99", "toaster", "meta", "hpu", "privateuseone", "mps", "mps:0"])
def test_a_device_that_is_not_there_or_has_no_float64_is_refused(name):
    apple = ", an Apple GPU, has no float64.*use 'auto' or 'cpu'"
    with pytest.raises(ConfigError, match=f"device '{name}'" + (apple if "mps" in name else " is not available here")):
        choose_device(name)


@pytest.mark.parametrize(("capability", "refused"), [((7, 5), True), ((8, 0), False), ((9, 0), False)])
def test_bfloat16_is_refused_where_it_is_emulated(capability, refused, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    gpu = torch.device("cuda")
    check_precision("float16", gpu)
    check_precision("bfloat16", torch.device("cpu"))
    message = r"Tesla T4 .*7\.5.*--precision float16"
    with pytest.raises(ConfigError, match=message) if refused else nullcontext():
        check_precision("bfloat16", gpu)


def test_what_is_kept_is_made_once_and_the_oldest_is_forgotten():
    calls = []

    @kept
    def ramp(count: int, device: torch.device) -> torch.Tensor:
        calls.append(count)
        return torch.arange(count, device=device)

    cpu = torch.device("cpu")
    with torch.inference_mode():
        first = ramp(3, cpu)
    assert ramp(3, cpu) is first
    assert not first.is_inference(), "a training may need it later"
    for count in range(4, 4 + 64):
        ramp(count, cpu)
    assert torch.equal(ramp(3, cpu), first)
    assert calls == [3, *range(4, 4 + 64), 3]


def test_what_is_set_temporarily_is_set_back_also_after_an_error():
    before = torch.backends.cudnn.benchmark
    with temporarily(torch.backends.cudnn, benchmark=not before):
        assert torch.backends.cudnn.benchmark is not before
    with pytest.raises(ZeroDivisionError), temporarily(torch.backends.cudnn, benchmark=not before):
        1 / 0  # noqa: B018 - a training that fails
    assert torch.backends.cudnn.benchmark is before
