"""The device under test: CUDA, or another that `HYPERSOUND_TEST_DEVICE` names, to rehearse these tests without one.

`HYPERSOUND_TEST_DEVICE=simulated` is a CUDA device that is none: see `tests/simulated_device.py`.
"""

import os
from collections.abc import Iterator

import pytest
import torch

from hypersound_lib.devices import tf32
from tests.simulated_device import simulated_device


@pytest.fixture(scope="session")
def device() -> Iterator[torch.device]:
    name = os.environ.get("HYPERSOUND_TEST_DEVICE")
    if name == "simulated":
        with simulated_device():
            yield torch.device("cuda", 0)
    elif name or torch.cuda.is_available():
        yield torch.device(name or "cuda")
    else:
        pytest.skip("there is no CUDA device here; `make gpu` on a machine that has one runs this")


@pytest.fixture(autouse=True)
def exact_products():
    """Compute in float32 what is declared float32: TF32's 10 bits are for trainings, not for comparisons."""
    with tf32(False):
        yield
