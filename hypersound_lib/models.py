"""Models of every kind by name, by folder or by config: the one entry for callers that need not know which it is."""

import os
from importlib import import_module
from typing import Any

from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.hub.folders import find_folder, read_config
from hypersound_lib.hub.model import PretrainedModel

# Where each kind's class is, which has its name. Imported when needed: RAVE's package brings its training along.
_MODULES = {
    "HyperSound": "hypersound_lib.hypersound.model",
    "LocalHyperSound": "hypersound_lib.local.model",
    "RAVE": "hypersound_lib.baselines.rave",
}


def load_model(name_or_folder: str | os.PathLike, revision: str | None = None) -> PretrainedModel:
    """Load a `HyperSound`, a `LocalHyperSound` or a `RAVE` in float32 on the CPU, in evaluation mode.

    What was noted about it is in `facts`.

    Args:
        name_or_folder: a folder that `save_pretrained` wrote, a training run's folder, the name of a model that
            ships with the library, or `owner/name` on the Hugging Face hub.
        revision: branch, tag or commit on the hub; None stands for its main branch.

    Raises:
        WeightsFileError: there is no such model, it is of an unknown kind, or its files are damaged or do not fit
            each other.

    >>> type(load_model("local")).__name__, type(load_model("table1-rave")).__name__
    ('LocalHyperSound', 'RAVE')
    """
    folder = find_folder(name_or_folder, revision)
    kind = read_config(folder)["kind"]
    if not isinstance(kind, str) or kind not in _MODULES:
        raise WeightsFileError(f"{folder}: a model of kind {kind!r}; this library knows {', '.join(_MODULES)}")
    return _class_of(kind).from_pretrained(folder)


def build_model(config: Any) -> PretrainedModel:
    """Build the model that a config describes, with random weights.

    Raises:
        ConfigError: it is no model's config.
    """
    for kind in _MODULES:
        if isinstance(config, _class_of(kind).config_class):
            return _class_of(kind)(config)
    configs = ", ".join(f"{kind}Config" for kind in _MODULES)
    raise ConfigError(f"{config!r} is no config of a model; there are {configs}")


def _class_of(kind: str) -> type[PretrainedModel]:
    return getattr(import_module(_MODULES[kind]), kind)
