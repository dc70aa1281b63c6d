"""The paper's experiment: models and references on the same recordings, at several rates, by the same metrics."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
    models: object,
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
    """Send recordings through models and score what comes back (paper, Table 1).

    Every recording is scaled so that its excerpt peaks at 1; the copy is left at the level that the model gives it,
    so that a wrong level counts as an error wherever a metric hears levels.

    Args:
        models: a model, a `System`, a list of them, or `{name: model}`.
        data: a corpus by name, a folder of audio, a dataset, or excerpts that were chosen before.
        rates: in Hz, at which to play and compare; none stands for the highest of the models' own.
        metrics: names in `hypersound_lib.metrics.METRICS`.
        references: evaluate reference rows beside the models; see `reference_systems`.
        split: of a corpus; None takes "test" of a corpus by name, and all of a folder.
        root: where public corpora lie.
        limit: at most so many recordings, spread evenly.
        seconds: the loudest so much of each; the paper's clips last 1.4861 s.
        processes: how many compute PESQ and STOI at once; the result is the same.
        progress: called with a line before each system at each rate.

    Raises:
        ConfigError: a rate or a metric is impossible, two models have one name, or no recording can be used.
        DatasetError: there is no such dataset.
    """
    systems = _systems(models)
    if unknown := [name for name in metrics if name not in METRICS]:
        raise ConfigError(f"unknown metrics {', '.join(unknown)}; there are {', '.join(METRICS)}")
    chosen_rates = list(rates) or [max((s.sample_rate for s in systems if s.sample_rate), default=16000)]
    check_sample_rate(*chosen_rates)
    if min(chosen_rates) < 1000:
        raise ConfigError(f"rates are in Hz and at least 1000, not {min(chosen_rates)}")
    if isinstance(data, str | os.PathLike | AudioDataset):
        excerpts, skipped = choose_excerpts(data, split=split, root=root, limit=limit, seconds=seconds)
    else:
        excerpts, skipped = list(data), {}
    rows = []
    for system in [*systems, *(reference_systems(systems) if references else [])]:
        for rate in chosen_rates:
            if progress is not None:
                progress(f"{system.name} at {rate} Hz")
            pairs = [_pair(system, excerpt, rate) for excerpt in excerpts]
            scores = score(pairs, rate, metrics, processes)
            rows += [
                ClipRow(system.name, rate, excerpt.name, excerpt.speaker, s.values, s.refusals)
                for excerpt, s in zip(excerpts, scores, strict=True)
            ]
    sizes = {s.name: Size(s.theta_per_second, s.narrowest_per_second, s.kbps) for s in systems}
    return Evaluation(rows, tuple(metrics), sizes, [e.name for e in excerpts], skipped)


def _pair(system: System, excerpt: Excerpt, rate: int) -> tuple[Tensor, Tensor]:
    """Return the reference at `rate` and the system's copy, equally long."""
    reference = excerpt.at(rate)
    own_rate = rate if system.sample_rate is None else system.sample_rate
    copy = system.reconstruct(excerpt.at(own_rate), own_rate, rate)[: len(reference)]
    return reference, functional.pad(copy, (0, len(reference) - len(copy)))  # roundings may differ by a sample


def _systems(models: object) -> list[System]:
    """Return systems with names that differ."""
    if isinstance(models, Mapping):
        systems = [_system(model, name) for name, model in models.items()]
    elif isinstance(models, list | tuple):
        systems = [_system(model, getattr(model, "name", f"model {i}")) for i, model in enumerate(models, 1)]
    else:
        systems = [_system(models, getattr(models, "name", "model"))]
    names = [system.name for system in systems]
    if not systems or len(set(names)) < len(names):
        raise ConfigError(f"evaluate at least one model, each with a name of its own, not {names}")
    return systems


def _system(model: Any, name: str) -> System:
    return replace(model, name=name) if isinstance(model, System) else model_system(model, name)
