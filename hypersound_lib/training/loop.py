"""The training loop: one screen, the same on a laptop, a GPU, or many (paper, section "Optimization")."""

import math
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from hypersound_lib.data import AudioStore
from hypersound_lib.devices import choose_device, tf32
from hypersound_lib.files import locked
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.training.config import TrainingConfig
from hypersound_lib.training.interrupt import stop_on_signal
from hypersound_lib.training.processes import join_processes
from hypersound_lib.training.run import Run


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended."""

    model: PretrainedModel  # with the last weights, averaged where the config says so
    step: int  # updates done
    seconds: float  # spent, over all sessions
    stop_reason: str  # "steps", "time" or "interrupted"
    validation: dict[str, float]  # the last one; on the main process


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
) -> TrainingResult:
    """Train a model, and leave logs, checkpoints and the best weights in a folder.

    Args:
        model: trained in place.
        train_store: recordings at the model's rate.
        validation_store: recordings of other voices, at the same rate.
        config: how to train.
        out: the run's folder; `load_model(out)` loads `OUT/best`.
        resume: go on from the latest checkpoint in `out`, bit for bit as if nothing had happened (on a CPU).
        max_seconds: stop after so much time of this session, as Ctrl-C would. Of several processes, the main one's
            clock counts, and a Ctrl-C in any stops all.
        cpu: leave a GPU alone.
        progress: show a bar.

    Raises:
        ConfigError: stores, model and config do not fit, `out` holds a run and `resume` is False, or another training
            is at work there. Or several processes were asked for and one runs, or they cannot share a batch.
        TrainingError: loss or gradient became NaN or infinite; the last good checkpoint is kept. Or a log is damaged,
            or one of several processes was lost.
    """
    cpu = cpu or choose_device().type == "cpu"  # accelerate alone would take MPS, which has no float64
    # One process stands for all of a launch: it keeps the folder from other launches.
    is_main = join_processes(config, cpu).is_main_process
    with locked(Path(out)) if is_main else nullcontext():
        run = Run(model, train_store, validation_store, config, Path(out), resume=resume, cpu=cpu)
        accelerator, network, loss, state = run.accelerator, run.network, run.reconstruction_loss, run.state
        deadline = math.inf if max_seconds is None else time.perf_counter() + max_seconds
        stop_reason = "steps"

        def fill_gradients(clips: Tensor, first: int, count: int) -> dict[str, Tensor]:
            with run.autocast():
                estimate, costs = network(clips, first, count, with_costs=True)  # (B, count)
            terms = loss(estimate.float(), clips[:, first : first + count])
            total = (loss.total(terms) + sum(costs.values())) / config.accumulate
            accelerator.backward(state.scaler.scale(total))
            return terms | costs

        with (
            run.open_log(progress),
            tf32(config.tf32),
            run.processes.naming_loss(),
            stop_on_signal() as stop,
        ):
            while state.step < config.steps and stop_reason == "steps":
                window = run.draw_window()
                for micro in range(config.accumulate):
                    clips = next(run.batches)  # (B, T)
                    # Processes agree on the gradient once per update, in the last micro-batch.
                    last = micro == config.accumulate - 1
                    with nullcontext() if last else accelerator.no_sync(network):
                        terms = run.recorded(fill_gradients, clips, *window)(clips, *window)
                if state.scaler.is_enabled():
                    state.scaler.unscale_(state.optimizer)
                norm = accelerator.clip_grad_norm_(
                    model.parameters(), math.inf if config.max_grad_norm is None else config.max_grad_norm
                )
                values = run.read_finite(terms, norm)
                if math.isfinite(values["gradient"]):
                    state.update_weights()
                else:  # float16 overflowed
                    state.skip_update()
                run.log_step(values)
                late = run.is_main and time.perf_counter() >= deadline
                interrupted, late = run.processes.any(stop.requested, late)
                if interrupted or late:
                    stop_reason = "interrupted" if interrupted else "time"
                run.look_after(ended=stop_reason != "steps" or state.step == config.steps)
        state.keep_average()
        return TrainingResult(model, state.step, state.seconds, stop_reason, run.measured)
