"""Every model, whatever its kind, has one interface; `load_model` loads all, and a class loads its own kind alone."""

import dataclasses
import json
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from hypersound_lib.baselines.rave import RAVE, RAVEConfig
from hypersound_lib.data import as_sound, resample, resampled_length
from hypersound_lib.errors import HIGHEST_RATE, ConfigError, WeightsFileError
from hypersound_lib.evaluation import model_system
from hypersound_lib.files import embedded_data
from hypersound_lib.fitting import FitConfig, fit_inr
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSound, HyperSoundConfig
from hypersound_lib.inr import SIREN, FourierMLPConfig
from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.models import _MODULES, build_model, load_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.training import TrainingConfig
from tests.conftest import run_command
from tests.local.small import RATE, make_model, sound
from tests.training.tiny import MODEL

SHIPPED = sorted(path.parent.name for path in embedded_data("checkpoints").glob("*/config.json"))
CLASSES = {"HyperSound": HyperSound, "LocalHyperSound": LocalHyperSound, "RAVE": RAVE}


def small(kind):
    """Return a model of a kind, with random weights, in evaluation mode."""
    torch.manual_seed(0)
    if kind == "LocalHyperSound":
        return make_model()
    if kind == "RAVE":
        sizes = {"capacity": 2, "ratios": (2,), "latent_size": 3, "dilations": (1,), "noise_ratios": (2,)}
        return RAVE(RAVEConfig(sample_rate=RATE, num_samples=1024, noise_bands=2, **sizes)).eval()
    return HyperSound(dataclasses.replace(MODEL, num_samples=64, shared=("layers.0.bias",))).eval()


def edit(folder, change):
    data = json.loads((folder / "config.json").read_text())
    change(data)
    (folder / "config.json").write_text(json.dumps(data))


@pytest.fixture(params=[*_MODULES, *SHIPPED])
def model(request):
    """Each class once, and each model that comes with the library."""
    return small(request.param) if request.param in _MODULES else load_model(request.param)


def num_numbers(code):
    return sum(part.numel() for part in code.values()) if isinstance(code, dict) else code.numel()


def test_classes_and_kinds_are_one():
    assert list(CLASSES) == list(_MODULES) == [cls.kind for cls in CLASSES.values()]
    assert all(issubclass(cls, PretrainedModel) and cls.__name__ == kind for kind, cls in CLASSES.items())


@torch.no_grad()
def test_what_it_encodes_it_decodes_and_says_how_much_that_is(model):
    length, rate = model.config.num_samples, model.config.sample_rate
    clips = 0.1 * torch.randn(2, length, generator=torch.Generator().manual_seed(0))
    code = model.encode(clips)
    copies = model.decode(code, length)
    assert copies.shape == clips.shape
    assert copies.isfinite().all()
    assert model.decode(code).shape[-1] >= length
    assert num_numbers(code) / 2 / (length / rate) == pytest.approx(model.theta_per_second, rel=0.15)  # clips overlap
    assert model.narrowest_per_second is None or 0 < model.narrowest_per_second <= model.theta_per_second
    copies, costs = model(clips, with_costs=True)
    assert copies.shape == clips.shape
    assert all(cost.ndim == 0 for cost in costs.values())


def test_it_reconstructs_sounds_of_any_length_at_any_rate(model):
    system = model_system(model, "a model", kbps=70)
    assert (system.sample_rate, system.theta_per_second) == (model.config.sample_rate, model.theta_per_second)
    assert system.kbps == (None if model.default_kbps is None else 70)
    for count, rate, output_rate in ((3001, 16000, 16000), (1999, 11025, 8000)):
        copy = system.reconstruct(sound(count), rate, output_rate)
        assert copy.shape == (resampled_length(count, rate, output_rate),)
        assert (copy.dtype, copy.requires_grad) == (torch.float32, False)
        assert copy.isfinite().all()
        assert copy.any()
    assert system.reconstruct(torch.zeros(500), 16000, 16000).abs().max() < 1e-9, "silence stays silent"


@pytest.mark.parametrize(
    ("waveform", "rates", "message"),
    [
        (torch.zeros(2, 9), (RATE,), r"\(2, 9\)"),
        (torch.zeros(0), (RATE,), r"\(0,\)"),
        (torch.zeros(9, dtype=torch.complex64), (RATE,), "real numbers"),
        (torch.tensor([torch.inf, 0.0]), (RATE,), "sample 0 of the sound is NaN or Inf"),
        (torch.tensor([0.0, torch.nan]), (RATE,), "sample 1 of the sound is NaN"),
        (torch.full((9,), 1e13), (RATE,), r"peaks at 1e\+13, where full scale is ±1"),
        (torch.ones(9), (-8000,), "-8000"),
        (torch.ones(9), (RATE, 0), "0"),
    ],
)
@pytest.mark.parametrize("kind", _MODULES)
def test_what_cannot_be_reconstructed_is_refused(kind, waveform, rates, message):
    with pytest.raises(ConfigError, match=message):
        small(kind).reconstruct(waveform, *rates)


ON_CARDS = {  # what a card says of a kind of model alone
    "HyperSound": ("hypernetwork]", "FourierMLP, which plays", " samples, 0.", "model.reconstruct("),
    "LocalHyperSound": ("hypernetwork, compression]", "kbit/s", "hypersound compress", "model.decompress("),
    "RAVE": ("variational-autoencoder, RAVE]", "# RAVE", "model.reconstruct("),
}


def test_it_is_saved_and_loaded_by_whom_it_concerns(model, tmp_path):
    facts = {"step": 3, "validation": {"loss": 0.25}}
    model.save_pretrained(tmp_path, facts=facts)
    clips = 0.1 * torch.randn(1, model.config.num_samples, generator=torch.Generator().manual_seed(0))
    for load in (load_model, CLASSES[model.kind].from_pretrained):
        again = load(tmp_path)
        assert type(again) is type(model)
        assert (again.config, again.facts, again.training) == (model.config, facts, False)
        assert torch.equal(again(clips), model(clips))
    count = sum(p.numel() for p in model.parameters())
    assert sum(model.num_parameters().values()) == count > 0
    for kind, cls in CLASSES.items():
        if kind != model.kind:
            with pytest.raises(ConfigError, match=rf"holds a {model.kind}, no {kind}; hypersound_lib\.load_model"):
                cls.from_pretrained(tmp_path)
    card, rate = (tmp_path / "README.md").read_text(encoding="utf-8"), model.config.sample_rate
    assert card.startswith("---\nlibrary_name: hypersound_lib\ntags: [audio, ")
    grouped = f"{count:,}".replace(",", " ")
    sizes = (f"{rate} Hz", f"{rate / 2:g} Hz", f"s, together | {grouped} |")
    for part in (*sizes, "| step | 3 |", "| validation.loss | 0.25 |", *ON_CARDS[model.kind], "load_model("):
        assert part in card
    assert "{" not in card


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_it_is_as_it_was_but_for_rounding(model, tmp_path, dtype):
    """Of the weights alone: half a digit would detune frequencies, and tables computed from rounded weights differ."""
    model.save_pretrained(tmp_path, dtype=dtype)
    stored, again = load_file(tmp_path / "model.safetensors"), load_model(tmp_path)
    for name, p in again.named_parameters():
        assert stored[name].dtype == dtype
        assert torch.equal(p, model.get_parameter(name).to(dtype).float())
    buffers = dict(model.named_buffers())
    for name, value in again.named_buffers():
        assert value.dtype == buffers[name].dtype
        assert torch.equal(value, buffers[name])
    if model.kind == "LocalHyperSound":
        again.entropy.freeze()
        tables = [name for name in buffers if name.endswith("frequencies")]
        assert any(not torch.equal(again.get_buffer(name), buffers[name]) for name in tables), "rounded logits differ"


def test_every_config_becomes_its_model():
    for config in [*(preset.model for preset in PRESETS.values()), *(small(kind).config for kind in _MODULES)]:
        with torch.device("meta"):
            model = build_model(config)
        assert model.config == config
        assert type(config).__name__ == f"{model.kind}Config"
    with pytest.raises(ConfigError, match=r"^\{'hop': 64\} is no config of a model; there are HyperSoundConfig, "):
        build_model({"hop": 64})


@pytest.mark.parametrize("kind", ["Vocoder", ["RAVE"], None])
def test_an_unknown_kind_is_refused(kind, tmp_path):
    small("RAVE").save_pretrained(tmp_path)
    edit(tmp_path, lambda data: data.update(kind=kind))
    with pytest.raises(WeightsFileError, match="this library knows HyperSound, LocalHyperSound, RAVE"):
        load_model(tmp_path)


HUGE = {
    "sample_rate": {"sample_rate": 10**30},
    "num_samples": {"num_samples": 10**12},
    "layers": {"target": {"kind": "FourierMLP", "hidden_layers": 10**9}},
    "sines": {"target": {"kind": "SIREN", "hidden_layers": 10**9}},
    "modulated": {"target": {"kind": "ModulatedSIREN", "hidden_layers": 10**9}},
    "frequencies": {"target": {"kind": "FourierMLP", "num_octaves": 0, "num_frequencies": 10**12}},
    "dilations": {"encoder": {"dilations": [1] * 100_000}},
    "dilation": {"encoder": {"dilations": [10**30]}},
    "strides": {"encoder": {"strides": [1] * 16, "dilations": [1] * 16}},
    "hidden": {"hypernetwork": {"hidden": [1] * 100_000}},
    "width": {"hypernetwork": {"hidden": [10**12]}},
    "hop": {"kind": "LocalHyperSound", "hop": 10**6},
    "packet": {"kind": "LocalHyperSound", "packet": 10**12},
    "held": {"kind": "LocalHyperSound", "side_held": 10**30},
    "local": {"kind": "LocalHyperSound", "encoder_width": 10**12},
    "bands": {"kind": "RAVE", "bands": 2**20},
    "ratios": {"kind": "RAVE", "ratios": [1] * 100_000},
    "residual": {"kind": "RAVE", "ratios": [64] + [2] * 15, "dilations": [1] * 16},
    "latent": {"kind": "RAVE", "latent_size": 10**30},
    "noise": {"kind": "RAVE", "noise_bands": 10**9, "noise_ratios": [10**9]},
}


@pytest.mark.parametrize("case", HUGE)
def test_a_config_that_asks_for_too_much_is_refused_before_anything_is_built(case, tmp_path):
    change = dict(HUGE[case])
    kind = change.pop("kind", "HyperSound")
    small(kind).save_pretrained(tmp_path)

    def enlarge(data):
        config = data["config"]
        config |= {k: config[k] | v if isinstance(v, dict) and k != "target" else v for k, v in change.items()}

    edit(tmp_path, enlarge)
    started = time.process_time()
    with pytest.raises(WeightsFileError, match=r"at most|do not fit") as caught:
        load_model(tmp_path)
    assert time.process_time() - started < 10
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("kind", _MODULES)
def test_the_largest_configs_are_built_in_seconds(kind):
    """Where nothing is allocated: what a damaged file can make the library do before its weights are compared."""
    largest = {
        "HyperSound": HyperSoundConfig(
            encoder=EncoderConfig(base_channels=1, strides=(1,) * 16, dilations=(1,) * 16),
            hypernetwork=HyperNetworkConfig(hidden=(8,) * 16),
            target=FourierMLPConfig(hidden_layers=256, width=4),
        ),
        "LocalHyperSound": LocalHyperSoundConfig(sample_rate=HIGHEST_RATE, hop=2048, packet=HIGHEST_RATE // 2048),
        "RAVE": RAVEConfig(bands=64, capacity=1, ratios=(2,) * 16, dilations=(1,) * 16, noise_ratios=(2,) * 16),
    }
    started = time.process_time()
    with torch.device("meta"):
        build_model(largest[kind])
    assert time.process_time() - started < 20


def test_the_command_line_waits_for_no_model_that_it_may_not_need():
    modules = run_command(sys.executable, "-c", "import sys, hypersound_lib.cli; print(*sys.modules)").split()
    assert "hypersound_lib.models" in modules
    # The loop's own module comes with the config whose fields are flags, in 20 ms; accelerate would take seconds.
    for late in ("accelerate", "hypersound_lib.baselines", "hypersound_lib.local.model"):
        assert late not in modules


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_batch_of_another_precision_is_heard_as_that_of_the_weights(kind, dtype):
    model = small(kind)
    batch = sound(model.config.num_samples)[None].to(dtype)
    with torch.no_grad():
        torch.testing.assert_close(model(batch), model(batch.float()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(1, 64, dtype=torch.int16), "from_int16 converts it"),
        (torch.zeros(1, 64, dtype=torch.complex64), "convert it first"),
        (torch.zeros(0, 64), r"\(0, 64\)"),
        (torch.zeros(1, 0), r"\(1, 0\)"),
        (torch.zeros(64), r"\(64,\)"),
        (torch.zeros(1, 64, device="meta"), r"on meta, the model on cpu: move"),
    ],
)
def test_what_is_no_batch_of_sounds_is_refused_in_words(kind, batch, words):
    model = small(kind)
    for hear in (model, model.encode):
        with pytest.raises(ConfigError, match=words if kind != "HyperSound" or batch.shape[0] else "64"):
            hear(batch)


def test_an_array_that_runs_backwards_is_a_sound():
    forwards = sound(500)
    assert torch.equal(as_sound(forwards.numpy()[::-1]), forwards.flip(0))


def test_no_weights_are_no_sound_and_gradients_are_not_lost_in_resampling_without_a_word():
    with pytest.raises(ConfigError, match="pass what encode returned"):
        small("HyperSound").decode({})
    with pytest.raises(ConfigError, match=r"waveform\.detach\(\)"):
        resample(torch.zeros(100, requires_grad=True), RATE, 2 * RATE)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**23])
def test_a_seed_is_of_63_bits(seed):
    for use in (lambda: TrainingConfig(seed=seed), lambda: fit_inr(sound(9), RATE, SIREN(), FitConfig(seed=seed))):
        with pytest.raises(ConfigError, match="from 0 to"):
            use()


@pytest.mark.parametrize(("count", "rate"), [(1, 8000), (5, 8000), (100, 8000), (1, HIGHEST_RATE)])
def test_no_sound_is_too_short_to_reconstruct(model, count, rate):
    for output_rate in (None, 8000, 100):
        own = model.config.sample_rate if output_rate is None else output_rate
        copy = model.reconstruct(sound(count), rate, output_rate)
        assert copy.shape == (resampled_length(count, rate, own),)
        assert copy.isfinite().all()
