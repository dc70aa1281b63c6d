"""The training loop: one screen, the same on a laptop, a GPU, or many (paper, section "Optimization")."""

import math
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from torch import Tensor

from hypersound_lib.data import AudioStore
from hypersound_lib.devices import choose_device
from hypersound_lib.files import locked
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.training.base_run import TrainingResult
from hypersound_lib.training.config import TrainingConfig
from hypersound_lib.training.interrupt import stop_on_signal
from hypersound_lib.training.processes import join_processes
from hypersound_lib.training.run import Run


def fill_gradients(run: Run, clips: Tensor, first: int | Tensor, count: int) -> dict[str, Tensor]:
    """Add the gradients of a window of clips `(B, T)`, and return the loss' terms and the code's costs."""
    with run.autocast():
        estimate, costs = run.network(clips, first, count, with_costs=True)  # (B, count)
    terms = run.loss(estimate.float(), clips[:, first : first + count])
    total = (run.loss.total(terms) + sum(costs.values())) / run.config.accumulate
    run.accelerator.backward(run.state.scaler.scale(total))
    return terms | costs


def take_steps(run: Run, stop: Event, max_seconds: float | None) -> str:
    """Update the weights until the steps are done, somebody asks to stop, or it is late; return which."""
    config, state, accelerator = run.config, run.state, run.accelerator
    deadline = math.inf if max_seconds is None else time.perf_counter() + max_seconds
    stop_reason = "steps"
    while state.step < config.steps and stop_reason == "steps":
        window, terms = run.draw_window(), dict[str, Tensor]()
        for micro in range(config.accumulate):
            clips = next(run.batches)  # (B, T)
            # Processes agree on the gradient once per update, in the last micro-batch.
            last = micro == config.accumulate - 1
            with nullcontext() if last else accelerator.no_sync(run.network):
                found = run.recorded(partial(fill_gradients, run), clips, *window)
            # The mean over micro-batches, which are equally large, is that of the whole batch.
            terms = {name: terms.get(name, 0) + value.detach() / config.accumulate for name, value in found.items()}
        if state.scaler.is_enabled():
            state.scaler.unscale_(state.optimizer)
        limit = math.inf if config.max_grad_norm is None else config.max_grad_norm
        values = run.read_finite(terms, accelerator.clip_grad_norm_(run.model.parameters(), limit))
        state.update_weights(skip=not math.isfinite(values["gradient"]))  # where float16 overflowed
        run.log_step(values)
        late = run.is_main and time.perf_counter() >= deadline
        interrupted, late = run.processes.any(stop.is_set(), late)
        if interrupted or late:
            stop_reason = "interrupted" if interrupted else "time"
        run.validate_and_save_if_due(ended=stop_reason != "steps" or state.step == config.steps)
    return stop_reason


def train(
    model: PretrainedModel,
    train_store: AudioStore,
    validation_store: AudioStore,
    config: TrainingConfig,
    out: str | os.PathLike,
    *,
    resume: bool = False,
    max_seconds: float | None = None,
    cpu: bool = False,
    progress: bool = True,
    origin: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train a model, and leave logs, checkpoints and the best weights in a folder.

    Args:
        model: trained in place.
        train_store: recordings at the model's rate, and in
        validation_store: those of other voices.
        config: how to train.
        out: the run's folder; `load_model(out)` loads `OUT/best`.
        resume: go on from the latest checkpoint in `out`, bit for bit as if nothing had happened (on a CPU).
        max_seconds: stop after so much time of this session, on the main process' clock, as Ctrl-C would.
        cpu: leave a GPU alone.
        progress: show a bar.
        origin: what the run is made from, for its `run.json`, which is written once all is known to fit.

    Raises:
        ConfigError: stores, model, config and processes do not fit, or `out` holds another run or is in use.
        TrainingError: loss or gradient became NaN or infinite, a log is damaged, or a process was lost.
    """
    cpu = cpu or choose_device().type == "cpu"  # accelerate alone would take MPS, which has no float64
    # One process stands for all of a launch: it keeps the folder from other launches.
    is_main = join_processes(config, cpu).is_main_process
    with locked(Path(out)) if is_main else nullcontext():
        run = Run(model, (train_store, validation_store), config, Path(out), resume=resume, cpu=cpu)
        with run.open_log(progress, origin), run.learning(), stop_on_signal() as stop:
            stop_reason = take_steps(run, stop, max_seconds)
        run.state.keep_average()
        return TrainingResult(model, run.state.step, run.state.seconds, stop_reason, run.measured)
