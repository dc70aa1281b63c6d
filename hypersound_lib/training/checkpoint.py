"""Checkpoints: all that a training needs to go on, in files that hold no code and are never half there.

RUN/checkpoints/step-00000500/model.safetensors      weights
                              training.safetensors   optimiser, moving average, random number generators
                              state.json             step, seconds, best score
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hypersound_lib.atomic import staging_folder, write_synced
from hypersound_lib.errors import WeightsFileError
from hypersound_lib.training.state import TrainingState

_FORMAT = 1


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: `RUN/checkpoints`; made at the first save.
        keep: how many of the latest to keep.
    """

    def __init__(self, folder: Path, keep: int):
        self.folder = folder
        self.keep = keep

    def saved(self) -> list[Path]:
        """Return the checkpoints that are there, oldest first."""
        return sorted(self.folder.glob("step-*"))

    def save(self, state: TrainingState) -> Path:
        """Write a checkpoint under a temporary name, rename it, and only then delete the oldest beyond `keep`."""
        target = self.folder / f"step-{state.step:08d}"
        if target.exists():  # a step has only one state
            return target
        numbers = {"format": _FORMAT, "step": state.step, "seconds": state.seconds, "best_score": state.best_score}
        write_checkpoint(target, _contiguous(state.model.state_dict()), _training_tensors(state), numbers)
        for old in self.saved()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def load_latest(self, state: TrainingState) -> Path | None:
        """Continue from the latest checkpoint, if there is one: `state` becomes what was saved, bit for bit.

        Raises:
            WeightsFileError: the checkpoint is damaged or belongs to another model or optimiser.
        """
        if not self.saved():
            return None
        path = self.saved()[-1]
        try:
            numbers = json.loads((path / "state.json").read_text(encoding="utf-8"))
            if numbers["format"] != _FORMAT:
                raise WeightsFileError(f"{path}: format {numbers['format']}, this library reads {_FORMAT}")
            state.model.load_state_dict(load_file(path / "model.safetensors"))
            _restore_training(state, load_file(path / "training.safetensors"))
            state.step, state.seconds = numbers["step"], numbers["seconds"]
            state.best_score = numbers["best_score"]
        except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
            raise WeightsFileError(
                f"{path}: cannot go on from here ({error}). Delete this folder to resume from the checkpoint before, "
                "or start again with another --out."
            ) from error
        return path


def write_checkpoint(
    target: Path, model: dict[str, Tensor], training: dict[str, Tensor], numbers: dict[str, Any]
) -> None:
    """Write a checkpoint's files under a temporary name, and rename their folder to `target`.

    Raises:
        OSError: the disk is full or refuses; it names `target`.
    """
    for left in target.parent.glob(".writing-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with staging_folder(target) as staging:
        write_synced(staging / "model.safetensors", save(model))
        write_synced(staging / "training.safetensors", save(training))
        write_synced(staging / "state.json", json.dumps(numbers).encode())
        os.replace(staging, target)


def _training_tensors(state: TrainingState) -> dict[str, Tensor]:
    tensors = {f"average.{name}": value for name, value in state.average.items()}
    for name, p in state.model.named_parameters():
        for key, value in state.optimizer.state.get(p, {}).items():
            tensors[f"optimizer.{key}.{name}"] = torch.as_tensor(value)
    tensors["rng.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    return _contiguous(tensors)


def _restore_training(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    torch.set_rng_state(tensors["rng.cpu"])
    if torch.cuda.is_available() and "rng.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng.cuda"])
    for name in state.average:
        state.average[name].copy_(tensors[f"average.{name}"])
    for name, p in state.model.named_parameters():
        for key in ("step", "exp_avg", "exp_avg_sq"):
            value = tensors[f"optimizer.{key}.{name}"]
            state.optimizer.state[p][key] = value.to(p.device) if key != "step" or p.is_cuda else value


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
