"""Many clips through many metrics: a value for each, or the reason why there is none."""

import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypersound_lib.data import as_real
from hypersound_lib.errors import ConfigError, MetricRefused, check_sample_rate
from hypersound_lib.metrics.catalogue import METRICS, TABLE_1

# Slow, and bound to one core each; torch spreads the others by itself.
IN_PROCESSES = ("pesq", "stoi", "estoi", "visqol", "dnsmos")

Outcome = float | str  # a value, or why there is none


@dataclass(frozen=True)
class Scores:
    """What the metrics say of one clip."""

    values: dict[str, float]  # name -> value: finite, or NaN where the metric was refused
    refusals: dict[str, str]  # name -> why there is no value; empty if there are all


def score(
    pairs: Sequence[tuple[Tensor, Tensor]], sample_rate: int, names: Sequence[str] = TABLE_1, processes: int = 1
) -> list[Scores]:
    """Score each pair of a reference and an estimate by each metric.

    Silence, clips of one sample and perfect copies all give finite values or refusals with a reason. The number of
    processes changes the time, and no digit of the result. Processes start with an import of the library, some
    seconds, and need what every program with processes needs: its script keeps its work under
    ``if __name__ == "__main__":``.

    Args:
        pairs: `(reference (T,), estimate (T,))`, where T may differ from pair to pair. They are scored as they come:
            normalise their peaks first to compare with the paper.
        sample_rate: of all of them, in Hz.
        names: keys of `METRICS`.
        processes: how many compute PESQ, STOI, ESTOI, ViSQOL and DNSMOS at a time; 1 computes them here.

    Returns:
        One `Scores` per pair, in the order of the pairs.

    Raises:
        ConfigError: a name is unknown, `processes` or `sample_rate` is not positive, the signals of a pair are not
            waveforms of one length, or a package that a metric needs is not installed.

    >>> x = torch.sin(torch.arange(4000.0))
    >>> score([(x, 0.5 * x)], 16000, ["nmse", "stoi"])
    [Scores(values={'nmse': 0.25..., 'stoi': nan}, refusals={'stoi': 'STOI needs half a second of speech; 0.25 s ...'})]
    """
    _check(names, sample_rate, processes)
    clips = [(as_real(reference).detach(), as_real(estimate).detach()) for reference, estimate in pairs]
    tasks = [(name, i) for name in names for i in range(len(clips))]
    pooled = [task for task in tasks if task[0] in IN_PROCESSES] if processes > 1 else []
    with ExitStack() as stack:
        waited = _start(pooled, clips, sample_rate, processes, stack) if pooled else {}
        here = {(name, i): _outcome(name, *clips[i], sample_rate) for name, i in tasks if (name, i) not in waited}
        outcomes = here | {task: future.result() for task, future in waited.items()}
    return [_gather({name: outcomes[name, i] for name in names}) for i in range(len(clips))]


def _check(names: Sequence[str], sample_rate: int, processes: int) -> None:
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ConfigError(f"no metric is called {', '.join(map(repr, unknown))}; there are {', '.join(METRICS)}")
    check_sample_rate(sample_rate)
    if processes < 1:
        raise ConfigError(f"the number of processes must be positive, not {processes}")


def _outcome(name: str, reference: Tensor | np.ndarray, estimate: Tensor | np.ndarray, sample_rate: int) -> Outcome:
    try:
        return METRICS[name].function(torch.as_tensor(reference), torch.as_tensor(estimate), sample_rate)
    except MetricRefused as refusal:
        return str(refusal)


def _gather(outcomes: dict[str, Outcome]) -> Scores:
    refusals = {name: reason for name, reason in outcomes.items() if isinstance(reason, str)}
    return Scores({name: math.nan if isinstance(x, str) else x for name, x in outcomes.items()}, refusals)


def _start(
    tasks: list[tuple[str, int]], clips: list[tuple[Tensor, Tensor]], sample_rate: int, processes: int, stack: ExitStack
) -> dict[tuple[str, int], Future[Outcome]]:
    """Start tasks in other processes, on one thread each; they end with `stack`."""
    # Spawned, not forked: a copy of a process in which torch has threads can hang.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,))
    stack.callback(pool.shutdown, cancel_futures=True)
    # As arrays: tensors would travel through shared memory, of which containers have little.
    arrays = [(reference.cpu().numpy(), estimate.cpu().numpy()) for reference, estimate in clips]
    return {(name, i): pool.submit(_outcome, name, *arrays[i], sample_rate) for name, i in tasks}
