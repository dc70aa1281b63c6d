"""LocalHyperSound: any length, bounded look-ahead, streaming equal to the whole, folders, and the presets' budgets."""

import dataclasses
import json
import math

import pytest
import torch

from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.evaluation.systems import load_system
from hypersound_lib.inr import LocalConfig
from hypersound_lib.local_config import LocalHyperSoundConfig
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig
from hypersound_lib.local_model import LocalHyperSound
from hypersound_lib.model import HyperSound, build_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.reconstruction import reconstruct
from hypersound_lib.streaming import stream, stream_encode
from hypersound_lib.training import train
from tests.inr.local_networks import NETWORKS
from tests.training.tiny import changed, make_store

TARGETS = {
    "lapped": LocalConfig(hop=16),
    "basis and textures": LocalConfig(hop=16, basis=6, bands=4),
    "pulses": LocalConfig(hop=16, basis=6, bands=4, pulses=(1.0, 4.0)),
    "paired": LocalConfig(hop=16, waves="paired"),
    "loudest": LocalConfig(hop=16, bands=4, pulses=(1.0, 4.0), loudest=8, textures=6),
} | NETWORKS
RATE = 8000
LOCAL = [name for name in PRESETS if name.startswith("local-")]


def make(name="basis and textures", seed=0):
    torch.manual_seed(seed)
    network = LocalHyperNetworkConfig(width=12, dilations=(1, 2), bottleneck=5)
    if name == "loudest":
        network = dataclasses.replace(network, bottleneck=4 + 3 + 3, block=4)
    return stirred(LocalHyperSound(LocalHyperSoundConfig(RATE, 256, network, TARGETS[name])))


def stirred(model):
    """Wake layers that start at zero, so that all others have a say."""
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 2 and not p.any():
                p.normal_(std=0.02)
    return model


def sound(num_samples, seed=0):
    return 0.1 * torch.randn(num_samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("num_samples", [1, 15, 16, 17, 100, 333])
def test_any_length_comes_back_as_long(num_samples):
    model = make()
    out = model(sound(num_samples)[None])
    assert out.shape == (1, num_samples)
    assert out.isfinite().all()
    params = model.encode(sound(num_samples)[None])
    assert params["readout"].shape == (1, (num_samples - 1) // 16 + 2, 6)


@pytest.mark.parametrize("name", TARGETS)
def test_items_of_a_batch_do_not_mix_and_windows_are_parts_of_the_whole(name):
    model = make(name)
    x = torch.stack([sound(200, 1), sound(200, 2)])
    whole = model(x)
    assert not torch.allclose(whole[0], whole[1], atol=1e-3)
    torch.testing.assert_close(whole[1:], model(x[1:]), rtol=0, atol=1e-6)
    torch.testing.assert_close(whole[:, 37:90], model(x, 37, 53), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", TARGETS)
def test_a_frame_depends_on_no_sound_beyond_its_reach(name):
    model = make(name)
    hop, reach = 16, model.hypernetwork.reach
    x = sound(80 * hop)
    changed_late = x.clone()
    late = 51  # the last frame of a block, where frames share
    changed_late[late * hop :] += 1.0
    a, b = (torch.cat([v[0].flatten(1) for v in model.encode(s[None]).values()], dim=1) for s in (x, changed_late))
    first = late - reach
    torch.testing.assert_close(a[:first], b[:first], rtol=0, atol=0)
    assert not torch.allclose(a[first : first + 3], b[first : first + 3], atol=1e-7), "the reach is not overstated"


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("frames", [1, 7, 1000])
def test_streaming_equals_the_whole(name, frames):
    model = make(name).eval()
    x = sound(1003)
    whole = model.encode(x[None])
    pieces = list(stream_encode(model, x, frames))
    assert max(next(iter(piece.values())).shape[1] for piece in pieces) <= frames
    for key, value in whole.items():
        torch.testing.assert_close(torch.cat([p[key] for p in pieces], dim=1), value, rtol=0, atol=1e-5)
    for rate in (RATE, 2 * RATE, 11025, *([6000] if model.target.plays_lower_rates else [])):
        joined = torch.cat(list(stream(model, x, rate, frames=frames)))
        count = math.ceil(len(x) * rate / RATE)
        torch.testing.assert_close(joined, model.decode(whole, count, rate)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 17, 160, 5000])
def test_a_sound_may_come_in_blocks_of_any_size(size):
    model, x = make().eval(), sound(700)
    for frames in (3, 1000):
        whole = torch.cat(list(stream(model, x, 11025, frames=frames)))
        blocks = torch.cat(list(stream(model, iter(x.split(size)), 11025, frames=frames)))
        torch.testing.assert_close(blocks, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [6000, 7000, 11025, 44100])
def test_reconstruct_streams_and_has_the_length_and_level_of_the_original(rate):
    model = make()
    x = sound(1500)
    copy = reconstruct(model, x, RATE, rate)
    assert len(copy) == math.floor(1500 * rate / RATE + 0.5)
    torch.testing.assert_close(reconstruct(model, 0.25 * x, RATE, rate), 0.25 * copy, rtol=0, atol=1e-5)
    assert not reconstruct(model, torch.zeros(500), RATE, rate).any()


@pytest.mark.parametrize("name", ["basis and textures", "loudest", *NETWORKS])
def test_folders_hold_it_and_every_loader_finds_it(tmp_path, name):
    model = make(name)
    model.save_pretrained(tmp_path / "local", facts={"minutes": 2})
    for cls in (HyperSound, LocalHyperSound):
        loaded = cls.from_pretrained(tmp_path / "local")
        assert isinstance(loaded, LocalHyperSound)
        assert (loaded.config, loaded.facts) == (model.config, {"minutes": 2})
        assert torch.equal(loaded(sound(300)[None]), model(sound(300)[None]))
    system = load_system(str(tmp_path / "local"))
    assert (system.name, system.sample_rate) == ("local", RATE)
    theta = {"basis and textures": 6 + 2 * 4}.get(name, model.target.num_params)  # numbers a frame
    assert (system.theta_per_second, system.narrowest_per_second) == (
        theta * 500,
        (10 if name == "loudest" else 5) * 500,
    )
    copy = system.reconstruct(sound(400), RATE, RATE)
    torch.testing.assert_close(copy, reconstruct(model, sound(400), RATE), rtol=0, atol=1e-6)


def test_another_kind_of_model_is_refused(tmp_path):
    HyperSound(PRESETS["tutorial"].model).save_pretrained(tmp_path / "global")
    with pytest.raises(WeightsFileError, match="holds a HyperSound, no LocalHyperSound"):
        LocalHyperSound.from_pretrained(tmp_path / "global")


def test_the_training_loop_takes_it_as_it_is_and_it_learns(tmp_path):
    model = make("lapped")
    config = changed(steps=60, learning_rate=1e-2, loss=dataclasses.replace(changed().loss, terms="log_nmse"))
    result = train(model, make_store(0), make_store(1), config, tmp_path / "run", cpu=True, progress=False)
    assert result.step == 60
    assert result.validation["si_snr"] > 3
    loaded = HyperSound.from_pretrained(tmp_path / "run")
    assert isinstance(loaded, LocalHyperSound)


@pytest.mark.parametrize("name", LOCAL)
def test_presets_keep_their_budgets_and_every_weight_learns(name):
    model = stirred(build_model(PRESETS[name].model))
    theta, narrowest = {"local-small": (9862, 2218), "local-tiny": (9862, 269), "local-hifi": (22050, 5512)}.get(
        name, (22050, 5512)
    )
    assert model.config.sample_rate == 22050
    assert model.theta_per_second <= theta
    assert model.narrowest_per_second <= narrowest
    # What truly passes, counted in a forward pass.
    x = sound(22050)[None]
    if model.config.target.loudest:
        side, values = model.hypernetwork.code(x)
        params = model.hypernetwork.generate(side, values)
        assert torch.equal(params["textures"], model.encode(x)["textures"]), "nothing else leads to θ"
        passed = side.numel() + int(values.count_nonzero())
    else:
        sizes = []
        model.hypernetwork.squeeze.register_forward_hook(lambda _m, _i, out: sizes.append(out[0].numel()))
        params = model.encode(x)
        passed = sizes[0] + (params["pitch"][0].numel() if "pitch" in params else 0)
    assert passed == model.config.hypernetwork.bottleneck * params["readout"].shape[1]
    assert sum(p[0, 0].numel() for p in params.values()) == model.target.num_params
    (model(sound(2048)[None]) - sound(2048)).square().mean().backward()
    for key, p in model.named_parameters():
        assert p.grad is not None, key
        assert p.grad.any(), key
    assert sum(model.num_parameters().values()) == sum(p.numel() for p in model.parameters())
    assert sum(4 * p.numel() for p in model.parameters()) < 16 * 2**20


@pytest.mark.parametrize("name", LOCAL)
def test_presets_hear_spectra_and_phase_and_average_their_weights(name):
    training = PRESETS[name].training
    assert (training.warmup_steps, training.schedule) == (50, "cosine")
    assert {"mel_nmse", "mel_stft"} <= training.loss.weights.keys()
    assert training.ema_decay > 0
    assert not training.augment


@pytest.mark.parametrize("name", LOCAL)
def test_every_presets_config_survives_json(name):
    config = PRESETS[name].model
    data = json.loads(json.dumps(LocalHyperSound.config_to_json(config)))
    assert LocalHyperSound.config_from_json(data) == config


@pytest.mark.parametrize("name", TARGETS)
def test_configs_survive_json(name):
    config = make(name).config
    data = json.loads(json.dumps(LocalHyperSound.config_to_json(config)))
    assert LocalHyperSound.config_from_json(data) == config


def test_a_target_without_a_kind_is_one_of_waves_and_damaged_ones_are_refused():
    data = LocalHyperSound.config_to_json(make().config)
    old = data | {"target": {name: value for name, value in data["target"].items() if name != "kind"}}
    assert LocalHyperSound.config_from_json(old) == make().config
    network = LocalHyperSound.config_to_json(make("siren").config)["target"]
    for target, message in [
        ({"kind": "os.system"}, "target.kind must be one of LocalINR, LocalNetwork, not 'os.system'"),
        (network | {"network": {"kind": "LocalINR"}}, "target.network.kind must be one of FourierMLP"),
        (network | {"network": {"width": 3}}, "target.network.kind must be one of FourierMLP"),
        (network | {"network": 3}, "target.network must be"),
        (network | {"waves": "lapped"}, "target has unknown fields"),
        ({"kind": "LocalNetwork", "hop": 16}, "target: .*network"),
        (3, "target must be"),
    ]:
        with pytest.raises(ConfigError, match=message):
            LocalHyperSound.config_from_json(data | {"target": target})


@pytest.mark.parametrize("name", NETWORKS)
def test_generated_networks_start_as_variations_of_one(name):
    """As far from θ₀, the head's bias, as the target's scales have it: within a factor of the sound's own level."""
    model = make(name)
    params = model.encode(torch.stack([sound(3000, i) for i in range(4)]))
    start = model.hypernetwork.head.bias.split([shape.numel() for shape in model.target.shapes.values()])
    scales = model.target.scales()
    for (key, value), theta in zip(params.items(), start, strict=True):
        assert theta.any(), key
        spread = (value.flatten(2) - theta).square().mean().sqrt()
        assert 0.1 < spread / scales[key] < 10, key


def test_every_part_of_a_model_of_networks_learns():
    model = make("fourier")
    (model(sound(2048)[None]) - sound(2048)).square().mean().backward()
    for key, p in model.named_parameters():
        assert p.grad is not None, key
        assert p.grad.any(), key
    assert sum(model.num_parameters().values()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_models_of_networks_learn_a_sound_by_heart(name):
    model = make(name)
    x = 0.3 * torch.sin(0.4 * torch.arange(256.0))[None]
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(250):
        error = (model(x) - x).square().mean() / x.square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert error < 0.5, "3 dB better than silence; most are 13 to 40 dB better"


def test_networks_are_played_at_the_trained_rate_or_above():
    model = make("siren")
    with pytest.raises(ConfigError, match="play at the trained 16 or above, and resample"):
        model.decode(model.encode(torch.zeros(1, 50)), sample_rate=7999)


def test_what_cannot_be_encoded_or_played_is_refused():
    model = make()
    with pytest.raises(ConfigError, match="hears waveforms"):
        model.encode(torch.zeros(5))
    with pytest.raises(ConfigError, match="positive number of Hz"):
        model.decode(model.encode(torch.zeros(1, 50)), sample_rate=0)
    with pytest.raises(ConfigError, match="frames at once"):
        next(stream_encode(model, torch.zeros(50), 0))
    with pytest.raises(ConfigError, match="no sample to stream"):
        next(stream(model, iter([])))
    with pytest.raises(ConfigError, match="must be positive"):
        LocalHyperNetworkConfig(bottleneck=0)
    with pytest.raises(ConfigError, match="block is 1, not 4"):
        LocalHyperSound(LocalHyperSoundConfig(RATE, 256, LocalHyperNetworkConfig(block=4), TARGETS["lapped"]))
    with pytest.raises(ConfigError, match="pulses take 2 numbers"):
        LocalHyperSound(LocalHyperSoundConfig(RATE, 256, LocalHyperNetworkConfig(bottleneck=2), TARGETS["pulses"]))
