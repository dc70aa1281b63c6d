"""The device under test: CUDA, or another that `HYPERSOUND_TEST_DEVICE` names, to rehearse these tests without one."""

import os

import pytest
import torch

from hypersound_lib.devices import tf32


@pytest.fixture(scope="session")
def device() -> torch.device:
    if name := os.environ.get("HYPERSOUND_TEST_DEVICE"):
        return torch.device(name)
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here; `make gpu` on a machine that has one runs this")
    return torch.device("cuda")


@pytest.fixture(autouse=True)
def exact_products():
    """Compute in float32 what is declared float32: TF32's 10 bits are for trainings, not for comparisons."""
    with tf32(False):
        yield
