"""Checkpoints: all that a training needs to go on, in files that hold no code and are never half there.

RUN/checkpoints/step-00000500/model.safetensors      weights
                              training.safetensors   optimiser, moving average, random number generators
                              state.json             step, seconds, best score, and hashes of all that
"""

import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from hypersound_lib.errors import WeightsFileError
from hypersound_lib.files import staging_folder, write_synced


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
        return saved_checkpoints(self.folder)

    def save(self, state: "State") -> Path:
        """Write a checkpoint under a temporary name, rename it, and only then delete the oldest beyond `keep`."""
        target = self.folder / f"step-{state.step:08d}"
        if target.exists():  # a step has only one state
            return target
        numbers = {"format": state.format} | {name: getattr(state, name) for name in state.numbers}
        training = state.training_tensors() | {"rng.cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            training["rng.cuda"] = torch.cuda.get_rng_state()
        write_checkpoint(target, _contiguous(state.networks.state_dict()), _contiguous(training), numbers)
        for old in self.saved()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def load_latest(self, state: "State") -> Path | None:
        """Continue from the latest whole checkpoint, if there is one: `state` becomes what was saved, bit for bit.

        Raises:
            WeightsFileError: all are damaged, or the latest belongs to another model or optimiser.
        """
        checkpoint = read_latest(self.folder, state.format)
        if checkpoint is None:
            return None
        with checkpoint.restoring():
            state.networks.load_state_dict(checkpoint.model)
            torch.set_rng_state(checkpoint.training.pop("rng.cpu"))
            cuda = checkpoint.training.pop("rng.cuda", None)
            if cuda is not None and torch.cuda.is_available():
                torch.cuda.set_rng_state(cuda)
            state.restore_training(checkpoint.training)
            for name in state.numbers:
                setattr(state, name, checkpoint.numbers[name])
        return checkpoint.path


class State(Protocol):
    """What a training changes, as `Checkpoints` saves it."""

    format: int | str  # of its checkpoints
    numbers: tuple[str, ...]  # attributes that state.json holds
    step: int  # updates done
    networks: nn.Module  # whose weights are saved

    def training_tensors(self) -> dict[str, Tensor]:
        """Return all other tensors: of optimisers and averages."""

    def restore_training(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `training_tensors` returned."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's files hold."""

    path: Path
    numbers: dict[str, Any]
    model: dict[str, Tensor]
    training: dict[str, Tensor]

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Say what is wrong where the contents do not fit what is restored inside."""
        try:
            yield
        except (ValueError, KeyError, RuntimeError) as error:
            raise WeightsFileError(
                f"{self.path}: cannot go on from here ({error}). It belongs to another model or optimiser; start again "
                "with another --out."
            ) from error


def saved_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, oldest first."""
    return sorted(folder.glob("step-*"))


def write_checkpoint(
    target: Path, model: dict[str, Tensor], training: dict[str, Tensor], numbers: dict[str, Any]
) -> None:
    """Write a checkpoint's files and their hashes under a temporary name, and rename their folder to `target`.

    Raises:
        OSError: the disk is full or refuses; it names `target`.
    """
    for left in target.parent.glob(".writing-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    contents = {"model.safetensors": save(model), "training.safetensors": save(training)}
    hashes = {name: _sha256(content) for name, content in contents.items()}
    hashes["numbers"] = _sha256(_canonical(numbers))
    contents["state.json"] = json.dumps({**numbers, "sha256": hashes}).encode()
    with staging_folder(target) as staging:
        for name, content in contents.items():
            write_synced(staging / name, content)
        os.replace(staging, target)


def read_latest(folder: Path, version: int | str) -> Checkpoint | None:
    """Return the latest whole checkpoint, None where there is none. Later ones become damaged-…, with a warning.

    Raises:
        WeightsFileError: all of them are damaged, or the latest is of another format than `version`.
    """
    paths = saved_checkpoints(folder)
    for path in reversed(paths):
        try:
            return _read(path, version)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
            if path == paths[0]:
                raise WeightsFileError(
                    f"{path}: cannot go on from here ({error}), and no checkpoint before it is left. Start again with "
                    "another --out."
                ) from error
            aside = path.with_name(f"damaged-{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(OSError):  # another process of the same launch was first
                os.replace(path, aside)
            warnings.warn(
                f"{path} is damaged ({error}) and was renamed to {aside.name}: going on from the checkpoint before",
                stacklevel=3,
            )
    return None


def _read(path: Path, version: int | str) -> Checkpoint:
    numbers = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if numbers["format"] != version:
        raise WeightsFileError(f"{path}: format {numbers['format']}, this library reads {version}")
    hashes = numbers.pop("sha256", None)  # early versions wrote none
    contents = {name: (path / name).read_bytes() for name in ("model.safetensors", "training.safetensors")}
    if hashes is not None:
        for name, content in (contents | {"numbers": _canonical(numbers)}).items():
            if _sha256(content) != hashes[name]:
                raise ValueError(f"{name}: its content has changed since it was written")
    if f"step-{numbers['step']:08d}" != path.name or not 0 <= numbers["seconds"] < math.inf:
        raise ValueError(f"step {numbers['step']} and {numbers['seconds']} s are not what {path.name} can hold")
    if "best_score" in numbers and not numbers["best_score"] <= math.inf:
        raise ValueError(f"a best score of {numbers['best_score']} is none")
    return Checkpoint(path, numbers, *map(load, contents.values()))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(numbers: dict[str, Any]) -> bytes:
    return json.dumps(numbers, sort_keys=True).encode()


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
