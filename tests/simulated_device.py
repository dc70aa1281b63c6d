"""A CUDA device that is none: tensors of the CPU that say they are on `cuda:0`, and refuse to meet those that do not.

What a real one refuses is refused: products of tensors on two devices, NumPy's view of one there, a generator of the
CPU for it. What a real one would wait for, or copy, is counted. It works on torch's functions, so it does not look into
the backward pass, whose tensors follow the forward's. CUDA graphs, which record what a GPU launches, need a real one,
and so does compiled training, since a compiler sees the tensors of the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DEVICE = torch.device("cuda", 0)
_WAITS = (
    *("item", "tolist", "__bool__", "__float__", "__int__", "__index__", "nonzero", "argwhere", "masked_select"),
    *("unique", "unique_consecutive", "equal", "allclose", "bincount"),
)
_MAKE = ("tensor", "as_tensor", "asarray", "new_tensor")  # of numbers of Python or NumPy
_BETWEEN = ("copy_", "__set__", "is_set_to", "_has_compatible_shallow_copy_type", "swap_tensors", "set_data")
_CUDA = {  # of torch.cuda
    "is_available": lambda: True,
    "device_count": lambda: 1,
    "current_device": lambda: 0,
    "set_device": lambda device: None,
    "synchronize": lambda device=None: None,
    "empty_cache": lambda: None,
    "get_device_capability": lambda device=None: (9, 0),
    "get_device_name": lambda device=None: "simulated",
    "is_bf16_supported": lambda *_: True,
    "is_current_stream_capturing": lambda: False,
    "manual_seed_all": lambda seed: None,
    "get_rng_state": lambda device=None: torch.zeros(16, dtype=torch.uint8),
    "get_rng_state_all": lambda: [torch.zeros(16, dtype=torch.uint8)],
    "set_rng_state": lambda state, device=None: None,
    "set_rng_state_all": lambda states: None,
}


class _There(Tensor):
    """A tensor that says it is on the device."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = copied = _moved(self.detach().clone(), True).requires_grad_(self.requires_grad)
            copied._is_param = isinstance(self, nn.Parameter)
        return memo[id(self)]


class SimulatedDevice(TorchFunctionMode):
    """Keeps what would be waited for, and what would be copied to or from the device, by the function's name."""

    def __init__(self):
        super().__init__()
        self.waits: list[str] = []
        self.copies: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        owner = getattr(func, "__self__", None)
        first = args[0] if args else None
        there = isinstance(first, _There)
        if name == "__get__" and there:
            if owner is Tensor.device:
                return DEVICE
            if owner in (Tensor.is_cuda, Tensor.is_cpu):
                return owner is Tensor.is_cuda
            value = func(*args, **kwargs)
            return _moved(value, True) if owner in (Tensor.grad, Tensor.data) else value
        if name == "module_load" and there:  # what load_state_dict does
            _moved(first, False).copy_(_moved(args[1], False))
            return _moved(first.detach(), True)
        if name == "pin_memory":
            return first
        if name == "get_device" and there:
            return 0
        if name in ("numpy", "__array__") and there:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
        target = there
        if name in ("cpu", "cuda"):
            target = name == "cuda"
        elif name == "to":
            target, args, kwargs = _target(there, args, kwargs)
        elif kwargs.get("device") is not None:
            target, kwargs["device"] = _is_cuda(kwargs["device"]), _on_cpu(kwargs["device"])
            given = kwargs.get("generator")
            if target and given is not None and given.device.type == "cpu":
                raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        elif name not in _BETWEEN:
            self._check(name, args, kwargs)
            target = None  # as torch has it: a result of what is there is there
        if there and (name in _WAITS or _asks_for_a_shape(name, args, kwargs)):
            self.waits.append(name)
        moved = target is not None and isinstance(first, Tensor) and target != there
        if moved or (name == "copy_" and isinstance(args[1], _There) != there) or _brings(name, there, target, args):
            self.copies.append(name)
        if name == "cuda":
            return _moved(first.clone(), True)
        result = func(*args, **kwargs)
        return result if target is None or name in _BETWEEN else _moved(result, target)

    def _check(self, name: str, args: tuple, kwargs: dict) -> None:
        """Raise where tensors of both devices meet, of which neither is a number. Backward's have lost their device."""
        if torch._C._current_graph_task_id() != -1 or name.startswith("__get__"):
            return
        tensors = list(_tensors((args, kwargs)))
        if not any(isinstance(t, _There) for t in tensors):
            return
        index = name in ("__getitem__", "__setitem__", "index")  # indices and masks may come from the CPU
        for t in tensors:
            if not isinstance(t, _There) and t.dim() and not index:
                raise RuntimeError(f"Expected all tensors to be on the same device ({name}: cuda:0 and cpu)")
        if index and not isinstance(tensors[0], _There):
            raise RuntimeError(f"indices should be either on cpu or on the same device as the indexed tensor ({name})")


def is_real(device: torch.device) -> bool:
    """Return whether a device is a CUDA device that is not simulated."""
    return device.type == "cuda" and not isinstance(torch.zeros((), device="cuda"), _There)


def _tensors(value) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _moved(value, target: bool):
    if isinstance(value, Tensor):
        with torch._C.DisableTorchFunction():
            return value if isinstance(value, _There) == target else value.as_subclass(_There if target else Tensor)
    if type(value) in (list, tuple):
        return type(value)(_moved(item, target) for item in value)
    return value


def _asks_for_a_shape(name: str, args: tuple, kwargs: dict) -> bool:
    """Return whether the result's shape, or how much is written, depends on values."""
    if name == "where":
        return len(args) + len(kwargs) == 1
    if name == "repeat_interleave":
        repeats = kwargs.get("repeats", args[1] if len(args) > 1 else args[0])
        return isinstance(repeats, Tensor) and kwargs.get("output_size") is None
    masked = name in ("__getitem__", "__setitem__") and any(t.dtype == torch.bool for t in _tensors(args[1]))
    # A number is written wherever the mask is set; of several, each has its place.
    return masked and (name == "__getitem__" or (isinstance(args[2], Tensor) and args[2].numel() > 1))


def _brings(name: str, there: bool, target: bool | None, args: tuple) -> bool:
    """Return whether numbers that are not on the device are made into a tensor there, index one there, or are set."""
    if name in _MAKE:
        data = args[1] if name == "new_tensor" else args[0]
        return bool(there if target is None else target) and not isinstance(data, Tensor)
    if not there or name not in ("__getitem__", "__setitem__"):
        return False
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    return any(isinstance(i, list | np.ndarray) or _is_elsewhere(i) for i in (*index, *args[2:]))


def _is_elsewhere(value: object) -> bool:
    """Return whether it is a tensor of the CPU that is more than a number."""
    return isinstance(value, Tensor) and not isinstance(value, _There) and value.dim() > 0


def _is_cuda(device) -> bool:
    return isinstance(device, int) or torch.device(device).type == "cuda"


def _on_cpu(device):
    return "cpu" if _is_cuda(device) else device


def _target(there: bool, args: tuple, kwargs: dict) -> tuple[bool, tuple, dict]:
    """Return where `Tensor.to` moves to, and its arguments for the CPU."""
    self, *others = args
    for number, other in enumerate(others[:1]):
        if isinstance(other, Tensor):
            there = isinstance(other, _There)
        elif isinstance(other, str | int | torch.device):
            there, others[number] = _is_cuda(other), _on_cpu(other)
    if kwargs.get("device") is not None:
        there, kwargs["device"] = _is_cuda(kwargs["device"]), _on_cpu(kwargs["device"])
    return there, (self, *others), kwargs


class _Autocast(torch.autocast):
    def __init__(self, device_type, *args, **kwargs):
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextmanager
def simulated_device() -> Iterator[SimulatedDevice]:
    """Make it the CUDA device for a while."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)  # Module.to changes a parameter's class, too
    try:
        cuda, autocast = mock.patch.multiple(torch.cuda, **_CUDA), mock.patch("torch.autocast", _Autocast)
        # A process that loads clips would look for the device by itself.
        no_workers = mock.patch("hypersound_lib.training.run.Run._count_workers", return_value=0)
        # Nothing is launched here that could be recorded.
        plain = mock.patch("hypersound_lib.training.run.GraphedGradients", lambda gradients, *_: gradients)
        with cuda, autocast, no_workers, plain, SimulatedDevice() as device:
            yield device
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)
