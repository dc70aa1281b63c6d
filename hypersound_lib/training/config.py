"""How to train a `HyperSound`: one frozen dataclass, saved with every run."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args, get_origin, get_type_hints

from hypersound_lib.errors import ConfigError
from hypersound_lib.losses import LossConfig


@dataclass(frozen=True)
class TrainingConfig:
    """Optimiser, loss and rhythm; the defaults are the paper's (section "Optimization")."""

    steps: int = 1_250_000  # updates of the weights
    batch_size: int = 16  # clips per update, over all processes and micro-batches
    accumulate: int = 1  # micro-batches per update: as many times less memory
    learning_rate: float = 5e-5  # of AdamW, its peak
    warmup_steps: int = 0  # over which the learning rate rises in a straight line
    schedule: Literal["constant", "cosine"] = "constant"  # of the learning rate; cosine ends at zero
    weight_decay: float = 0.01  # of AdamW
    max_grad_norm: float | None = None  # gradients of a larger norm are scaled down to it
    ema_decay: float = 0.0  # above 0: validate and keep an exponential moving average of the weights
    loss: LossConfig = field(default_factory=LossConfig)
    # paper: phase mangle and dequantisation; codec: speed, test signals, level; the random crop is always there
    augment: Literal["paper", "codec", "none"] = "paper"
    window: int | None = None  # decode and score only so many samples of each clip, elsewhere in every step
    # Of matrix products; weights stay in float32. float16, where bfloat16 is slow, skips some steps
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    tf32: bool = True  # on a GPU: round the factors of float32 products to 10 bits, several times as fast
    compile: bool = False  # let torch.compile fuse the model's operations
    # On a GPU of compute capability 8, 9 or 12, in half precision: play the target network in one kernel, and
    # differentiate it in another
    fused: bool = False
    # Record a step on a GPU and replay it: Python launches some slower than they run. None: wherever it can be done
    cuda_graph: bool | None = None
    seed: int = 0  # of weights, clips, augmentation and windows
    # Processes that load clips; None: beside a GPU as many as there are cores for each, 8 at most, elsewhere none
    num_workers: int | None = None
    process_timeout: float = 60.0  # seconds that each of several processes waits for the others
    log_every: int = 10  # steps between two rows of train.csv
    validate_every: int = 500  # steps between two validations
    validation_clips: int = 64  # that a validation scores
    checkpoint_every: int = 500  # steps between two checkpoints
    keep_checkpoints: int = 2  # the latest so many; the best weights are kept apart

    def __post_init__(self):
        counts = ("steps", "batch_size", "accumulate", "log_every", "validate_every", "validation_clips")
        for name in (*counts, "checkpoint_every", "keep_checkpoints"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.batch_size % self.accumulate:
            raise ConfigError(f"batch_size {self.batch_size} cannot be cut into {self.accumulate} equal micro-batches")
        # Not so for NaN, either.
        possible = 0 < self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf
        if not possible or self.warmup_steps < 0 or (self.num_workers or 0) < 0:
            raise ConfigError(f"learning_rate must be positive, warm-up, decay and workers not negative: {self}")
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is Literal and getattr(self, name) not in get_args(hint):
                raise ConfigError(f"{name} must be one of {get_args(hint)}, not {getattr(self, name)!r}")
        if not 0 <= self.ema_decay < 1 or (self.max_grad_norm is not None and not self.max_grad_norm > 0):
            raise ConfigError(f"ema_decay lies in [0, 1), max_grad_norm is positive or None: {self}")
        if not self.process_timeout > 0:
            raise ConfigError(f"process_timeout is a positive number of seconds, not {self.process_timeout}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"a seed is a whole number from 0 to 2^63 - 1, not {self.seed}")
        if self.window is not None and self.window < 1:
            raise ConfigError(f"a window has at least one sample, not {self.window}")
