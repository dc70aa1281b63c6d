"""What several benchmarks do: train for a while, time a call, score whole recordings."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from hypersound_lib.evaluation import evaluate
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.training import TrainingConfig, TrainingResult, read_log, train


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
        print(f"{name}: {row}", flush=True)
        return row


def trained(
    model: PretrainedModel, stores: tuple, config: TrainingConfig, limit: float | None = None, cpu: bool = True
) -> tuple[TrainingResult, dict[str, dict]]:
    """Train a model in place, for `limit` seconds or all steps; return how it ended, and its logs by name.

    Raises:
        KeyboardInterrupt: somebody has stopped it: a part would be recorded as the whole.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = train(model, *stores, config, out, max_seconds=limit, cpu=cpu, progress=False)
        if result.stop_reason == "interrupted":
            raise KeyboardInterrupt(f"stopped after {result.step} of {config.steps} steps: nothing is recorded")
        return result, {name: read_log(out / f"{name}.csv") for name in ("train", "validation")}


def scores_of_recordings(model: PretrainedModel, limit: int) -> dict[str, float]:
    """Return the means over so many recordings of the embedded corpus' test speakers, 5 s of each at most."""
    metrics = ("stoi", "nmse", "si_snr", "lsd")
    found = evaluate(model, "mini", metrics=metrics, references=False, limit=limit, seconds=5.0)
    return found.means("model") | {"recordings": len(found.clips)}


def seconds(action: Callable[[], object], device: str = "cpu") -> float:
    """Time one call, to its end on the device."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    action()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
