"""How trainings of `local` are finished: a mean of weights, and a code that is trained alone."""

import dataclasses

import pytest
import torch
from finish import mean_of_averages, train_code
from safetensors.torch import load_file

from hypersound_lib.coding.rate import knob_value
from hypersound_lib.data import AudioStore
from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.presets import preset
from hypersound_lib.training import train

CONFIG = LocalHyperSoundConfig(
    num_samples=2048, hop=32, packet=20, side=3, encoder_width=8, generator_width=8, entropy_width=8, near_width=8
)


@pytest.fixture
def store():
    sound = 0.2 * torch.randn(22050, generator=torch.Generator().manual_seed(0)).cumsum(0).diff(prepend=torch.zeros(1))
    return AudioStore((sound.clamp(-1, 1) * 32767).short(), torch.tensor([0, 22050]).numpy(), 22050, ["noise"], [""])


def short_run(store, out, seed, **settings):
    torch.manual_seed(0)
    config = dataclasses.replace(
        preset("local").training, steps=3, batch_size=2, validation_clips=2, seed=seed, **settings
    )
    train(LocalHyperSound(CONFIG), store, store, config, out, cpu=True, progress=False)
    return out


def test_the_mean_of_runs_lies_between_their_averages(store, tmp_path):
    runs = [short_run(store, tmp_path / str(seed), seed) for seed in (1, 2)]
    mean = mean_of_averages(runs)
    LocalHyperSound(CONFIG).load_state_dict(mean, strict=False)
    for name, value in mean.items():
        one, other = (
            load_file(next((run / "checkpoints").glob("*3/training.safetensors")))[f"average.{name}"] for run in runs
        )
        assert torch.allclose(value, (one + other) / 2)
    assert any(not torch.equal(value, mean_of_averages(runs[:1])[name]) for name, value in mean.items())


def test_a_run_without_an_average_is_refused(store, tmp_path):
    with pytest.raises(ValueError, match="bare: keeps no average"):
        mean_of_averages([short_run(store, tmp_path / "bare", 1, ema_decay=0.0)])


def test_the_code_alone_is_trained_and_needs_fewer_bits(store):
    torch.manual_seed(0)
    model = LocalHyperSound(CONFIG)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sound = store.read(0, 0, 32 * 20)[None]

    def bits():
        value = knob_value(160).expand(1)
        sent = model.quantise(model.amplitudes(sound)[:, :20], value)
        with torch.no_grad():
            return sum(part.item() for part in model.entropy.bits(*(part.round() for part in sent), value))

    first = bits()
    train_code(model, store, steps=200, seed=0)
    assert bits() < 0.95 * first
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("entropy.") for name in changed)
