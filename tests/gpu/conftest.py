"""The device under test: CUDA; where there is none, the simulated one; or what `HYPERSOUND_TEST_DEVICE` names.

The simulated device is a CUDA device that is none, see `tests/simulated_device.py`: so the gate rehearses these tests.
"""

import os
from collections.abc import Callable, Iterator

import pytest
import torch

from hypersound_lib.devices import tf32
from tests.simulated_device import is_real, simulated_device


@pytest.fixture(scope="module")  # it changes torch, which tests of other modules in this process use
def device() -> Iterator[torch.device]:
    name = os.environ.get("HYPERSOUND_TEST_DEVICE") or ("cuda" if torch.cuda.is_available() else "simulated")
    if name != "simulated":
        yield torch.device(name)
    else:
        with simulated_device():
            yield torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def exact_products():
    """Compute in float32 what is declared float32: TF32's 10 bits are for trainings, not for comparisons."""
    with tf32(False):
        yield


@pytest.fixture(scope="module")
def skip_unless(device) -> Callable[..., None]:
    """Skips a test where the card, such as a T4, refuses a precision, or has no kernels for a fused target network."""

    def skip(precision: str = "float32", fused: bool = False) -> None:
        if fused and not is_real(device):
            pytest.skip("the kernels want a real GPU; tests/inr/test_fused.py interprets and compiles them without one")
        capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else (9, 0)
        if (precision == "bfloat16" and capability < (8, 0)) or (fused and capability[0] not in (8, 9, 12)):
            pytest.skip(f"{precision}{', fused,' * fused} is refused on compute capability {capability}")

    return skip
