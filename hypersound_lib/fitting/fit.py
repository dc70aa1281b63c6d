"""Fit one INR to one sound by gradient descent: what HyperSound's hypernetwork later does in one forward pass."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from tqdm.auto import tqdm

from hypersound_lib.coords import time_coords
from hypersound_lib.devices import check_precision, choose_device
from hypersound_lib.errors import ConfigError, check_sample_rate
from hypersound_lib.fitting.fitted_sound import CHUNK, FittedSound
from hypersound_lib.inr import INR
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.metrics import lsd, mse, snr
from hypersound_lib.progress import progress_bar
from hypersound_lib.training.interrupt import stop_on_signal
from hypersound_lib.training.state import schedule_factor

# Embeddings of all instants are kept for the whole fit while they are smaller than this.
_FEATURE_BYTES = 2**30


@dataclass(frozen=True)
class FitConfig:
    """How to fit; the defaults suit `FourierMLP.for_sound`."""

    loss: str = "mse"  # mse, smooth_l1, mel_stft, … or several joined by +; see `LossConfig.terms`
    learning_rate: float = 5e-3  # of Adam
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rate; cosine ends at zero
    steps: int = 2000  # so many at the most
    target_snr: float | None = 30.0  # dB; stop as soon as the whole clip is this good; None: use all steps
    max_seconds: float | None = None  # stop after so much wall time
    window: int | None = None  # samples in a random contiguous window; None: the whole clip in every step
    windows_per_step: int = 4  # so many of them
    evaluate_every: int = 10  # steps between two measurements of the whole clip
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products; weights stay in float32
    device: str = "auto"  # auto takes a GPU if there is one; or cpu, cuda, …
    seed: int = 0  # of what is drawn at random, such as windows


@dataclass(frozen=True)
class FitResult:
    """The outcome of a fit, with the best weights that were met: by SNR, or by the loss where that has spectra."""

    sound: FittedSound  # its `inr` carries the best weights
    history: list[dict[str, float]]  # a row per measurement: step, seconds, snr, learning_rate, and each loss term
    metrics: dict[str, float]  # of the best weights: snr (dB), mse, lsd where the clip is long enough
    seconds: float  # wall time of the fit, measurements included
    steps: int  # taken
    stop_reason: str  # "target", "steps", "time" or "interrupted"


def fit_inr(
    waveform: Tensor,
    sample_rate: int,
    inr: INR,
    config: FitConfig = FitConfig(),
    callback: Callable[[dict[str, float]], object] | None = None,
    progress: bool = True,
) -> FitResult:
    """Fit `inr` to one sound, and leave the best weights in it.

    The sound is brought to full scale first, so that quiet recordings learn as fast as loud ones; the result
    remembers the gain. After Ctrl-C, or a polite kill, it measures once more and returns the best weights so far.

    Args:
        waveform: the sound, `(T,)`, float.
        sample_rate: in Hz.
        inr: the network; it is trained in place.
        config: loss, optimiser and stop.
        callback: called with every row of the history.
        progress: show a bar.

    Raises:
        ConfigError: the sound is not `(T,)`, silent, not finite or too short, or a setting is impossible.
        FloatingPointError: the loss became NaN or infinite; the message says at which step, and what to lower.
    """
    gain = _check(waveform, sample_rate, config)
    sound = FittedSound(inr, sample_rate, len(waveform), gain)  # whose limits show before the work, not after
    loss, device = ReconstructionLoss(config.loss, sound.sample_rate), choose_device(config.device)
    if (shortest := config.window or len(waveform)) < loss.min_samples:
        raise ConfigError(f"loss {config.loss!r} needs {loss.min_samples} samples at once, there are {shortest}")
    check_precision(config.precision, device)
    clip = _Clip(inr.to(device), (waveform.detach().float() / gain).to(device), config)
    log = _Log(config, callback, progress_bar(total=config.steps, desc="fit", unit="step", disable=not progress))
    try:
        _descend(clip, loss.to(device), config, log)
    except KeyboardInterrupt:  # a second one, or in a callback
        if not log.history:
            raise
        log.stop_reason = "interrupted"
    return log.result(waveform, sound)


def _descend(clip: "_Clip", loss: ReconstructionLoss, config: FitConfig, log: "_Log") -> None:
    """Take steps until the log finds a reason to stop."""
    inr, device = clip.inr, clip.target.device
    optimizer = torch.optim.Adam(inr.parameters(), lr=config.learning_rate)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
    weights = dict(inr.named_parameters())
    with stop_on_signal() as stop:
        for step in range(config.steps + 1):
            features, batch = clip.draw()  # (W, n, F), (W, n): W windows of n instants
            with autocast:
                estimate = inr.evaluate(features, weights).squeeze(-1)
            terms = loss(estimate.float(), batch)
            total = loss.total(terms)
            if not torch.isfinite(total):
                lower = f"try a learning rate below {config.learning_rate}"
                raise FloatingPointError(f"loss {config.loss} is {total.item()} at step {step}; {lower}")
            stopped = stop.is_set()
            rate = config.learning_rate * schedule_factor(config.schedule, step / config.steps)
            if step % config.evaluate_every == 0 or step == config.steps or stopped:
                log.add(step, clip.snr(weights, estimate), rate, terms, total, weights)
                if stopped and not log.stop_reason:
                    log.stop_reason = "interrupted"
                if log.stop_reason:
                    break
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            log.bar.update()


class _Clip:
    """The sound as a fit sees it: windows of features and samples to train on, and the whole to measure."""

    def __init__(self, inr: INR, target: Tensor, config: FitConfig):
        self.target, self.window, self.count = target, config.window, config.windows_per_step
        self.exact = config.precision == "float32"
        self.generator = torch.Generator().manual_seed(config.seed)
        self.inr = inr
        self.coords = time_coords(len(target), device=target.device)
        # No weight takes part in the features: embed all instants once, where memory allows.
        one = inr.features(self.coords[:1])
        cached = one.numel() * one.element_size() * len(target) <= _FEATURE_BYTES
        self.features = inr.features(self.coords) if cached else None

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return the whole clip as one window, or random contiguous windows: `(W, n, F)` and `(W, n)`."""
        if self.window is None:
            return self._features(slice(None)).unsqueeze(0), self.target.unsqueeze(0)
        starts = torch.randint(len(self.target) - self.window + 1, (self.count, 1), generator=self.generator)
        index = (starts + torch.arange(self.window)).to(self.target.device)  # (W, n)
        return self._features(index), self.target[index]

    @torch.no_grad()
    def snr(self, weights: Mapping[str, Tensor], estimate: Tensor) -> float:
        """Measure the whole clip, in dB; the estimate of a step that saw all of it in float32 is used again."""
        if self.window is None and self.exact:
            return snr(self.target, estimate[0].float()).item()
        parts = (slice(start, start + CHUNK) for start in range(0, len(self.target), CHUNK))
        pieces = [self.inr.evaluate(self._features(part), weights).squeeze(-1) for part in parts]
        return snr(self.target, torch.cat(pieces)).item()

    def _features(self, index: slice | Tensor) -> Tensor:
        return self.inr.features(self.coords[index]) if self.features is None else self.features[index]


class _Log:
    """What a fit has seen: history, the best weights (a late step can be worse than an earlier one), when to stop."""

    def __init__(self, config: FitConfig, callback: Callable | None, bar: tqdm):
        self.config, self.callback, self.bar = config, callback, bar
        self.history: list[dict[str, float]] = []
        self.best_score = -float("inf")
        self.best_weights: dict[str, Tensor] = {}
        self.stop_reason = ""
        self.started = time.perf_counter()

    def add(self, step, snr_db, learning_rate, terms, total, weights) -> None:
        """Note one measurement; set `stop_reason` when it is the last one."""
        row = {"step": step, "seconds": time.perf_counter() - self.started, "snr": snr_db}
        row["learning_rate"] = learning_rate
        row |= {name: value.item() for name, value in terms.items()}
        self.history.append(row)
        self.bar.set_postfix_str(f"SNR {snr_db:.1f} dB", refresh=False)
        # A loss on spectrograms is content with any phase: then the SNR says nothing, and the loss itself decides.
        score = -total.item() if terms.keys() & {"stft", "mel_stft"} else snr_db
        if score > self.best_score:
            self.best_score = score
            self.best_weights = {name: p.detach().clone() for name, p in weights.items()}
        target, limit = self.config.target_snr, self.config.max_seconds
        if target is not None and snr_db >= target:
            self.stop_reason = "target"
        elif step == self.config.steps:
            self.stop_reason = "steps"
        elif limit is not None and row["seconds"] >= limit:
            self.stop_reason = "time"
        if self.callback is not None:
            self.callback(dict(row))

    def result(self, waveform: Tensor, sound: FittedSound) -> FitResult:
        """Put the best weights back, and measure them as a listener would hear them."""
        seconds, steps = time.perf_counter() - self.started, int(self.history[-1]["step"])
        self.bar.close()
        with torch.no_grad():
            for name, p in sound.inr.named_parameters():
                p.copy_(self.best_weights[name])
        waveform, estimate = waveform.detach().float().cpu(), sound.render()
        metrics = {"snr": snr(waveform, estimate).item(), "mse": mse(waveform, estimate).item()}
        with suppress(ConfigError):  # a clip shorter than one window has no LSD
            metrics["lsd"] = lsd(waveform, estimate, sound.sample_rate).item()
        return FitResult(sound, self.history, metrics, seconds, steps, self.stop_reason)


def _check(waveform: Tensor, sample_rate: int, config: FitConfig) -> float:
    """Raise ConfigError on what cannot be fitted; return the sound's peak."""
    check_sample_rate(sample_rate)
    if waveform.ndim != 1 or waveform.numel() == 0 or not waveform.is_floating_point():
        raise ConfigError(f"a sound is a float tensor (T,), not {waveform.dtype} {tuple(waveform.shape)}")
    peak = waveform.abs().max().item()
    if not math.isfinite(peak):
        raise ConfigError("the sound holds NaN or infinite samples; clean it first")
    if peak == 0:
        raise ConfigError("the sound is digital silence: there is nothing to fit, and its SNR is undefined")
    if config.window is not None and not 1 <= config.window <= len(waveform):
        raise ConfigError(f"a window has 1 to {len(waveform)} samples of this sound, not {config.window}")
    rate_possible = 0 < config.learning_rate < math.inf
    if min(config.steps, config.evaluate_every, config.windows_per_step) < 1 or not rate_possible:
        raise ConfigError(f"steps, evaluate_every, windows_per_step and learning_rate must be positive: {config}")
    if any(limit is not None and math.isnan(limit) for limit in (config.target_snr, config.max_seconds)):
        raise ConfigError(
            f"target_snr or max_seconds is NaN, which no fit would ever reach; None is no limit: {config}"
        )
    if not 0 <= config.seed < 2**63:
        raise ConfigError(f"a seed is a whole number from 0 to 2^63 - 1, not {config.seed}")
    if config.schedule not in ("constant", "cosine") or config.precision not in ("float32", "bfloat16"):
        raise ConfigError(f"schedule is 'constant' or 'cosine', precision 'float32' or 'bfloat16': {config}")
    return peak
