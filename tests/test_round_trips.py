"""Whatever the library can build comes back from its file: every config class, every target, every preset.

All of them are found, none is listed: what is added to the library is tested here without a change.
"""

import dataclasses
import importlib
import json
import pkgutil
from contextlib import suppress
from typing import get_args, get_type_hints

import pytest
import torch

import hypersound_lib
from hypersound_lib.config_json import from_json, to_json
from hypersound_lib.errors import ConfigError
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.inr import INR, INR_CONFIGS, SIREN, INRConfig, SIRENConfig, build_inr
from hypersound_lib.models import build_model, load_model
from hypersound_lib.presets import PRESETS
from tests.fields import other_values
from tests.training.tiny import MODEL

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(hypersound_lib.__path__, "hypersound_lib.")
    if not module.name.endswith("__main__")
]
CLASSES = {value for module in MODULES for value in vars(module).values() if isinstance(value, type)}
CONFIGS = {kind for kind in CLASSES if kind.__name__.endswith("Config") and dataclasses.is_dataclass(kind)}
CONFIG_CLASSES = sorted(CONFIGS, key=lambda kind: kind.__name__)


def variations(kind):
    """Yield one config for each field that holds no other config, with another value there."""
    hints, default = get_type_hints(kind), kind()
    for field in dataclasses.fields(kind):
        value = getattr(default, field.name)
        if dataclasses.is_dataclass(value):
            continue
        possible = []
        for other in other_values(hints[field.name], value):
            with suppress(ConfigError):
                possible.append(dataclasses.replace(default, **{field.name: other}))
        assert possible, f"no other value of {kind.__name__}.{field.name} could be made up: teach tests/fields.py one"
        yield possible[0]


def test_all_configs_are_found():
    names = {kind.__name__ for kind in CONFIGS}
    assert names >= {"HyperSoundConfig", "LocalHyperSoundConfig", "LossConfig", "TrainingConfig", "RAVEConfig"}
    assert set(INR_CONFIGS.values()) < CONFIGS


@pytest.mark.parametrize("kind", CONFIG_CLASSES)
def test_every_field_of_every_config_survives_json(kind):
    configs = [kind(), *variations(kind)]
    assert len(set(configs)) == len(configs)
    for config in configs:
        assert from_json(kind, json.loads(json.dumps(to_json(config)))) == config


def test_every_network_and_its_config_can_be_a_target():
    networks = {kind for kind in subclasses(INR) if kind.__module__.startswith("hypersound_lib.")}
    assert networks == {type(build_inr(config())) for config in INR_CONFIGS.values()}
    assert set(get_args(INRConfig)) == set(INR_CONFIGS.values())


def subclasses(kind):
    return {kind for direct in kind.__subclasses__() for kind in (direct, *subclasses(direct))}


def assert_comes_back(model, folder):
    """Save a model, load it, and compare all that it is and does."""
    model.save_pretrained(folder)
    again = load_model(folder)
    assert type(again) is type(model)
    assert again.config == model.config
    tensors, loaded = model.state_dict(), again.state_dict()
    assert tensors.keys() == loaded.keys()
    assert all(torch.equal(value, loaded[name]) for name, value in tensors.items())
    clips = 0.1 * torch.randn(2, model.config.num_samples, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(again(clips, num_samples=64), model.eval()(clips, num_samples=64))


def hypersound(target, shared=()):
    torch.manual_seed(0)
    changes = {"num_samples": 64, "hypernetwork": HyperNetworkConfig((2,)), "target": target, "shared": shared}
    return HyperSound(dataclasses.replace(MODEL, **changes))


@pytest.mark.parametrize("kind", INR_CONFIGS)
def test_a_model_of_every_target_comes_back(tmp_path, kind):
    target = INR_CONFIGS[kind]()
    assert_comes_back(hypersound(target), tmp_path)
    first, *_ = (name for name, _ in build_inr(target).named_parameters())
    assert_comes_back(hypersound(target, shared=(first,)), tmp_path)


@pytest.mark.parametrize("name", PRESETS)
def test_a_model_of_every_preset_comes_back(tmp_path, name):
    config = PRESETS[name].model
    if isinstance(config, HyperSoundConfig):  # its head alone may take 1.2 GB
        config = dataclasses.replace(config, hypernetwork=dataclasses.replace(config.hypernetwork, hidden=(2,)))
    torch.manual_seed(0)
    assert_comes_back(build_model(config), tmp_path)


@dataclasses.dataclass(frozen=True)
class ForeignConfig(SIRENConfig):
    """A config that no file knows."""


class Foreign(SIREN):
    """A network that no file knows."""


def test_what_could_not_be_loaded_is_refused_before_it_is_trained(tmp_path):
    local = dataclasses.replace(PRESETS["local"].model, hop=320.0)
    for make, message in (
        (lambda: hypersound(ForeignConfig()), r"target must be one of .*SIRENConfig.*: ForeignConfig"),
        (lambda: build_model(HyperSoundConfig(sample_rate=8000.0)), r"sample_rate must be int, not 8000\.0"),
        (lambda: build_model(local), r"hop must be int, not 320\.0"),
        (lambda: FittedSound(Foreign(), 8000, 50).save(tmp_path / "x"), r"not Foreign; add it to inr/build\.py"),
    ):
        with pytest.raises(ConfigError, match=message):
            make()
    assert not list(tmp_path.iterdir())
