"""The rate knob: one number that all networks of the local model take as input, from fine steps to coarse ones."""

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError

KNOBS = 256  # positions of the rate knob
_FINEST, _KNOB_STEP = -0.25, 7 / 512  # r = -0.25 … 3.24, on the exact grid: the logarithm of a common step size


def knob_value(knob: int | Tensor) -> Tensor:
    """Return r of a position of the rate knob, 0 … 255: the logarithm of a common step size.

    Raises:
        ConfigError: there is no such position.

    >>> knob_value(128)
    tensor(1.5000)
    """
    knob = torch.as_tensor(knob)
    if bool((knob < 0).any()) or bool((knob >= KNOBS).any()):
        raise ConfigError(f"the rate knob has positions 0 to {KNOBS - 1}, not {knob.tolist()}")
    return _FINEST + knob * _KNOB_STEP


def random_knob_values(count: int, device: torch.device) -> Tensor:
    """Return r of positions drawn at random: `(count,)`, by the device's own generator, so that nothing is copied."""
    return _FINEST + torch.randint(KNOBS, (count,), device=device) * _KNOB_STEP
