"""The device under test: CUDA; where there is none, the simulated one; or what `HYPERSOUND_TEST_DEVICE` names.

The simulated device is a CUDA device that is none, see `tests/simulated_device.py`: so the gate rehearses these tests.
"""

import os
from collections.abc import Iterator

import pytest
import torch

from hypersound_lib.devices import tf32
from tests.simulated_device import simulated_device


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
