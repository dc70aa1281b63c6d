"""Training a `RAVE` in two stages (Caillon and Esling 2021), with logs and checkpoints to resume from."""

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.baselines.rave.checkpoint import RAVETrainingState
from hypersound_lib.baselines.rave.losses import spectral_distance
from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.baselines.rave.stages import stage_1_gradients, stage_2_gradients
from hypersound_lib.baselines.rave.training_config import RAVETrainingConfig
from hypersound_lib.data import AudioStore, RandomClips, paper_augmentation
from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.files import atomic_path
from hypersound_lib.training.checkpoint import saved_checkpoints
from hypersound_lib.training.interrupt import stop_on_signal
from hypersound_lib.training.logs import RunLog
from hypersound_lib.training.validation import Validation


@dataclass(frozen=True)
class RAVETrainingResult:
    """How a training ended."""

    model: RAVE  # with the last weights, in evaluation mode
    step: int  # updates done
    seconds: float  # spent, over all sessions
    stop_reason: str  # "steps", "time" or "interrupted"
    validation: dict[str, float]  # the last one


def train_rave(
    model: RAVE,
    train_store: AudioStore,
    validation_store: AudioStore,
    config: RAVETrainingConfig,
    out: str | os.PathLike,
    *,
    resume: bool = False,
    max_seconds: float | None = None,
    cpu: bool = True,
    progress: bool = True,
) -> RAVETrainingResult:
    """Train a model, and leave logs, checkpoints and weights in a folder.

    `OUT/model` holds the last weights and `OUT/best` those of the lowest spectral distance, each for
    `RAVE.from_pretrained`. `train.csv` and `validation.csv` are as those of `hypersound_lib.training`.

    The training's progress is the larger of step / config.steps and seconds / max_seconds. By it the noise
    joins in, the second stage begins, and the autoencoder's learning rate falls.

    Args:
        model: trained in place.
        train_store: recordings at the model's rate.
        validation_store: recordings of other voices, at the same rate.
        config: how to train.
        out: the run's folder.
        resume: go on from the latest checkpoint in `out`; without a time limit, bit for bit as if nothing had happened.
        max_seconds: stop after so much time, over all sessions.
        cpu: leave a GPU alone.
        progress: show a bar.

    Raises:
        ConfigError: stores and model do not fit, or `out` holds a run and `resume` is False, or none and it is True.
        TrainingError: loss or gradient became NaN or infinite; the last good checkpoint is kept.
    """
    run = _Run(model, train_store, validation_store, config, Path(out), resume, max_seconds, cpu, progress)
    state = run.state
    stop_reason = run.end_reason(interrupted=False)
    with run.log, stop_on_signal() as stop:
        while stop_reason is None:
            run.enter_stage()
            clips = run.next_batch()  # (B, T)
            if state.stage == 1:
                terms = stage_1_gradients(model, clips, run.kl_weight)
            else:
                terms = stage_2_gradients(model, state.discriminator, clips, config)
            norm = torch.nn.utils.clip_grad_norm_(
                model.parameters(), math.inf if config.max_grad_norm is None else config.max_grad_norm
            )
            run.raise_unless_finite(terms, norm)
            learning_rate = run.learning_rate
            state.update_weights(learning_rate)
            run.log_step(terms, norm, learning_rate)
            stop_reason = run.end_reason(stop.requested)
            run.look_after(ended=stop_reason is not None)
    return RAVETrainingResult(model.eval(), state.step, state.seconds, stop_reason, run.measured)


class _SpectralLoss:
    """The spectral distance in the shape that `Validation` asks for."""

    weights = {"spectral": 1.0}  # noqa: RUF012 - read only

    def __call__(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]:
        return {"spectral": spectral_distance(estimate, reference)}


class _Run:
    """What surrounds the loop: where clips come from, what is noted, kept and checked."""

    def __init__(
        self,
        model: RAVE,
        train_store: AudioStore,
        validation_store: AudioStore,
        config: RAVETrainingConfig,
        out: Path,
        resume: bool,
        max_seconds: float | None,
        cpu: bool,
        progress: bool,
    ):
        rate, num_samples = model.config.sample_rate, model.config.num_samples
        for store in (train_store, validation_store):
            if store.sample_rate != rate:
                raise ConfigError(f"the model hears {rate} Hz, a store has {store.sample_rate} Hz: build it at {rate}")
        self.model, self.config, self.out = model, config, out
        self.max_seconds = math.inf if max_seconds is None else max_seconds
        self.device = torch.device("cpu" if cpu or not torch.cuda.is_available() else "cuda")
        torch.manual_seed(config.seed)
        self.state = RAVETrainingState(model, config, self.device)
        self._start_or_resume(resume)
        augmentation = paper_augmentation(rate) if config.augment else ()
        count = config.steps * config.batch_size
        self.clips = RandomClips(train_store, num_samples, count, augmentation, seed=config.seed)
        self.validation = Validation(validation_store, num_samples, config.validation_clips, config.batch_size)
        self.measured: dict[str, float] = {}
        self.log = RunLog(out, self.state.step, config.steps, progress=progress)
        self._last_logged = (self.state.step, time.perf_counter())
        self._started = time.perf_counter() - self.state.seconds

    @property
    def progress(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return min(1.0, max(self.state.step / self.config.steps, self.state.seconds / self.max_seconds))

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        factor = 1.0 if self.config.schedule == "constant" else 0.5 * (1 + math.cos(math.pi * self.progress))
        return self.config.learning_rate * factor

    @property
    def kl_weight(self) -> float:
        """β of the next update."""
        return self.config.kl_weight * min(1.0, (self.state.step + 1) / max(1, self.config.kl_warmup_steps))

    def enter_stage(self) -> None:
        """Let the noise join in, and freeze the encoder, when it is time.

        A frozen encoder's batch norm keeps the statistics that it has gathered.
        """
        if self.progress >= self.config.stage_1_fraction:
            self.state.stage = 2
        self.model.decoder.noise_gain.fill_(float(self.progress >= self.config.noise_fraction))
        self.model.train()
        self.model.encoder.train(self.state.stage == 1)

    def next_batch(self) -> Tensor:
        """Return the clips of this step `(B, T)`; they depend on its number alone, so a resumed run has the same."""
        first = self.state.step * self.config.batch_size
        return torch.stack([self.clips[first + i] for i in range(self.config.batch_size)]).to(self.device)

    def log_step(self, terms: dict[str, Tensor], norm: Tensor, learning_rate: float) -> None:
        """Count the step's time, and every few steps write a row."""
        now, step = time.perf_counter(), self.state.step
        self.state.seconds = now - self._started
        self.log.bar.update()
        if step % self.config.log_every and step < self.config.steps:
            return
        steps, seconds = step - self._last_logged[0], now - self._last_logged[1]
        self._last_logged = (step, now)
        samples = steps * self.config.batch_size * self.model.config.num_samples
        row = {"step": step, "seconds": self.state.seconds, "learning_rate": learning_rate}
        row |= {"gradient_norm": norm.item(), "samples_per_second": samples / seconds, "stage": self.state.stage}
        self.log.train(row | {name: value.item() for name, value in terms.items()})

    def end_reason(self, interrupted: bool) -> str | None:
        """Say why the training is over, or None."""
        if self.state.step >= self.config.steps:
            return "steps"
        if interrupted:
            return "interrupted"
        return "time" if self.state.seconds >= self.max_seconds else None

    def look_after(self, ended: bool) -> None:
        """Validate and save where the config says so, and at the end."""
        step, config = self.state.step, self.config
        if ended or step % config.validate_every == 0:
            self._validate()
        if ended or step % config.checkpoint_every == 0:
            self.state.save(self.out / "checkpoints", config.keep_checkpoints)

    def raise_unless_finite(self, terms: dict[str, Tensor], norm: Tensor) -> None:
        """Stop before a bad gradient touches the weights.

        Raises:
            TrainingError: a term or the gradient is NaN or infinite.
        """
        values = {name: value.item() for name, value in terms.items()} | {"gradient": norm.item()}
        bad = {name: value for name, value in values.items() if not math.isfinite(value)}
        if bad:
            saved = saved_checkpoints(self.out / "checkpoints")
            kept = f"Nothing was lost up to {saved[-1]}" if saved else "There is no checkpoint yet"
            raise TrainingError(
                f"step {self.state.step + 1}, stage {self.state.stage}: "
                f"{', '.join(f'{name} is {value}' for name, value in bad.items())}. {kept}: train with a lower "
                f"learning rate (now {self.learning_rate:g}) or with max_grad_norm."
            )

    def _validate(self) -> None:
        self.measured = self.validation.measure(self.model, _SpectralLoss())
        row = {"step": self.state.step, "seconds": self.state.seconds, "stage": self.state.stage}
        self.log.validation(row | self.measured)
        facts = {"step": self.state.step, "seconds": round(self.state.seconds, 1), "stage": self.state.stage}
        facts |= {"validation": self.measured, "training": asdict(self.config)}
        self.model.save_pretrained(self.out / "model", facts=facts)
        if self.measured["spectral"] < self.state.best_score:
            self.state.best_score = self.measured["spectral"]
            self.model.save_pretrained(self.out / "best", facts=facts)

    def _start_or_resume(self, resume: bool) -> None:
        saved = saved_checkpoints(self.out / "checkpoints")
        if resume and not saved:
            raise ConfigError(f"{self.out} holds no checkpoint to resume from; leave resume out to start there")
        if saved and not resume:
            raise ConfigError(
                f"{self.out} holds a training already, up to {saved[-1].name}; pass resume=True to go on with it, or "
                "choose another folder"
            )
        if resume:
            self.state.load_latest(self.out / "checkpoints")
        with atomic_path(self.out / "training.json") as temporary:
            temporary.write_text(json.dumps(asdict(self.config), indent=1) + "\n", encoding="utf-8")
