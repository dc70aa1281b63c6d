"""What surrounds `train`'s loop: devices, precision, batches, and the part of a clip that a step scores."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hypersound_lib.data import AudioStore, codec_augmentation, paper_augmentation
from hypersound_lib.devices import check_precision, temporarily, tf32
from hypersound_lib.errors import ConfigError, TrainingError
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.inr import FourierMLP
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.training.base_run import BaseRun
from hypersound_lib.training.config import TrainingConfig
from hypersound_lib.training.graph import GraphedGradients
from hypersound_lib.training.processes import Processes
from hypersound_lib.training.state import TrainingState
from hypersound_lib.training.validation import in_mode

if TYPE_CHECKING:
    from accelerate import Accelerator

_WINDOWS = 1  # after seed and number, makes numbers other than those of `RandomClips`; 0 would not
_AUGMENTATIONS = {"paper": paper_augmentation, "codec": codec_augmentation, "none": lambda sample_rate: ()}


class Run(BaseRun):
    """One training on one process: its parts, put together; see `hypersound_lib.training.train` for the arguments."""

    loss: ReconstructionLoss
    remedies = "max_grad_norm, or precision float32"
    smallest_scale = 2.0**-10  # of a float16 training's loss: a gradient that is not finite below it is an error

    def __init__(
        self,
        model: PretrainedModel,
        stores: tuple[AudioStore, AudioStore],
        config: TrainingConfig,
        out: Path,
        *,
        resume: bool,
        cpu: bool,
    ):
        rate, num_samples = model.config.sample_rate, model.config.num_samples
        loss = ReconstructionLoss(config.loss, rate)
        scored = _scored(config, loss, num_samples)
        self.accelerator = _new_accelerator(cpu)
        self.is_main, device = self.accelerator.is_main_process, self.accelerator.device
        check_precision(config.precision, device)
        if config.fused:
            _check_fusable(model, config.precision, device)
        micro_batch = config.batch_size // config.accumulate
        self.is_recorded = _is_recorded(config, self.accelerator, scored == num_samples and config.accumulate == 1)
        self.processes = Processes(self.accelerator.num_processes, config.process_timeout)
        state, augmentation = TrainingState(model.to(device), config), _AUGMENTATIONS[config.augment](rate)
        super().__init__(model, stores, config, out, state, loss.to(device), augmentation, micro_batch, resume)
        remaining = range(state.step * config.batch_size, len(self.clips))
        loader = DataLoader(
            torch.utils.data.Subset(self.clips, remaining),
            micro_batch,
            num_workers=self._count_workers(),
            pin_memory=device.type == "cuda",
            # Its own, so that making the loader anew on resuming draws no number from the generator that was restored.
            generator=torch.Generator().manual_seed(config.seed),
        )
        network = torch.compile(self._run_once(micro_batch)) if config.compile else model
        self.network, state.optimizer, loader = self.accelerator.prepare(network, state.optimizer, loader)
        self.batches: Iterator[Tensor] = iter(loader)
        self._graph: GraphedGradients | None = None

    def _run_once(self, micro_batch: int) -> PretrainedModel:
        """Return the model once it has made what it keeps (`devices.kept`), for a compiler to find."""
        clips = torch.zeros(micro_batch, self.model.config.num_samples, device=self.accelerator.device)
        with torch.no_grad(), torch.random.fork_rng(), self.autocast(), in_mode(self.model, training=True):
            self.model(clips, *self.draw_window(), with_costs=True)
        return self.model

    def _count_workers(self) -> int:
        """Return how many processes load clips; which clips a step gets does not depend on it."""
        if self.config.num_workers is not None:
            return self.config.num_workers
        cores = (os.cpu_count() or 1) // self.accelerator.num_processes
        return min(8, max(1, cores)) if self.accelerator.device.type == "cuda" else 0

    def recorded(
        self, fill_gradients: Callable[..., dict[str, Tensor]], clips: Tensor, first: int | Tensor, count: int
    ) -> dict[str, Tensor]:
        """Call `fill_gradients`, or, where steps are recorded, replay its CUDA graph, which the first batch records."""
        if not self.is_recorded:
            return fill_gradients(clips, first, count)
        if self._graph is None:
            try:
                self._graph = GraphedGradients(
                    partial(fill_gradients, first=first, count=count), self.model.parameters(), clips
                )
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                raise TrainingError(
                    f"a step of this model cannot be recorded as a CUDA graph ({error}); set cuda_graph=False, "
                    "--no-cuda-graph, or let the model ask the GPU for nothing and copy nothing in between"
                ) from error
        return self._graph(clips)

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Put the model into training mode and float32 products into the config's, for a while; name a lost process.

        TF32 is said once, beside the bar.
        """
        if self.config.tf32 and self.accelerator.device.type == "cuda" and not self.log.bar.disable:
            self.log.bar.write("on the GPU float32 products are TF32 (--no-tf32, tf32=False: exact)")
        with (
            in_mode(self.model, training=True),
            temporarily(self.model.target, fused=True) if self.config.fused else nullcontext(),
            tf32(self.config.tf32),
            temporarily(torch.backends.cudnn, benchmark=True),  # time ways to convolve, take the fastest
            self.processes.naming_loss(),
        ):
            yield

    def may_skip(self) -> bool:
        """Return whether a smaller scale of the loss may help against what overflowed in float16."""
        scaler = self.state.scaler
        return scaler.is_enabled() and scaler.get_scale() >= self.smallest_scale

    def autocast(self) -> torch.autocast:
        """Return a context in which matrix products have the config's precision."""
        dtype = getattr(torch, self.config.precision)
        half = dtype != torch.float32
        return torch.autocast(self.accelerator.device.type, dtype if half else None, enabled=half)

    def draw_window(self) -> tuple[int | Tensor, int]:
        """Return the first sample and the length of the part of every clip that this step decodes and scores.

        It is drawn from the step's number, so it needs no saving, and all processes draw the same. Where it differs
        from step to step it is a tensor, on the CPU: a compiled model then serves all.
        """
        window, total = self.config.window, self.model.config.num_samples
        if window is None or window >= total:
            return 0, total
        rng = np.random.default_rng([self.config.seed, self.state.step, _WINDOWS])
        return torch.tensor(rng.integers(total - window + 1)), window


def _new_accelerator(cpu: bool) -> "Accelerator":
    from accelerate import Accelerator  # takes a second to import, which whoever only reads configs is spared
    from accelerate.utils import DataLoaderConfiguration

    return Accelerator(cpu=cpu, dataloader_config=DataLoaderConfiguration(split_batches=True, non_blocking=True))


def _check_fusable(model: PretrainedModel, precision: str, device: torch.device) -> None:
    """Raise ConfigError unless a model's target network can be played in one kernel."""
    target, capability = getattr(model, "target", None), (0, 0)
    fusable = precision != "float32" and not getattr(model.config, "shared", ())
    if device.type == "cuda" and find_spec("triton") and isinstance(target, FourierMLP):
        from hypersound_lib.inr import fused

        fused.check_fusable(target.config.width, target.num_inputs)
        capability = torch.cuda.get_device_capability(device)
        fusable = fusable and capability[0] in fused.CAPABILITIES
    if capability == (0, 0) or not fusable:
        raise ConfigError(
            "a fused target network wants a GPU of compute capability 8, 9 or 12, with Triton, precision bfloat16 or "
            f"float16, and a FourierMLP that shares no weights; here are {device} {capability}, {precision} and "
            f"{type(target).__name__}: set fused=False, --no-fused"
        )


def _scored(config: TrainingConfig, loss: ReconstructionLoss, num_samples: int) -> int:
    """Return how many samples of a clip a step scores; ConfigError where the loss needs more."""
    scored = num_samples if config.window is None else min(config.window, num_samples)
    if scored < loss.min_samples:
        raise ConfigError(
            f"loss {config.loss.terms!r} needs at least {loss.min_samples} samples at once, and a step scores "
            f"{scored}: choose a longer window, or shorter fft_sizes in LossConfig"
        )
    return scored


def _is_recorded(config: TrainingConfig, accelerator: "Accelerator", is_whole: bool) -> bool:
    """Return whether a step is to be a CUDA graph; ConfigError where it must be one and cannot."""
    device, count = accelerator.device.type, accelerator.num_processes
    possible = device == "cuda" and count == 1 and is_whole
    if config.cuda_graph and not possible:
        raise ConfigError(
            f"a CUDA graph needs one CUDA device, whole clips and no accumulation; there are {device}, {count} "
            f"processes, window {config.window}, accumulate {config.accumulate}: leave cuda_graph out"
        )
    return possible if config.cuda_graph is None else config.cuda_graph
