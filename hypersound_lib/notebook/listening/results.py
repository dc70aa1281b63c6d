"""What the answers say: mean ratings with intervals, and whether a difference was heard at all."""

import math
import os
from dataclasses import dataclass

from scipy import stats

from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation.interval import bootstrap
from hypersound_lib.notebook.listening.answers import read_rows


@dataclass(frozen=True)
class Rank:
    """How a system was rated."""

    system: str
    mean: float  # 0 to 100
    low: float  # 95 % interval of the mean; NaN where there is a single rating
    high: float
    n: int  # ratings


@dataclass(frozen=True)
class ABXResult:
    """Whether a system could be told from the reference."""

    system: str
    correct: int  # of n answers
    n: int
    p_value: float  # the probability to be right as often or more often by chance


def ranking(*paths: str | os.PathLike, seed: int = 0, resamples: int = 2000) -> list[Rank]:
    """Rank systems by their mean rating, best first.

    The interval is a percentile bootstrap over ratings, of all recordings and listeners alike.

    Args:
        paths: files of answers, one per listener.
        seed: of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        ConfigError: there is no rating in them, or one of them is not a file of answers.
    """
    ratings: dict[str, list[float]] = {}
    for row in _rows("rating", paths):
        ratings.setdefault(row["system"], []).append(float(row["rating"]))
    ranks = []
    for system in sorted(ratings):
        found = bootstrap(ratings[system], resamples=resamples, seed=seed)
        low, high = (found.low, found.high) if found.count > 1 else (math.nan, math.nan)
        ranks.append(Rank(system, found.mean, low, high, found.count))
    return sorted(ranks, key=lambda rank: -rank.mean)


def abx_results(*paths: str | os.PathLike) -> list[ABXResult]:
    """Count right ABX answers per system, and test them against chance; the most audible first.

    The p-value is that of the exact one-sided binomial test with probability ½.

    Args:
        paths: files of answers, one per listener.

    Raises:
        ConfigError: there is no ABX answer in them, or one of them is not a file of answers.
    """
    answers: dict[str, list[int]] = {}
    for row in _rows("abx", paths):
        answers.setdefault(row["system"], []).append(int(row["correct"]))
    results = [
        ABXResult(system, sum(given), len(given), chance_of(sum(given), len(given)))
        for system, given in answers.items()
    ]
    return sorted(results, key=lambda result: (result.p_value, result.system))


def chance_of(correct: int, n: int) -> float:
    """Return the probability of `correct` or more right answers of `n` by tossing a coin.

    >>> chance_of(5, 5)
    0.03125

    Raises:
        ConfigError: not 0 ≤ correct ≤ n, or n is 0.
    """
    if not 0 <= correct <= n or n == 0:
        raise ConfigError(f"{correct} right answers of {n} are impossible")
    return float(stats.binomtest(correct, n, 0.5, alternative="greater").pvalue)


def _rows(mode: str, paths: tuple[str | os.PathLike, ...]) -> list[dict[str, str]]:
    rows = [row for path in paths for row in read_rows(path) if row["mode"] == mode]
    if not rows:
        raise ConfigError(f"no answers to a test of kind {mode!r} in {', '.join(map(str, paths)) or 'no file'}")
    return rows
