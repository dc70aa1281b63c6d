"""Damaged and hostile models, INRs and checkpoints: what is loaded works, or the error is named.

A checkpoint has hashes: what is loaded from a damaged one is, bit for bit, what one of the whole ones holds.
"""

import copy
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.inr import FourierMLP
from hypersound_lib.inr.fourier_mlp import FourierMLPConfig
from hypersound_lib.models import load_model
from hypersound_lib.training.checkpoint import Checkpoints
from hypersound_lib.training.state import TrainingState
from tests.fuzz.judge import Try, damaged
from tests.local.small import make_model as make_local
from tests.training.tiny import RATE, changed, make_model, run_training

HOSTILE = [0, -1, -5, 1, 3, 10**9, 10**12, 10**30, 0.5, 1e300, float("nan"), float("inf"), "", "x", None, True, [], {}]
HOSTILE += [[10**9] * 3, [1] * 100_000, [-1], [[1]], {"x": 1}, "1" * 10_000]


def prepare_damaged(folder: Path) -> Try:
    """Return what loads one model with a damaged file."""
    models = saved(folder)

    def attempt(generator: random.Random) -> str:
        place = fresh_copy(generator.choice(models), folder)
        path = place / generator.choice(["config.json", "model.safetensors"])
        path.write_bytes(damaged([path.read_bytes()], generator))
        return loaded(place)

    return attempt


def prepare_hostile(folder: Path) -> Try:
    """Return what loads one model or INR whose config has one to three other values."""
    models, fitted = saved(folder), folder / "fitted.safetensors"
    FittedSound(FourierMLP(FourierMLPConfig(1, 4, 3)), RATE, 100).save(fitted)

    def attempt(generator: random.Random) -> str:
        if generator.random() < 0.3:
            return hostile_inr(fitted, folder / "x.safetensors", generator)
        place = fresh_copy(generator.choice(models), folder)
        path = place / "config.json"
        path.write_text(json.dumps(spoilt(json.loads(path.read_text(encoding="utf-8")), generator)), encoding="utf-8")
        return loaded(place)

    return attempt


def prepare_checkpoints(folder: Path) -> Try:
    """Return what loads the latest of two checkpoints, of which one or both are damaged."""
    run = folder / "run"
    run_training(run, steps=4, checkpoint_every=2)
    whole = {path.parent.name: load_file(path) for path in run.glob("checkpoints/*/model.safetensors")}
    assert len(whole) == 2

    def attempt(generator: random.Random) -> str:
        place = fresh_copy(run / "checkpoints", folder)
        for _ in range(generator.randint(1, 2)):
            path = generator.choice(sorted(place.glob("*/*")))
            path.write_bytes(damaged([path.read_bytes()], generator))
        state = TrainingState(make_model(), changed())
        found = Checkpoints(place, 2).load_latest(state)
        assert found is not None, "there were two"
        expected, weights = whole[found.name], state.model.state_dict()
        assert state.step == int(found.name.removeprefix("step-")), "another step than the folder says"
        assert all(torch.equal(weights[name], expected[name]) for name in expected), "weights that nobody saved"
        return "the latest" if found.name == max(whole) else "the one before, with a warning"

    return attempt


def saved(folder: Path) -> list[Path]:
    models = {"hypersound": make_model().eval(), "local": make_local()}
    for name, model in models.items():
        model.save_pretrained(folder / name)
        assert loaded(folder / name) == "loaded"
    return [folder / name for name in models]


def fresh_copy(original: Path, folder: Path) -> Path:
    """Return a copy of a folder, in the place of the one before."""
    place = folder / "changed"
    shutil.rmtree(place, ignore_errors=True)
    return shutil.copytree(original, place)


def loaded(place: Path) -> str:
    model = load_model(place)
    assert all(p.isfinite().all() for p in model.parameters())
    rate = {} if model.default_kbps is None else {"kbps": 64}
    copy = model.reconstruct(0.1 * torch.ones(500).cumsum(0).sin(), RATE, RATE, **rate)
    assert copy.shape == (500,), "a copy of another length"
    assert copy.isfinite().all(), "a sample is NaN or Inf"
    return "loaded"


def hostile_inr(fitted: Path, path: Path, generator: random.Random) -> str:
    """Load an INR whose description has other values, and play it."""
    with safe_open(fitted, "pt") as file:
        metadata = file.metadata()
    description = spoilt(json.loads(metadata["sound"]), generator)
    save_file(load_file(fitted), path, metadata | {"sound": json.dumps(description)})
    sound = FittedSound.load(path)
    if sound.num_samples <= 10**6:  # longer ones are played as long as they say, block by block
        waveform = sound.render()
        assert waveform.shape == (sound.num_samples,)
        assert waveform.isfinite().all()
    return "loaded"


def spoilt(data: Any, generator: random.Random) -> Any:
    """Return nested dictionaries and lists with one to three hostile values."""
    for _ in range(generator.randint(1, 3)):
        where, key = generator.choice(list(_places(data)))
        where[key] = copy.deepcopy(generator.choice(HOSTILE))  # the next may change something inside
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items)[:100]:
        yield data, key
        yield from _places(value)
