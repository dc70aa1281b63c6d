"""How large a file may be, and how loud its sound is: what is settled before the first packet.

The rate knob is one number that all networks of the local model take as input, from fine steps to coarse ones.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError

KNOBS = 256  # positions of the rate knob
_FINEST, _KNOB_STEP = -0.375, 15 / 1024  # r = -0.375 … 3.36, on the exact grid: the logarithm of a common step size
DEFAULT_KBPS = 6.0
_LEVEL = 0.15  # RMS of a sound's loud frames, as the model takes it as input
_HIGHEST = 255  # level: it has a byte


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


class Survey(NamedTuple):
    """What must be known of a sound before its first packet is written."""

    num_samples: int  # at the model's rate
    level: int  # 0 to 255; see `level_gain`


def survey(blocks: Iterable[Tensor], hop: int) -> Survey:
    """Measure a sound: `(T_i,)` at the model's rate.

    The level is that of the loud frames, not the peak: one click does not make all else quiet.

    Raises:
        ConfigError: it is louder than a file can say, or holds NaN or Inf.
    """
    total, powers, rest = 0, [torch.zeros(0)], torch.zeros(0)
    for block in blocks:
        total += len(block)
        rest = torch.cat([rest, block])
        whole = len(rest) // hop * hop
        powers.append(rest[:whole].reshape(-1, hop).square().mean(dim=-1))
        rest = rest[whole:]
    if len(rest):
        powers.append(rest.square().mean().unsqueeze(0))
    frames = torch.cat(powers).sqrt().numpy()
    loud = float(frames.sum())  # of none 0, and not finite if one is not
    if 0 < loud < math.inf:
        loud = float(np.quantile(frames, 0.95)) or float(frames.max())
    return Survey(total, _level(loud))


def _level(loud: float) -> int:
    """Return the level of a sound whose loud frames have this RMS; what is quieter than any level counts as that."""
    if loud == 0:
        return 0
    level = round(8 * (24 + math.log2(loud / _LEVEL))) if math.isfinite(loud) else _HIGHEST + 1
    if level > _HIGHEST:
        most = _LEVEL * level_gain(_HIGHEST)
        raise ConfigError(
            f"the loud parts of the sound have an RMS of {loud:.4g}, and {most:.3g} is the most that a file can say: "
            "full scale is ±1; divide 16-bit samples by 32768"
        )
    return max(0, level)


def level_gain(level: int) -> float:
    """Return what the model's sound is multiplied by: eighths of an octave from 2⁻²⁴ on.

    >>> level_gain(192)
    1.0
    """
    return 2.0 ** (level / 8 - 24)


class Rate(NamedTuple):
    """How large a file may be: at most `kbps`, or with the knob at a position."""

    kbps: float | None = None
    knob: int | None = None  # 0, the finest, to 255

    @classmethod
    def of(cls, kbps: float | None, quality: float | None) -> "Rate":
        """Return the rate of so many kbit/s, or of a quality from 0 (small files) to 10 (fine steps); else 6 kbit/s.

        Raises:
            ConfigError: both are given, or one is impossible.
        """
        if quality is None:
            kbps = DEFAULT_KBPS if kbps is None else kbps
            if not 0 < kbps < math.inf:
                raise ConfigError(f"a rate is a positive number of kbit/s, not {kbps}")
            return cls(kbps=kbps)
        if kbps is not None:
            raise ConfigError(f"give a rate in kbit/s or a quality, not both: {kbps} and {quality}")
        if not 0 <= quality <= 10:
            raise ConfigError(f"quality lies between 0 and 10, not {quality}")
        return cls(knob=round((KNOBS - 1) * (1 - quality / 10)))


def quality_of(knob: int) -> float:
    """Return the quality, 10 to 0, of a position of the rate knob.

    >>> quality_of(Rate.of(None, 10).knob), quality_of(Rate.of(None, 0).knob)
    (10.0, 0.0)
    """
    return 10 * (1 - knob / (KNOBS - 1))
