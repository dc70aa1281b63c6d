"""What several benchmarks do: train for a while, time, score, run a process of its own, and show rows."""

import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hypersound_lib.evaluation import Excerpt, choose_excerpts, evaluate
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.metrics import score
from hypersound_lib.training import TrainingConfig, TrainingResult, read_log, train

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "data" / "results"
CORPORA = ("libri16", "speech22", "speech48", "vctk16")  # folders of real speech whose last speakers are held out
SCORED = ("vctk16", "speech22", "libri16")
METRICS = ("si_snr", "stoi", "nmse", "lsd")


class Rows:
    """Measures one row of a record after another; what would begin after `time_limit` seconds is left out."""

    def __init__(self, time_limit: float):
        self.left_out: list[str] = []
        self._end = time.monotonic() + time_limit

    def measure(self, name: str, action: Callable[[], dict]) -> dict | None:
        """Return what `action` does; where it fails, the error, for that is a result, too; None where it is late."""
        if time.monotonic() >= self._end:
            self.left_out.append(name)
            return None
        try:
            row = action()
        except Exception as error:
            row = {"error": f"{type(error).__name__}: {error}"[:300]}
        return told(row, name)


def told(row: Any, name: str = "") -> Any:
    """Print a row, or anything else that is measured, numbers to three digits and without long lists; return it."""
    print(f"{name}{': ' * bool(name)}{_shown(row)}", flush=True)
    return row


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(v)}" for key, v in value.items() if not isinstance(v, list) or len(v) < 5)
    if isinstance(value, list | tuple):
        return f"[{'; '.join(map(_shown, value))}]"
    return f"{value:.3g}" if isinstance(value, float) else f"{value}"


def corpora(speech: Path | None) -> list[str]:
    """Return what to train on: the embedded corpus, and the folders in `speech` where it is given."""
    return ["mini", *(str(speech / name) for name in CORPORA if speech)]


def excerpts(speech: Path | None, limit: int, seconds: float) -> list[Excerpt]:
    """Return recordings of held-out speakers, as many of each corpus."""
    folders = [speech / name for name in SCORED] if speech else ["mini"]
    each = math.ceil(limit / len(folders))
    return [e for f in folders for e in choose_excerpts(f, split="test", limit=each, seconds=seconds)[0]]


def endless(config: TrainingConfig, **changes: Any) -> TrainingConfig:
    """Return a training that its time ends, or the steps in `changes`, without a schedule or checkpoints on the way."""
    far: dict[str, Any] = dict.fromkeys(("steps", "validate_every", "checkpoint_every"), 10**6)
    return dataclasses.replace(config, schedule="constant", **(far | changes))


def trained(
    model: PretrainedModel,
    stores: tuple,
    config: TrainingConfig,
    limit: float | None = None,
    cpu: bool = True,
    folder: str | Path | None = None,
) -> tuple[TrainingResult, dict[str, dict]]:
    """Train a model in place, for `limit` seconds or all steps; in a folder that holds a run, go on with it.

    Return how it ended, and its logs by name.

    Raises:
        KeyboardInterrupt: somebody has stopped it: a part would be recorded as the whole.
    """
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(folder or temporary) / "run"
        resume = (out / "checkpoints").is_dir()
        result = train(model.train(), *stores, config, out, resume=resume, max_seconds=limit, cpu=cpu, progress=False)
        if result.stop_reason == "interrupted":
            raise KeyboardInterrupt(f"stopped after {result.step} of {config.steps} steps: nothing is recorded")
        return result, {path.stem: read_log(path) for path in out.glob("*.csv")}


def scores_of(model: PretrainedModel, tested: str | list[Excerpt] = "mini", metrics=METRICS, **chosen: Any) -> dict:
    """Return a model's mean scores, and of how many recordings; of the embedded ones 5 s each at most."""
    chosen |= {"seconds": 5.0} if tested == "mini" else {}
    found = evaluate(model, tested, metrics=metrics, references=False, **chosen)
    return found.means("model") | {"recordings": len(found.clips)}


def mean_scores(
    pairs: Sequence[tuple[Tensor, Tensor]], sample_rate: int, metrics: Sequence[str]
) -> dict[str, float | None]:
    """Return each metric's mean over the pairs of original and copy that it takes; None where it takes none."""
    scored = [found.values for found in score(pairs, sample_rate, metrics)]
    known = {metric: [v[metric] for v in scored if not math.isnan(v[metric])] for metric in metrics}
    return {metric: sum(values) / len(values) if values else None for metric, values in known.items()}


def timed(action: Callable[[], Any], device: str = "cpu") -> tuple[Any, float]:
    """Return what one call returns, and its seconds, to its end on the device."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    result = action()
    wait()
    return result, time.perf_counter() - started


def seconds(action: Callable[[], object], device: str = "cpu") -> float:
    """Return the seconds of one call, as `timed` does."""
    return timed(action, device)[1]


def median_seconds(action: Callable[[], object], repeats: int, device: str = "cpu") -> float:
    """Time some calls, after one that is not counted."""
    return statistics.median([seconds(action, device) for _ in range(repeats + 1)][1:])


def matrix_product_rate(dtype: torch.dtype, size: int = 4096, device: str = "cpu") -> float:
    """Return the floating-point operations per second of one large matrix product, the best of six."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / min(seconds(lambda: a @ b, device) for _ in range(6))


class Laps:
    """Times the parts of a step, round after round."""

    def __init__(self, device: str = "cpu"):
        self.device = device
        self.rounds: dict[str, list[float]] = {}

    def __call__(self, name: str, action: Callable[[], Any]) -> Any:
        """Do a part; return its result."""
        result, duration = timed(action, self.device)
        self.rounds.setdefault(name, []).append(duration)
        return result

    def medians(self, skip: int) -> dict[str, float]:
        """Return the median seconds of each part, without the first rounds, which warm caches up."""
        return {name: statistics.median(values[skip:]) for name, values in self.rounds.items()}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute in so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_child(function: Callable, *arguments: object, **environment: str) -> Any:
    """Call a function of a module, with arguments that can be written down, in a process of its own."""
    call = f"from {function.__module__} import {function.__name__} as f; print(json.dumps(f(*{arguments!r})))"
    settings = {"env": os.environ | environment, "cwd": ROOT, "stdout": subprocess.PIPE, "text": True, "check": True}
    done = subprocess.run([sys.executable, "-c", f"import json; {call}"], **settings)
    return json.loads(done.stdout.splitlines()[-1])
