"""What surrounds any loop: where clips come from, what is noted, kept and checked."""

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hypersound_lib.config_json import to_json
from hypersound_lib.data import AudioStore, RandomClips, Step
from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.files import atomic_path
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.training.checkpoint import Checkpoints
from hypersound_lib.training.logs import RunLog
from hypersound_lib.training.processes import Processes
from hypersound_lib.training.validation import Distance, Validation


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended."""

    model: PretrainedModel  # with the last weights, averaged where the config says so
    step: int  # updates done
    seconds: float  # spent, over all sessions
    stop_reason: str  # "steps", "time" or "interrupted"
    validation: dict[str, float]  # the last one; on the main process


class BaseRun:
    """What surrounds any loop, at work in the folder `out`; `state` is what changes, and is saved.

    The stores, to train and to validate on, are at the model's rate. `loss` is what validation measures: estimate and
    reference `(B, T)` to terms by name, with their `weights`. `at_once` clips are played at once there.

    Raises:
        ConfigError: a store has another rate, or the folder holds a run and `resume` is False, or none and it is True.
    """

    remedies = "or with max_grad_norm"
    is_main = True  # of the processes, the one that writes
    processes = Processes()

    def __init__(
        self,
        model: PretrainedModel,
        stores: tuple[AudioStore, AudioStore],
        config: Any,
        out: Path,
        state: Any,
        loss: Distance,
        augmentation: Sequence[Step],
        at_once: int,
        resume: bool,
    ):
        rate, num_samples = model.config.sample_rate, model.config.num_samples
        for given in (store.sample_rate for store in stores):
            if given != rate:
                raise ConfigError(f"the model takes {rate} Hz, a store has {given} Hz: build it at {rate} Hz")
        self.model, self.config, self.out, self.state, self.loss = model, config, out, state, loss
        self.checkpoints = Checkpoints(out / "checkpoints", config.keep_checkpoints)
        self.checkpoints.check(resume)
        self.clips = RandomClips(
            stores[0], num_samples, config.steps * config.batch_size, augmentation, seed=config.seed
        )
        self.validation = Validation(stores[1], num_samples, config.validation_clips, at_once)
        self.measured: dict[str, float] = {}
        if resume:
            self.checkpoints.load_latest(state)
        if state.scored != (scored := self._fingerprint()):
            state.scored, state.best_score = scored, math.inf

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.state.learning_rate

    def noted(self) -> dict[str, int]:
        """Return what else stands in logs and facts, after the step."""
        return {}

    def open_log(self, progress: bool, origin: Mapping[str, Any] | None = None) -> RunLog:
        """Return the run's log, for a `with` statement; only the main process writes. Time counts from here.

        All is known to fit now: only here does a run that goes on with another config or from another `origin` write
        these over the ones before.
        """
        self._last_logged = (self.state.step, time.perf_counter())
        self._started = time.perf_counter() - self.state.seconds
        self.log = RunLog(self.out, self.state.step, self.config.steps, self.is_main, progress)
        if self.is_main:
            for name, record in (("training.json", asdict(self.config)), ("run.json", origin)):
                if record is not None:
                    with atomic_path(self.out / name) as temporary:
                        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return self.log

    def log_step(self, values: dict[str, float]) -> None:
        """Count the step's time, and every few steps write a row of what `read_finite` returned."""
        now = time.perf_counter()
        step = self.state.step
        self.state.seconds = now - self._started
        self.log.bar.update()
        if step % self.config.log_every and step < self.config.steps:
            return
        steps, seconds = step - self._last_logged[0], now - self._last_logged[1]
        self._last_logged = (step, now)
        samples = steps * self.config.batch_size * self.model.config.num_samples
        row = {"step": step, "seconds": self.state.seconds, "learning_rate": self.state.last_learning_rate}
        row |= {"gradient_norm": values["gradient"], "samples_per_second": samples / seconds}
        terms = self.noted() | {name: value for name, value in values.items() if name != "gradient"}
        shown = "  ".join(f"{name} {value:.3g}" for name, value in terms.items())
        self.log.bar.set_postfix_str(f"{shown}  {samples / seconds:.3g} samples/s", refresh=False)
        self.log.write("train", row | terms)

    def validate_and_save_if_due(self, ended: bool) -> None:
        """Validate and save where the config says so, and at the end: on one process, for which the others wait."""
        validates = ended or self.state.step % self.config.validate_every == 0
        saves = ended or self.state.step % self.config.checkpoint_every == 0
        if validates or saves:
            with self.processes.waiting_for_main():
                if self.is_main and validates:
                    self._validate()
                if self.is_main and saves:
                    self.checkpoints.save(self.state)

    def read_finite(self, terms: dict[str, Tensor], norm: Tensor) -> dict[str, float]:
        """Return the terms and the norm, as `gradient`: their means over processes.

        They come in one tensor: a step waits for the GPU once, here.

        Raises:
            TrainingError: a term is NaN or infinite, or the norm is where `may_skip` does not allow it.
        """
        gathered = torch.stack([value.detach().float() for value in (*terms.values(), norm)])
        values = dict(zip((*terms, "gradient"), self.processes.mean(gathered.tolist()), strict=True))
        bad = {name: value for name, value in values.items() if not math.isfinite(value)}
        if not bad or (bad.keys() == {"gradient"} and self.may_skip()):
            return values
        place = "".join(f", {name} {value}" for name, value in self.noted().items())
        saved = self.checkpoints.saved()
        remedy = f"Nothing was lost up to {saved[-1]}: " if saved else "There is no checkpoint yet: "
        raise TrainingError(
            f"step {self.state.step + 1}{place}: {', '.join(f'{name} is {value}' for name, value in bad.items())}, "
            f"first in {self._culprit()}. {remedy}look at that recording, or train with a lower learning rate (now "
            f"{self.learning_rate:g}), {self.remedies}."
        )

    def may_skip(self) -> bool:
        """Return whether a gradient that is not finite costs no more than a step."""
        return False

    @torch.no_grad()
    def _culprit(self) -> str:
        """Name the clip of this step whose loss is not finite, or else all of them."""
        first = self.state.step * self.config.batch_size
        numbers = range(first, first + self.config.batch_size)
        for number in numbers:
            clip = self.clips[number].unsqueeze(0).to(next(self.model.parameters()).device)
            terms = self.loss(self.model(clip).float(), clip)
            if not all(math.isfinite(value.item()) for value in terms.values()):
                return self.clips.describe(number)
        return f"a gradient of clips {numbers.start} to {numbers.stop - 1} ({self.clips.describe(first)}, …)"

    def _validate(self) -> None:
        with self.state.averaged():
            self.measured = self.validation.measure(self.model, self.loss)
            row = {"step": self.state.step, "seconds": self.state.seconds} | self.noted()
            self.log.write("validation", row | self.measured)
            if self.log.board is not None:
                examples = self.validation.examples(self.model)
                self.log.examples(self.state.step, *examples, self.model.config.sample_rate)
            if self.measured["loss"] < self.state.best_score:
                self.state.best_score = self.measured["loss"]
                self.model.freeze_code()  # for what is written: the model that learns on gets its own back
                self.model.save_pretrained(self.out / "best", facts=self.facts())

    def facts(self) -> dict[str, Any]:
        """Return what is written beside the weights: how far the training was, how good they are, and its config."""
        facts = {"step": self.state.step, "seconds": round(self.state.seconds, 1)} | self.noted()
        return facts | {"validation": self.measured, "training": asdict(self.config)}

    def _fingerprint(self) -> str:
        """Name what validations measure: the loss, the model's config, which has the price of bits, and the clips."""
        measured = [asdict(self.config).get("loss"), to_json(self.model.config)]
        clips = self.validation.clips.numpy().tobytes()
        return hashlib.sha256(json.dumps(measured, sort_keys=True).encode() + clips).hexdigest()
