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
CONFIG_CLASSES = sorted(
    {
        value
        for module in MODULES
        for name, value in vars(module).items()
        if name.endswith("Config") and dataclasses.is_dataclass(value)
    },
    key=lambda kind: kind.__name__,
)


def through_json(config):
    return from_json(type(config), json.loads(json.dumps(to_json(config))))


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
    names = {kind.__name__ for kind in CONFIG_CLASSES}
    assert names >= {"HyperSoundConfig", "LocalHyperSoundConfig", "LossConfig", "TrainingConfig", "RAVEConfig"}
    assert set(INR_CONFIGS.values()) < set(CONFIG_CLASSES)


@pytest.mark.parametrize("kind", CONFIG_CLASSES)
def test_every_field_of_every_config_survives_json(kind):
    configs = [kind(), *variations(kind)]
    assert len(set(configs)) == len(configs)
    for config in configs:
        assert through_json(config) == config


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
    hypernetwork = HyperNetworkConfig((2,))
    return HyperSound(
        dataclasses.replace(MODEL, num_samples=64, hypernetwork=hypernetwork, target=target, shared=shared)
    )


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
    with pytest.raises(ConfigError, match=r"target must be one of .*SIRENConfig.*: ForeignConfig"):
        hypersound(ForeignConfig())
    with pytest.raises(ConfigError, match=r"sample_rate must be int, not 8000\.0"):
        build_model(HyperSoundConfig(sample_rate=8000.0))
    with pytest.raises(ConfigError, match=r"hop must be int, not 320\.0"):
        build_model(dataclasses.replace(PRESETS["local"].model, hop=320.0))
    with pytest.raises(ConfigError, match=r"not Foreign; add it to inr/build\.py"):
        FittedSound(Foreign(), 8000, 50).save(tmp_path / "sound.safetensors")
    assert not list(tmp_path.iterdir())
