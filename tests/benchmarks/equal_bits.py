"""Scores at a rate that was not measured: on the line between those of neighbouring rates."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise


def scores_at(kbps: float, curve: Sequence[Mapping], metrics: Iterable[str]) -> dict[str, float]:
    """Return scores at a rate, from rows of rising `kbps`, over its logarithm.

    A metric that a neighbouring row lacks is left out, and all are where no rows lie on both sides.
    """
    for low, high in pairwise(curve):
        if low["kbps"] <= kbps <= high["kbps"]:
            part = math.log(kbps / low["kbps"]) / max(1e-9, math.log(high["kbps"] / low["kbps"]))
            known = [metric for metric in metrics if None not in (low.get(metric), high.get(metric))]
            return {metric: low[metric] + part * (high[metric] - low[metric]) for metric in known}
    return {}
