"""Bootstrap intervals: those of scipy, and NaN does not take part."""

import math

import numpy as np
import pytest
import scipy.stats

from hypersound_lib.evaluation import Interval, bootstrap


def test_it_agrees_with_scipy():
    values = np.random.default_rng(1).normal(3, 2, size=30)
    ours = bootstrap(values, resamples=20000)
    theirs = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20000).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.05)
    assert ours.high == pytest.approx(theirs.high, abs=0.05)


def test_what_has_no_value_does_not_take_part():
    assert bootstrap([1.0, float("nan"), 3.0]).mean == 2
    assert bootstrap([1.0, float("nan"), 3.0]).count == 2
    nothing = bootstrap([float("nan")])
    assert nothing.count == 0
    assert math.isnan(nothing.mean)
    assert str(nothing) == "none"


def test_overlap():
    a, b, c = Interval(1, 0, 2, 5), Interval(2.5, 1.5, 3, 5), Interval(4, 3.5, 5, 5)
    assert a.overlaps(b)
    assert b.overlaps(a)
    assert not a.overlaps(c)
