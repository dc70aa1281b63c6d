"""Random-window training: decode and score only a part of each clip per step. What does it save, what does it cost?

    make bench ARGS="window --limit 90"

`paper-small` on the embedded corpus, with the whole clip and with windows of a quarter and an eighth, for the same
time; the curves of validation on whole clips also tell what the same number of steps gives.
"""

import dataclasses
import statistics
import time

import torch

from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.presets import Preset, preset
from hypersound_lib.training import training_stores
from tests.benchmarks.common import trained

LIMIT = 90.0  # seconds of training for each window


def run(quick: bool = False, limit: float = LIMIT) -> dict:
    """Measure the step's time for `paper-base` and `paper-small`, then train `paper-small` for `limit` seconds."""
    limit = 5.0 if quick else limit
    results: dict = {"limit_seconds": limit, "step_seconds": {}, "trainings": []}
    for name in ("paper-small",) if quick else ("paper-base", "paper-small"):
        times = step_seconds(preset(name), 1 if quick else 3)
        results["step_seconds"][name] = times
        print(f"{name}: {', '.join(f'{window} samples {value:.2f} s' for window, value in times.items())}", flush=True)
    stores = training_stores("mini", 22050)
    for window in (32768, 8192, 4096):
        results["trainings"].append(training_with(window, stores, limit))
    return results


def step_seconds(chosen: Preset, repeats: int) -> dict[str, float]:
    """Return the median seconds of forward, loss and backward at batch 4, by window."""
    torch.manual_seed(0)
    model = HyperSound(chosen.model)
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
    clips = torch.randn(4, chosen.model.num_samples) / 4
    times: dict[str, list[float]] = {}
    for _ in range(repeats + 1):
        for window in (32768, 8192, 4096):
            started = time.perf_counter()
            loss.total(loss(model(clips, 0, window), clips[:, :window])).backward()
            model.zero_grad(set_to_none=True)
            times.setdefault(str(window), []).append(time.perf_counter() - started)
    return {window: statistics.median(values[1:]) for window, values in times.items()}


def training_with(window: int, stores: tuple, limit: float) -> dict:
    """Train `paper-small` for `limit` seconds; return steps and the validation of whole clips along the way."""
    chosen = preset("paper-small")
    config = dataclasses.replace(
        chosen.training,
        steps=100_000,
        batch_size=4,
        learning_rate=1e-4,
        max_grad_norm=1.0,
        window=window,
        validation_clips=16,
        validate_every=20,
        checkpoint_every=100_000,
    )
    torch.manual_seed(0)
    model = HyperSound(chosen.model)
    result, logs = trained(model, stores, config, limit)
    print(f"window {window}: {result.step} steps, validation {result.validation}", flush=True)
    return {
        "window": window,
        "steps": result.step,
        "seconds": result.seconds,
        "validation": result.validation,
        "curve": logs["validation"],
    }
