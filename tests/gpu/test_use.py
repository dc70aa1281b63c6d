"""What people do with a GPU runs there from end to end: train, resume, fit, reconstruct, stream, evaluate."""

import dataclasses
import math
import re

import pytest
import torch
from safetensors.torch import load_file

from hypersound_lib import evaluation
from hypersound_lib.baselines.rave import RAVE, RAVEConfig, RAVETrainingConfig, train_rave
from hypersound_lib.fitting import FitConfig, fit_inr
from hypersound_lib.inr import INR_CONFIGS, FourierMLPConfig, build_inr
from hypersound_lib.local.streaming import stream
from hypersound_lib.losses import LossConfig
from hypersound_lib.models import build_model
from hypersound_lib.presets import PRESETS
from hypersound_lib.training import read_log, train
from tests.local.small import CONFIG as LOCAL
from tests.local.small import make_model as make_local
from tests.local.small import sound
from tests.simulated_device import is_real
from tests.training.tiny import MODEL, RATE, changed, make_model, make_store, shortened

pytestmark = pytest.mark.slow

MODELS = {"global": MODEL, "local": LOCAL}


@pytest.fixture
def trained(device, tmp_path):
    """Return a function that trains a model of a config on the device, and returns the result and the log."""

    def run(model, training, out="run", stores=None, resume=False, cpu=device.type == "cpu", seed=0, **changes):
        torch.manual_seed(seed)
        training, stores = dataclasses.replace(training, **changes), stores or (make_store(), make_store(1))
        result = train(build_model(model), *stores, training, tmp_path / out, resume=resume, cpu=cpu, progress=False)
        assert next(result.model.parameters()).device.type == ("cpu" if cpu else device.type)
        assert all(math.isfinite(value) for value in result.validation.values())
        return result, read_log(tmp_path / out / "train.csv")

    return run


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("kind", MODELS)
def test_train_and_resume(kind, precision, trained, skip_unless):
    skip_unless(precision)
    config = changed(precision=precision, validate_every=4, checkpoint_every=4)
    trained(MODELS[kind], config, steps=4)
    result, log = trained(MODELS[kind], config, resume=True, seed=1, steps=8)
    assert result.step == 8
    assert log["step"] == list(range(1, 9))


@pytest.mark.parametrize("cuda_graph", [True, False])
def test_train_with_a_fused_target_network(cuda_graph, trained, skip_unless):
    """Its losses are those of the same training, layer by layer."""
    skip_unless("bfloat16", fused=True)
    deep = dataclasses.replace(MODEL, target=FourierMLPConfig(hidden_layers=3, width=70, num_octaves=8))
    settings = changed(precision="bfloat16", window=None, cuda_graph=cuda_graph)
    layers, fused = (trained(deep, settings, out=str(fused), fused=fused)[1]["mel_stft"] for fused in (False, True))
    assert fused == pytest.approx(layers, rel=0.05)


def test_float16_skips_steps_that_overflow_and_resumes_with_the_scale_that_it_found(trained, tmp_path):
    """The loss' scale is 65536 at first, which these gradients overflow; every step that does halves it."""
    config = changed(
        precision="float16", loss=LossConfig("1e2*mse"), window=None, validate_every=10, checkpoint_every=10
    )
    _, log = trained(MODEL, config, steps=10)
    found = [math.isfinite(norm) for norm in log["gradient_norm"]]
    skipped = found.count(False)
    assert 0 < skipped < 10
    assert found == [False] * skipped + [True] * (10 - skipped)
    saved = load_file(tmp_path / "run/checkpoints/step-00000010/training.safetensors")
    assert saved["scaler.scale"] == 65536 / 2**skipped
    result, log = trained(MODEL, config, resume=True, seed=5, steps=12)
    assert all(math.isfinite(norm) for norm in log["gradient_norm"][10:]), "a fresh scale would overflow again"
    assert len(log["gradient_norm"]) == result.step == 12
    assert all(p.isfinite().all() for p in result.model.parameters())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_averages_and_resumes(name, device, trained):
    """Whole on a GPU; elsewhere with short clips and narrow targets, whose operations are the same."""
    preset = PRESETS[name]
    model = preset.model if is_real(device) else shortened(name)[0].config
    every = {"batch_size": 2, "validate_every": 2, "validation_clips": 2, "checkpoint_every": 2, "warmup_steps": 0}
    store = make_store(rate=model.sample_rate, count=3, seconds=2)
    for steps in (2, 4):
        changes = every | {"ema_decay": 0.9, "steps": steps}
        result, log = trained(model, preset.training, stores=(store, store), resume=steps > 2, **changes)
        assert result.step == log["step"][-1] == steps


@pytest.mark.parametrize("kind", MODELS)
def test_a_compiled_training_learns_what_a_plain_one_does(kind, device, trained, skip_unless):
    """Recorded as a graph, both, where a real GPU is."""
    skip_unless("bfloat16")
    if device.type == "cuda" and not is_real(device):
        pytest.skip("a compiler sees the simulated device's tensors of the CPU; tests/training compiles a model there")
    config = changed(steps=5, precision="bfloat16", window=None, warmup_steps=0)
    results = [trained(MODELS[kind], config, out=str(compiled), compile=compiled)[0] for compiled in (False, True)]
    plain, compiled = (result.validation["loss"] for result in results)
    assert compiled == pytest.approx(plain, rel=0.02)


@pytest.mark.parametrize("name", [*PRESETS, "global", "local tiny"])
def test_a_recorded_step_trains_as_one_that_is_not(name, device, trained):
    """The same losses in its first steps, or, where a knob is drawn that recording draws from, too, after twelve.

    A GPU adds up in no fixed order, which tells later: gradients that differ by a millionth change the loss of
    `paper-siren` by 5 % within four steps, on a CPU.
    """
    if not is_real(device):
        pytest.skip("a graph records the kernels that CUDA launches, and here none is launched")
    known = {"global": MODEL, "local tiny": LOCAL}
    config = known[name] if name in known else PRESETS[name].model
    has_knob = not hasattr(config, "target")
    store = make_store(rate=config.sample_rate, count=3, seconds=2)
    training = PRESETS[name].training if name in PRESETS else changed(window=None)
    changes = {"batch_size": 4, "warmup_steps": 0, "learning_rate": 1e-4, "validation_clips": 4, "log_every": 1}
    changes["steps"] = 12 if has_knob else 3
    losses = []
    for recorded in (False, True):
        result, log = trained(config, training, str(recorded), (store, store), cuda_graph=recorded, **changes)
        terms = [x for term in training.loss.weights for x in log[term]]
        losses.append([result.validation["loss"]] if has_knob else terms)
    assert losses[1] == pytest.approx(losses[0], rel=0.05 if has_knob else 0.01)


def test_a_training_on_the_cpu_leaves_the_next_one_its_device(device, trained):
    for folder, cpu in (("first", True), ("second", device.type == "cpu"), ("third", True)):
        trained(MODEL, changed(steps=1), out=folder, cpu=cpu)  # which sees where the model lies


@pytest.mark.parametrize("kind", INR_CONFIGS)
def test_fit(kind, device):
    torch.manual_seed(0)
    waveform = make_store().read(0)
    config = FitConfig(steps=30, evaluate_every=10, window=512, windows_per_step=2, device=str(device))
    result = fit_inr(waveform, RATE, build_inr(INR_CONFIGS[kind]()), config)
    assert math.isfinite(result.metrics["snr"])
    assert result.sound.render(16000).device.type == "cpu"


@pytest.mark.parametrize("kind", MODELS)
def test_reconstruct_and_evaluate(kind, device):
    model = {"global": make_model, "local": make_local}[kind]().to(device)
    waveform = make_store().read(0)
    assert model.reconstruct(waveform, RATE, 16000).shape == (2 * RATE,)
    excerpts, _ = evaluation.choose_excerpts("mini", split="test", limit=2, seconds=1.0)
    found = evaluation.evaluate(model, excerpts, metrics=["mse", "lsd", "si_snr", "stoi"], references=False)
    assert all(math.isfinite(value) for value in found.means("model").values())


def test_local_streams_and_reconstructs(device):
    model = make_local().to(device)
    waveform = sound(2000)
    played = torch.cat(list(stream(model, waveform.split(300), 100)))
    assert played.shape == (2000,)
    theta = model.encode(waveform.unsqueeze(0).to(device), 100)
    assert torch.allclose(played, model.decode(theta)[0, :2000].cpu(), atol=1e-4)
    assert model.reconstruct(waveform, 8000, kbps=16).shape == (2000,)


def test_rave_trains_through_both_stages(device, tmp_path):
    torch.manual_seed(0)
    model = RAVE(RAVEConfig(sample_rate=RATE, num_samples=2048, capacity=4, latent_size=4))
    config = RAVETrainingConfig(steps=4, batch_size=2, validate_every=4, checkpoint_every=4)
    store = make_store(rate=RATE)
    result = train_rave(model, store, store, config, tmp_path, cpu=device.type == "cpu", progress=False)
    assert result.step == 4
    assert read_log(tmp_path / "validation.csv")["stage"] == [2], "at half of the steps"
    saved = load_file(tmp_path / "checkpoints/step-00000004/training.safetensors")
    assert {int(value) for key, value in saved.items() if re.match("discriminator/.*/step", key)} == {2}


@pytest.mark.parametrize("weight", ["log_nmse", "mel_stft"])
def test_a_loss_of_digital_silence_has_a_gradient(weight, trained):
    config = changed(steps=2, loss=LossConfig(weight, fft_sizes=(64, 128), n_mels=8))
    store = make_store()
    store.samples.zero_()
    result, _ = trained(MODEL, config, stores=(store, make_store(1)))
    assert result.step == 2
