"""Folders of weights, which models are saved to and loaded from. They hold no code: opening one is safe.

FOLDER/model.safetensors   tensors by name
       config.json         a format tag, and whatever the model needs to be built again
       README.md           the model card
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hypersound_lib.errors import ConfigError, WeightsFileError, suggestion
from hypersound_lib.files import embedded_data, name_in_text, staging_folder, write_synced

FORMAT = "hypersound_lib.model/1"
WEIGHTS_FILE, CONFIG_FILE, CARD_FILE = "model.safetensors", "config.json", "README.md"


def write_folder(
    folder: str | os.PathLike, tensors: Mapping[str, Tensor], config: Mapping[str, Any], card: str
) -> None:
    """Write weights, of which no two may share memory, config and card.

    Files of these names are replaced, each as a whole; others stay.

    Raises:
        ConfigError: `config` holds something that JSON cannot, or a tensor NaN or Inf.
    """
    folder = Path(folder)
    try:
        text = json.dumps({"format": FORMAT, **config}, indent=1) + "\n"
    except (TypeError, ValueError) as error:
        raise ConfigError(f"config and facts must be what JSON can hold ({error})") from error
    if bad := first_not_finite(tensors):
        raise ConfigError(f"{folder}: {bad} holds NaN or Inf; nothing was saved. Train again, or from a checkpoint")
    folder = folder.resolve()  # a link may lead to another disk, onto which nothing can be renamed
    # Whatever can fail, such as a full disk, fails in here, before anything old is touched.
    with staging_folder(folder) as staging:
        stored = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        write_synced(staging / WEIGHTS_FILE, save(stored, {"format": "pt"}))
        write_synced(staging / CONFIG_FILE, text.encode())
        write_synced(staging / CARD_FILE, card.encode())
        folder.mkdir(exist_ok=True)
        # The config comes last: while a new folder lacks it, nobody takes the folder for a model.
        for name in (CARD_FILE, WEIGHTS_FILE, CONFIG_FILE):
            os.replace(staging / name, folder / name)


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds NaN or Inf, if there is one."""
    return next((n for n, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()), None)


def find_folder(name_or_folder: str | os.PathLike, revision: str | None = None) -> Path:
    """Return the folder of a model: a local one, one that ships with the library, or one of the Hugging Face hub.

    Of a training run's folder `best` is taken; what comes from the hub is downloaded once. Write ``./local`` for a
    folder called like a shipped model; the name alone means such a folder only where it holds a model.

    Raises:
        WeightsFileError: there is no such model, or the hub cannot be reached.
    """
    if (folder := local_folder(name_or_folder)) is not None:
        return folder
    name, shipped = str(name_or_folder), _shipped()
    if name in shipped:
        return shipped[name]
    known = f"shipped with this library: {', '.join(shipped)}"
    if isinstance(name_or_folder, os.PathLike) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
        raise WeightsFileError(
            f"{name}: there is no such folder or model ({known}); {suggestion(name, shipped)}the hub's are called "
            "owner/name"
        )
    return _download(name, revision, known)


def local_folder(name_or_folder: str | os.PathLike) -> Path | None:
    """Return the folder on this machine that `find_folder` would take, without the shipped ones; None if none."""
    folder = Path(name_or_folder)
    holder = next((place for place in (folder, folder / "best") if (place / CONFIG_FILE).is_file()), None)
    if holder is not None or not folder.is_dir():
        return holder
    return None if isinstance(name_or_folder, str) and name_or_folder in _shipped() else folder


def read_folder(folder: str | os.PathLike) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the config, without its format tag, and the tensors that `write_folder` wrote.

    Raises:
        WeightsFileError: a file is missing, is damaged, or holds something else.
    """
    config, weights = read_config(folder), Path(folder) / WEIGHTS_FILE
    try:
        with name_in_text(weights) as path:
            tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsFileError(f"{weights}: not a whole safetensors file ({error}); copy the folder again") from error
    if bad := first_not_finite(tensors):
        raise WeightsFileError(f"{weights}: {bad} holds NaN or Inf; copy the model's folder again")
    return config, tensors


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """Return the config alone, without its format tag; where it names no kind of model, it is of a HyperSound.

    Raises:
        WeightsFileError: it is missing, is damaged, or describes something else.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise WeightsFileError(f"{path}: there is no such file; a model's folder holds {CONFIG_FILE} and weights")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsFileError(f"{path}: not whole JSON ({error}); copy the folder again") from error
    if not isinstance(config, dict) or config.pop("format", None) != FORMAT:
        raise WeightsFileError(f"{path}: lacks the tag {FORMAT!r}, so it describes something else")
    return {"kind": "HyperSound"} | config  # there were no others when the first files were written


def _shipped() -> dict[str, Path]:
    """Return the models that come with the library, by name."""
    return {path.parent.name: path.parent for path in sorted(embedded_data("checkpoints").glob(f"*/{CONFIG_FILE}"))}


def _download(name: str, revision: str | None, known: str) -> Path:
    import huggingface_hub

    try:
        files = [WEIGHTS_FILE, CONFIG_FILE, CARD_FILE]
        return Path(huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=files))
    # Its HTTP client, and so the errors of a lost connection, differ between its versions.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = f"{name} at {revision}" if revision else name
        raise WeightsFileError(
            f"{where}: no such folder, and not available from the hub ({reason}). Check the name and the network, or "
            f"take a folder or a model {known}"
        ) from error
