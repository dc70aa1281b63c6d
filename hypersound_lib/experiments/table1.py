"""Run the paper's Table 1: train what is missing, score it, and write one JSON per training and the table.

OUT/base.json, rave.json, …   how each was trained, and what it scored; written when both are done
    table1.md                 all rows that are there, the paper's numbers beside ours
OUT-runs/base/, …             checkpoints and logs, from which an interrupted run goes on
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import torch

from hypersound_lib.baselines.rave import RAVE, train_rave
from hypersound_lib.data import AudioStore
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import Evaluation, choose_excerpts, evaluate, model_system, reference_systems
from hypersound_lib.experiments.paper import ROWS
from hypersound_lib.experiments.render import YARDSTICKS, render
from hypersound_lib.experiments.scales import Scale, scale
from hypersound_lib.files import atomic_path
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.provenance import provenance, write_result
from hypersound_lib.training import TrainingResult, read_log, train, training_stores
from hypersound_lib.training.checkpoint import Checkpoints

_say = partial(print, flush=True)  # a log file has each line at once


def reproduce(
    scale_name: str,
    out: str | os.PathLike,
    *,
    only: Sequence[str] = (),
    command: str = "",
    root: str | os.PathLike | None = None,
    download: bool = False,
    processes: int = 1,
    progress: bool = True,
) -> bool:
    """Run what is missing of the table, one training after the other; return whether it is complete.

    Raises ConfigError where a name is unknown, `out` holds results of another scale, or no folder can be beside it.

    Args:
        scale_name: "smoke", "tutorial" or "paper".
        out: folder of the results; trainings go to a folder beside it, named `OUT-runs`.
        only: names of runs; none stands for all.
        command: what the user typed.
        root: where public corpora lie; `download` fetches the corpus if it is not there.
        processes: how many compute PESQ and STOI at once.
        progress: show a bar for each training.
    """
    chosen, out = scale(scale_name), Path(out)
    folders, runs, done = _runs_folder(out), _chosen_runs(chosen, only), read_results(out, chosen.name)
    data = cache(lambda rate: training_stores(chosen.data, rate, root=root, download=download))
    for run in [name for name in runs if name not in done]:
        _say(f"== {run}: training")
        origin, stores = provenance(command, seed=0), data(sample_rate(chosen, run))
        trained = train_run(chosen, run, stores, folders / run, progress)
        if trained.stop_reason == "interrupted":
            _say(f"{run}: interrupted after {trained.step} steps; the same command goes on")
            return False
        curve, scores = read_log(folders / run / "validation.csv"), _score(chosen, run, trained, root, processes)
        done[run] = _record(chosen, run, trained, curve, scores)
        write_result(out / f"{run}.json", done[run], origin)
    _write_table(out / "table1.md", done)
    return set(run_names(chosen)) <= set(done)


def _write_table(path: Path, done: dict[str, dict[str, Any]]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(render(done), encoding="utf-8")
    _say(f"wrote {path}")


def _runs_folder(out: Path) -> Path:
    """Return OUT-runs, beside the folder of results, whose own name `.` and `..` do not say."""
    out = Path(os.path.abspath(out))
    if not out.name:
        raise ConfigError(f"{out}: results need a folder that has a name, for trainings go to a folder beside it")
    return out.with_name(out.name + "-runs")


def _chosen_runs(chosen: Scale, only: Sequence[str]) -> list[str]:
    runs = run_names(chosen)
    if unknown := sorted(set(only) - set(runs)):
        raise ConfigError(f"{', '.join(unknown)}: no runs of scale {chosen.name}; there are {', '.join(runs)}")
    return [run for run in runs if not only or run in only]


def run_names(chosen: Scale) -> list[str]:
    """Return all trainings of a scale, in the order in which they run."""
    return list(dict.fromkeys(chosen.same.get(row.run, row.run) for row in ROWS))


def read_results(out: Path, scale_name: str | None = None) -> dict[str, dict[str, Any]]:
    """Return what is in a folder of results, by run.

    Raises:
        ConfigError: a file is damaged, or belongs to another scale than `scale_name`.
    """
    results = {}
    for path in sorted(out.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))["results"]
            of_scale, run = record["scale"], record["run"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path} is no result of this command ({error!r}); move it away") from error
        if scale_name not in (None, of_scale):
            raise ConfigError(f"{out} holds results of scale {of_scale!r}; give {scale_name!r} another --out")
        results[run] = record
    return results


def train_run(
    scale: Scale, run: str, stores: tuple[AudioStore, AudioStore], folder: Path, progress: bool = True
) -> TrainingResult:
    """Train one run, "rave" or a name in `scale.runs`, in a folder of its own, or go on with what is there.

    The stores, to train and to validate on, are at the model's rate.
    """
    resume = bool(Checkpoints(folder / "checkpoints", keep=1).saved())
    torch.manual_seed(0)
    if run == "rave":
        return train_rave(RAVE(scale.rave), *stores, scale.rave_training, folder, resume=resume, progress=progress)
    model = HyperSound(cast(HyperSoundConfig, scale.runs[run].model))
    return train(model, *stores, scale.runs[run].training, folder, resume=resume, progress=progress)


def sample_rate(scale: Scale, run: str) -> int:
    """Return the rate that a run is trained at, in Hz."""
    return scale.rave.sample_rate if run == "rave" else scale.runs[run].model.sample_rate


def _score(
    chosen: Scale, run: str, trained: TrainingResult, root: str | os.PathLike | None, processes: int
) -> Evaluation:
    """Score a model on the test voices; the base model at every rate of the table, with references."""
    _say(f"== {run}: {trained.step} steps in {trained.seconds:.0f} s; scoring")
    rate = sample_rate(chosen, run)
    system = model_system(trained.model, run)
    excerpts, _ = choose_excerpts(chosen.data, root=root, limit=chosen.limit, seconds=chosen.seconds)
    common: dict[str, Any] = {"references": False, "processes": processes, "progress": _say}
    if run != "base":
        return evaluate(system, excerpts, rates=[rate], **common)
    references = reference_systems([system])
    others = [row.sample_rate for row in ROWS if row.run == run and row.sample_rate not in (None, rate)]
    bars = [reference for reference in references if reference.name in (*YARDSTICKS, f"soxr {rate} Hz")]
    at_own_rate = evaluate([system, *references], excerpts, rates=[rate], **common)
    at_others = evaluate([system, *bars], excerpts, rates=others, **common)
    return replace(at_own_rate, rows=[*at_own_rate.rows, *at_others.rows])


def _record(
    chosen: Scale, run: str, trained: TrainingResult, curve: dict[str, list[float]], evaluation: Evaluation
) -> dict[str, Any]:
    configs = (chosen.rave, chosen.rave_training) if run == "rave" else vars(chosen.runs[run]).values()
    return {
        "scale": chosen.name,
        "run": run,
        "same": [name for name, other in chosen.same.items() if other == run],
        "data": chosen.data,
        "sample_rate": sample_rate(chosen, run),
        "steps": trained.step,
        "seconds": round(trained.seconds, 1),
        "configs": [config if isinstance(config, str) else asdict(config) for config in configs],
        "parameters": trained.model.num_parameters(),
        "validation": curve,
        "evaluation": evaluation.to_json(),
    }
