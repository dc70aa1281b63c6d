"""Checkpoints: all that a training needs to go on, in files that hold no code and are never half there.

RUN/checkpoints/step-00000500/model.safetensors      weights
                              training.safetensors   optimiser, moving average, random number generators
                              state.json             step, seconds, best score, and hashes of all that
"""

import hashlib
import json
import os
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.files import staging_folder, write_synced


class Checkpoints:
    """The `keep` latest checkpoints of one run, in `RUN/checkpoints`, which the first save makes.

    A state that is saved has a `format`, the `step` it is at, the `networks` whose weights are saved, the names of its
    `numbers` for state.json, and `training_tensors()`, of optimisers and averages, for `restore_training(tensors)`.
    """

    def __init__(self, folder: Path, keep: int):
        self.folder = folder
        self.keep = keep

    def saved(self) -> list[Path]:
        """Return the checkpoints that are there, oldest first."""
        return sorted(self.folder.glob("step-*"))

    def check(self, resume: bool) -> None:
        """Refuse to resume where no checkpoint is, and to start where one is.

        Raises:
            ConfigError: it is so.
        """
        run, saved = self.folder.parent, self.saved()
        if resume and not saved:
            raise ConfigError(f"{run} holds no checkpoint to resume from; leave --resume out to start there")
        if saved and not resume:
            raise ConfigError(
                f"{run} holds a training already, up to {saved[-1].name}; "
                "pass --resume to go on with it, or choose another --out"
            )

    def save(self, state: Any) -> Path:
        """Write a checkpoint under a temporary name, rename it, and only then delete the oldest beyond `keep`.

        Raises:
            OSError: the disk is full or refuses; it names the checkpoint.
        """
        target = self.folder / f"step-{state.step:08d}"
        for left in self.folder.glob(".writing-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        with staging_folder(target) as staging:
            for name, content in _contents(state).items():
                write_synced(staging / name, content)
            os.replace(staging, target)
        for old in self.saved()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def load_latest(self, state: Any) -> Path | None:
        """Continue from the latest whole checkpoint, if there is one: `state` becomes what was saved, bit for bit.

        Later ones become damaged-…, with a warning.

        Raises:
            WeightsFileError: all are damaged, or the latest belongs to another format, model or optimiser.
        """
        for path in reversed(paths := self.saved()):
            try:
                numbers, model, training = _read(path, state.format)
            except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
                if path == paths[0]:
                    raise WeightsFileError(
                        f"{path}: cannot go on from here ({error}), and no checkpoint before it is left. Start again "
                        "with another --out."
                    ) from error
                _put_aside(path, error)
            else:
                _restore(state, path, numbers, model, training)
                return path
        return None


def _contents(state: Any) -> dict[str, bytes]:
    """Return a checkpoint's files by name; the last one holds the others' hashes."""
    numbers = {"format": state.format} | {name: getattr(state, name) for name in state.numbers}
    training = state.training_tensors() | {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        training["rng.cuda"] = torch.cuda.get_rng_state()
    contents = {
        "model.safetensors": save(_contiguous(state.networks.state_dict())),
        "training.safetensors": save(_contiguous(training)),
    }
    return contents | {"state.json": json.dumps({**numbers, "sha256": _hashes(numbers, contents)}).encode()}


def _put_aside(path: Path, error: Exception) -> None:
    """Rename a damaged checkpoint, and say so."""
    aside = path.with_name(f"damaged-{path.name}")
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(OSError):  # another process of the same launch was first
        os.replace(path, aside)
    warnings.warn(
        f"{path} is damaged ({error}) and was renamed to {aside.name}: going on from the checkpoint before",
        stacklevel=3,
    )


def _restore(
    state: Any, path: Path, numbers: dict[str, Any], model: dict[str, Tensor], training: dict[str, Tensor]
) -> None:
    try:
        state.networks.load_state_dict(model)
        torch.set_rng_state(training.pop("rng.cpu"))
        cuda = training.pop("rng.cuda", None)
        if cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(cuda)
        state.restore_training(training)
        for name in state.numbers:
            setattr(state, name, numbers[name])
    except (ValueError, KeyError, RuntimeError) as error:
        raise WeightsFileError(
            f"{path}: cannot go on from here ({error}). It belongs to another model or optimiser; start again with "
            "another --out."
        ) from error


def _read(path: Path, version: int | str) -> tuple[dict[str, Any], dict[str, Tensor], dict[str, Tensor]]:
    """Return the numbers, the weights, and the other tensors."""
    numbers = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if numbers["format"] != version:
        raise WeightsFileError(f"{path}: format {numbers['format']}, this library reads {version}")
    hashes = numbers.pop("sha256")
    contents = {name: (path / name).read_bytes() for name in ("model.safetensors", "training.safetensors")}
    for name, found in _hashes(numbers, contents).items():
        if found != hashes[name]:
            raise ValueError(f"{name}: its content has changed since it was written")
    return numbers, load(contents["model.safetensors"]), load(contents["training.safetensors"])


def _hashes(numbers: dict[str, Any], contents: dict[str, bytes]) -> dict[str, str]:
    """Return SHA-256 of each file's content, and of the numbers."""
    hashed = contents | {"numbers": json.dumps(numbers, sort_keys=True).encode()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in hashed.items()}


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
