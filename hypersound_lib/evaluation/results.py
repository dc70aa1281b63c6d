"""What an evaluation found: every recording's scores, their means with intervals (Efron's bootstrap), and tables."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from hypersound_lib.errors import ConfigError
from hypersound_lib.metrics import METRICS


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


@dataclass(frozen=True)
class ClipRow:
    """One recording through one system at one rate."""

    system: str
    sample_rate: int  # Hz
    clip: str
    speaker: str
    values: Mapping[str, float]  # by metric; NaN where there is none
    refusals: Mapping[str, str] = field(default_factory=dict)  # why there is none


class Size(NamedTuple):
    """What describes a second of sound on its way through a model, where it is known."""

    theta: float | None = None  # numbers
    narrowest: float | None = None  # numbers in the narrowest layer
    kbps: float | None = None  # kbit in a file, at most, header included

    def __str__(self):
        parts = [] if self.theta is None else [f"{self.theta:.0f} θ floats per second"]
        parts += [] if self.narrowest is None else [f"narrowest layer {self.narrowest:.0f} per second"]
        return ", ".join(parts + ([] if self.kbps is None else [f"files of at most {self.kbps:g} kbit/s"]))


@dataclass(frozen=True)
class Evaluation:
    """All rows of one run; see `hypersound_lib.evaluation.evaluate`."""

    rows: list[ClipRow]
    metrics: tuple[str, ...]
    sizes: Mapping[str, Size]  # of models
    clips: list[str]  # what was used
    skipped: Mapping[str, str]  # what was not, and why

    @property
    def systems(self) -> list[tuple[str, int]]:
        """Each system with each rate, in the order of evaluation."""
        return list(dict.fromkeys((row.system, row.sample_rate) for row in self.rows))

    def values(self, system: str, metric: str, sample_rate: int | None = None) -> list[float]:
        """Return a metric's values, one per recording, NaN where it has none.

        Raises:
            ConfigError: nothing like that was evaluated.
        """
        chosen = [
            row.values[metric]
            for row in self.rows
            if row.system == system and sample_rate in (None, row.sample_rate) and metric in row.values
        ]
        if not chosen:
            known = ", ".join(f"{name} at {rate} Hz" for name, rate in self.systems)
            raise ConfigError(f"no {metric} of {system!r} at {sample_rate} Hz: there are {known}, {self.metrics}")
        return chosen

    def interval(self, system: str, metric: str, sample_rate: int | None = None) -> Interval:
        """Return a metric's mean over recordings and its bootstrap 95 % interval."""
        return bootstrap(self.values(system, metric, sample_rate))

    def means(self, system: str, sample_rate: int | None = None) -> dict[str, float]:
        """Return the mean of each metric."""
        return {metric: self.interval(system, metric, sample_rate).mean for metric in self.metrics}

    def refusals(self) -> dict[str, int]:
        """Count what metrics refused, by `system at rate Hz, metric: reason`."""
        return Counter(
            f"{row.system} at {row.sample_rate} Hz, {metric}: {reason}"
            for row in self.rows
            for metric, reason in row.refusals.items()
        )

    def table(self) -> str:
        """Return a Markdown table: a row per system and rate, a column per metric with its direction."""
        heads = [f"{METRICS[m].label} {'↑' if METRICS[m].higher_is_better else '↓'}" for m in self.metrics]
        rows = [
            [system, f"{rate} Hz", *(self._cell(system, rate, metric) for metric in self.metrics)]
            for system, rate in self.systems
        ]
        return "\n".join(markdown_table(["system", "rate", *heads], rows))

    def _cell(self, system: str, rate: int, metric: str) -> str:
        interval, all_clips = self.interval(system, metric, rate), len(self.clips)
        return str(interval) if interval.count == all_clips else f"{interval} ({interval.count} of {all_clips})"

    def notes(self) -> list[str]:
        """Say in lines what was used, skipped and refused, and how large the models are."""
        lines = [f"{len(self.clips)} recordings, {len(self.skipped)} skipped"]
        lines += [f"skipped {name}: {reason}" for name, reason in self.skipped.items()]
        lines += [f"refused {count} times: {what}" for what, count in self.refusals().items()]
        return lines + [f"{name}: {size}" for name, size in self.sizes.items() if any(size)]

    def to_json(self) -> dict[str, Any]:
        """Return everything as what JSON can hold: summary first, then all rows; NaN becomes None."""
        summary = [
            {"system": system, "sample_rate": rate}
            | {metric: _plain(asdict(self.interval(system, metric, rate))) for metric in self.metrics}
            for system, rate in self.systems
        ]
        return {
            "recordings": self.clips,
            "skipped": dict(self.skipped),
            "refused": self.refusals(),
            "floats_per_second": {n: {"theta": s.theta, "narrowest": s.narrowest} for n, s in self.sizes.items()},
            "kbps": {name: size.kbps for name, size in self.sizes.items() if size.kbps is not None},
            "summary": summary,
            "rows": [_plain(asdict(row)) for row in self.rows],
        }


def evaluation_from_json(data: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation that `to_json` wrote; ConfigError where `data` is something else."""
    try:
        rows = [ClipRow(**row) for row in data["rows"]]
        rows = [replace(r, values={n: float("nan" if v is None else v) for n, v in r.values.items()}) for r in rows]
        kbps = data.get("kbps", {})
        sizes = {n: Size(**floats, kbps=kbps.get(n)) for n, floats in data["floats_per_second"].items()}
        return Evaluation(rows, tuple(rows[0].values), sizes, list(data["recordings"]), dict(data["skipped"]))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"this JSON holds no evaluation ({error!r}); `hypersound evaluate --json` writes one"
        ) from error


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, whose first column stands to the left."""
    first, *others = ("| " + " | ".join(cells) + " |" for cells in (head, *rows))
    return [first, "|---|" + "---:|" * (len(head) - 1), *others]


def _plain(value: Any) -> Any:
    """Replace NaN by None, which JSON knows, and round to what a metric can tell."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return None if value != value else float(f"{value:.6g}")
    return value
