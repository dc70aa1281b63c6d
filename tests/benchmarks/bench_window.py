"""Random-window training: decode and score only a part of each clip per step. What does it save, what does it cost?

    make bench ARGS="window --limit 90"

`paper-small` on the embedded corpus, with the whole clip and with windows of a quarter and an eighth, for the same
time; the curves of validation on whole clips also tell what the same number of steps gives.
"""

import torch

from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.presets import Preset, preset
from hypersound_lib.training import training_stores
from tests.benchmarks.common import Laps, endless, told, trained

WINDOWS = (32768, 8192, 4096)


def run(quick: bool = False, limit: float = 90.0) -> dict:
    """Measure the step's time for `paper-base` and `paper-small`, then train `paper-small` for `limit` seconds."""
    limit, names, repeats = (5.0, ("paper-small",), 1) if quick else (limit, ("paper-base", "paper-small"), 3)
    times = {name: told(step_seconds(preset(name), repeats), name) for name in names}
    stores = training_stores("mini", 22050)
    trainings = [told(training_with(window, stores, limit)) for window in WINDOWS]
    return {"limit_seconds": limit, "step_seconds": times, "trainings": trainings}


def step_seconds(chosen: Preset, repeats: int) -> dict[str, float]:
    """Return the median seconds of forward, loss and backward at batch 4, by window."""
    torch.manual_seed(0)
    model, lap = HyperSound(chosen.model), Laps()
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
    clips = torch.randn(4, chosen.model.num_samples) / 4

    def step(window: int) -> None:
        loss.total(loss(model(clips, 0, window), clips[:, :window])).backward()
        model.zero_grad(set_to_none=True)

    for _ in range(repeats + 1):
        for window in WINDOWS:
            lap(f"{window}", lambda window=window: step(window))
    return lap.medians(skip=1)


def training_with(window: int, stores: tuple, limit: float) -> dict:
    """Train `paper-small` for `limit` seconds; return steps and the validation of whole clips along the way."""
    chosen = preset("paper-small")
    settings = {"batch_size": 4, "learning_rate": 1e-4, "max_grad_norm": 1.0, "window": window}
    config = endless(chosen.training, **settings, validation_clips=16, validate_every=20)
    torch.manual_seed(0)
    result, logs = trained(HyperSound(chosen.model), stores, config, limit)
    row = {"window": window, "steps": result.step, "seconds": result.seconds, "validation": result.validation}
    return row | {"curve": logs["validation"]}
