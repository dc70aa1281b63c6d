"""Where to compute, by one rule: on a CUDA device where there is one, else on the CPU; and what is kept there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch

from hypersound_lib.errors import ConfigError

_Made = TypeVar("_Made")
_KEPT = 64  # constants of each kind


def kept(make: Callable[..., _Made]) -> Callable[..., _Made]:
    """Make constants once for the same arguments, which may name a device: a step would wait for a copy to a GPU.

    A decorator of functions that take plain numbers, types and devices; of each the last 64 constants are kept.
    `torch.compile` does not look into how they are made: let a model that has several run once before it is compiled.
    """
    made: dict[tuple, _Made] = {}

    def build(*args: object) -> _Made:
        with torch.inference_mode(False):  # a training may need later what was made now
            return make(*args)

    assumed = torch.compiler.assume_constant_result(build)

    @wraps(make)
    def constant(*args: object) -> _Made:
        # A compiler reads what is there already as an input. What is not there it must assume, and Inductor fails where
        # a model has several such tensors.
        if args not in made:
            if torch.compiler.is_compiling():
                return assumed(*args)
            if len(made) >= _KEPT:
                made.pop(next(iter(made)))
            made[args] = build(*args)
        return made[args]

    return constant


def choose_device(name: str = "auto") -> torch.device:
    """Return a device by name; `auto` is CUDA, else the CPU.

    Raises:
        ConfigError: there is no such device here, or it is MPS, which lacks the float64 that models compute times in.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type == "mps":
            raise ConfigError(
                f"device {name!r}, an Apple GPU, has no float64, in which models compute times; use 'auto' or 'cpu'"
            )
        torch.zeros(1, device=device).item()  # some, such as meta, make tensors that hold nothing
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ConfigError(f"device {name!r} is not available here ({error}); use 'auto' or 'cpu'") from error
    return device


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse bfloat16 on a GPU that only emulates it, such as a T4.

    Raises:
        ConfigError: its compute capability is below 8.0.
    """
    if precision == "bfloat16" and device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        major, minor = torch.cuda.get_device_capability(device)
        raise ConfigError(
            f"{torch.cuda.get_device_name(device)} (compute capability {major}.{minor}, below 8.0) emulates bfloat16, "
            "slowly: choose --precision float16 for a training, or float32"
        )


@contextmanager
def temporarily(owner: Any, **values: Any) -> Iterator[None]:
    """Give attributes of an object other values, for a while."""
    before = {name: getattr(owner, name) for name in values}
    try:
        for name, value in values.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Multiply float32 matrices on a GPU with 10 bits of mantissa (TF32), or exactly, for a while."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    with temporarily(matmul, allow_tf32=allowed), temporarily(cudnn, allow_tf32=allowed):
        yield
