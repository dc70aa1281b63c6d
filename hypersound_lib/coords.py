"""The one time grid: at which instants an INR is asked for samples.

Sample i of N stands at the left edge of its cell, and the grid is half-open:

    t = 0      1/N     2/N            (N-1)/N    1
        |-------|-------|----- ... -----|--------)
      sample 0  1       2             N-1        the next clip's sample 0

The endpoint-inclusive grid i/(N-1) looks harmless, but it places sample i of a 44.1 kHz grid elsewhere than
sample i/2 of the 22.05 kHz grid, and the drift grows to half a sample by the clip's end. With i/N, every
instant that two rates share gets the same coordinate.
"""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError

# float32 is used as long as it moves no instant by more than this part of one sample.
_FLOAT32_TOLERANCE = 2.0**-10


def clip_duration(num_samples: int, sample_rate: int) -> Fraction:
    """Return a clip's duration in seconds as an exact ratio, so that no rate loses a sample to rounding.

    >>> clip_duration(32768, 22050)
    Fraction(16384, 11025)
    """
    if num_samples < 1 or sample_rate < 1:
        raise ConfigError(f"a clip needs samples and a rate, not {num_samples} samples at {sample_rate} Hz")
    return Fraction(num_samples, sample_rate)


def samples_in(duration: Fraction, sample_rate: int) -> int:
    """Count the instants i / sample_rate that lie in [0, duration): the clip's length at that rate.

    >>> samples_in(clip_duration(32768, 22050), 44100)  # not int(1.4861 * 44100) = 65537
    65536
    """
    return math.ceil(duration * sample_rate)


def time_coords(
    num_samples: int,
    *,
    sample_rate: int | None = None,
    duration: Fraction | None = None,
    start: int = 0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Return the instants of consecutive samples, `(T, 1)`, exact for hours. What one unit of t means follows:

    - nothing else: t = i / N on [0, 1), one unit is this very grid;
    - `sample_rate`: t = i / sample_rate, in seconds; and with
    - `duration`: t = i / (sample_rate * duration), in clips: an INR on [0, 1) at any rate.

    Args:
        num_samples: how many instants.
        sample_rate: in Hz.
        duration: of the clip that spans [0, 1), in seconds; see `clip_duration`.
        start: index of the first instant; needs `sample_rate`.
        dtype: by default float32 while it places every instant to a thousandth of a sample, else float64.
        device: where the result lives.

    Raises:
        ConfigError: there is no sample, or `start` or `duration` has no rate to count with.
    """
    if num_samples < 1:
        raise ConfigError(f"a time grid needs at least one sample, not {num_samples}")
    if sample_rate is None and (start != 0 or duration is not None):
        raise ConfigError("start and duration count samples at a rate: give sample_rate, too")
    points_per_unit = Fraction(num_samples if sample_rate is None else sample_rate)
    if duration is not None:
        points_per_unit *= duration
    if points_per_unit <= 0:
        raise ConfigError(f"sample_rate and duration must be positive, not {sample_rate} Hz, {duration} s")
    dtype = dtype or _enough(max(abs(start), abs(start + num_samples - 1)), points_per_unit)
    return instants(num_samples, points_per_unit.numerator, points_per_unit.denominator, start, dtype, device or "cpu")


def _enough(farthest: int, points_per_unit: Fraction) -> torch.dtype:
    """Return the smaller type that places an instant so far from 0 to a thousandth of a sample."""
    worst_shift = float(np.spacing(np.float32(float(farthest / points_per_unit)))) / 2 * float(points_per_unit)
    return torch.float32 if worst_shift <= _FLOAT32_TOLERANCE else torch.float64


def instants(
    count: int, points: int, units: int, start: int | Tensor, dtype: torch.dtype, device: torch.device | str
) -> Tensor:
    """Return what `time_coords` does, `points` to so many `units` of t: for code that is compiled, without fractions.

    `start` may be a tensor, so that graphs serve all starts.
    """
    # Products of integers below 2^53 are exact in float64, one division rounds once.
    index = torch.arange(count, dtype=torch.int64, device=device) + start
    return ((index * units).to(torch.float64) / points).to(dtype).unsqueeze(-1)
