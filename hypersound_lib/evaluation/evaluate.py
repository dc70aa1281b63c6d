"""The paper's experiment: models and references on the same recordings, at several rates, by the same metrics."""

import operator
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from hypersound_lib.data import AudioDataset
from hypersound_lib.errors import ConfigError, check_sample_rate
from hypersound_lib.evaluation.excerpts import Excerpt, choose_excerpts
from hypersound_lib.evaluation.results import ClipRow, Evaluation, Size
from hypersound_lib.evaluation.systems import System, model_system, reference_systems
from hypersound_lib.metrics import METRICS, TABLE_1, score

# Beyond the paper's six: how loud the error is beside the sound. NMSE above 1 is worse than silence.
DEFAULT_METRICS = (*TABLE_1, "nmse", "snr")


def evaluate(
    models: Any,
    data: str | os.PathLike | AudioDataset | Sequence[Excerpt],
    *,
    rates: Sequence[int] = (),
    metrics: Sequence[str] = DEFAULT_METRICS,
    references: bool = True,
    split: str | None = None,
    root: str | os.PathLike | None = None,
    limit: int | None = None,
    seconds: float = 1.5,
    processes: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Send recordings, each scaled to a peak of 1, through models and score what comes back (paper, Table 1).

    Args:
        models: a model, a `System`, or a list of them; `model_system` gives a model a name.
        data: as of `choose_excerpts`, whose `split`, `root`, `limit` and `seconds` these are; or its excerpts.
        rates: in Hz, at which to play and compare; none stands for the highest of the models' own.
        metrics: names in `hypersound_lib.metrics.METRICS`.
        references: evaluate `reference_systems` beside the models.
        processes: how many compute PESQ and STOI at once; the result is the same.
        progress: called with a line before each system at each rate.

    Raises:
        ConfigError: a rate or a metric is impossible, two systems have one name, or no recording can be used.
    """
    own = _systems(models)
    systems = _named_apart([*own, *(reference_systems(own) if references else [])])
    if unknown := [name for name in metrics if name not in METRICS]:
        raise ConfigError(f"unknown metrics {', '.join(unknown)}; there are {', '.join(METRICS)}")
    if isinstance(data, str | os.PathLike | AudioDataset):
        excerpts, skipped = choose_excerpts(data, split=split, root=root, limit=limit, seconds=seconds)
    else:
        excerpts, skipped = list(data), {}
    rates, settings = _rates(rates, own), (metrics, processes, progress)
    rows = [row for system in systems for rate in rates for row in _rows(system, excerpts, rate, *settings)]
    sizes = {s.name: Size(s.theta_per_second, s.narrowest_per_second, s.kbps) for s in own}
    return Evaluation(rows, tuple(metrics), sizes, [e.name for e in excerpts], skipped)


def _rows(
    system: System,
    excerpts: Sequence[Excerpt],
    rate: int,
    metrics: Sequence[str],
    processes: int,
    progress: Callable[[str], None] | None,
) -> list[ClipRow]:
    if progress is not None:
        progress(f"{system.name} at {rate} Hz")
    scores = score([_pair(system, excerpt, rate) for excerpt in excerpts], rate, metrics, processes)
    pairs = zip(excerpts, scores, strict=True)
    return [ClipRow(system.name, rate, e.name, e.speaker, s.values, s.refusals) for e, s in pairs]


def _rates(rates: Sequence[int], systems: Sequence[System]) -> list[int]:
    chosen = list(rates) or [max((s.sample_rate for s in systems if s.sample_rate), default=16000)]
    check_sample_rate(*chosen)
    if min(chosen) < 1000:
        raise ConfigError(f"rates are in Hz and at least 1000, not {min(chosen)}")
    return list(dict.fromkeys(map(operator.index, chosen)))  # a rate given twice would count recordings twice


def _pair(system: System, excerpt: Excerpt, rate: int) -> tuple[Tensor, Tensor]:
    """Return the reference at `rate` and the system's copy, equally long."""
    reference = excerpt.at(rate)
    own_rate = rate if system.sample_rate is None else system.sample_rate
    copy = system.reconstruct(excerpt.at(own_rate), own_rate, rate)[: len(reference)]
    return reference, functional.pad(copy, (0, len(reference) - len(copy)))  # roundings may differ by a sample


def _systems(models: Any) -> list[System]:
    """Return one model, or several, each as a system."""
    named = (
        [(f"model {i}", m) for i, m in enumerate(models, 1)]
        if isinstance(models, list | tuple)
        else [("model", models)]
    )
    if not named:
        raise ConfigError("evaluate at least one model; none was given")
    return [model if isinstance(model, System) else model_system(model, name) for name, model in named]


def _named_apart(systems: list[System]) -> list[System]:
    """Return the systems, unless two have one name, references among them: they would be taken for one."""
    counts = Counter(system.name for system in systems)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(
            f"two systems, references among them, are called {', '.join(map(repr, repeated))}: give each a name of its "
            "own, by model_system(model, name), or its folder one, or leave references out"
        )
    return systems
