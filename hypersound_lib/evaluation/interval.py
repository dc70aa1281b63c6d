"""How sure a mean is: the bootstrap (Efron 1979)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean and where it would probably lie for other recordings of the same kind."""

    mean: float
    low: float
    high: float
    count: int  # values that took part

    def __str__(self) -> str:
        """Write as `mean [low, high]`, or `none` where no value took part.

        >>> str(Interval(0.87, 0.8512, 0.8834, 24))
        '0.870 [0.851, 0.883]'
        """
        if not self.count:
            return "none"
        return f"{short(self.mean)} [{short(self.low)}, {short(self.high)}]"

    def overlaps(self, other: "Interval") -> bool:
        """Tell whether two intervals share a point; if so, their means' difference says nothing."""
        return self.low <= other.high and other.low <= self.high


def bootstrap(values: Sequence[float], confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Return the mean with its percentile interval: draw as many values as there are, with replacement, many times.

    NaN stands for "no value" and does not take part; without any value, everything is NaN. One value has an interval
    of no width, which says nothing.

    >>> bootstrap([1.0, 1.0, float("nan")])
    Interval(mean=1.0, low=1.0, high=1.0, count=2)
    """
    kept = np.asarray([value for value in values if not math.isnan(value)], dtype=np.float64)
    if not len(kept):
        return Interval(math.nan, math.nan, math.nan, 0)
    drawn = np.random.default_rng(seed).integers(len(kept), size=(resamples, len(kept)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(kept[drawn].mean(axis=1), [tail, 1 - tail])
    return Interval(float(kept.mean()), float(low), float(high), len(kept))


def short(value: float) -> str:
    """Return three digits that matter.

    >>> short(0.000278), short(-100.0), short(4.6439), short(-0.0), short(12345.6)
    ('0.000278', '-100', '4.64', '0.00', '12346')
    """
    return f"{value:z#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:.0f}"
