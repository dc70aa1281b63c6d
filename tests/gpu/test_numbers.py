"""Whatever is computed on a GPU is what float64 on the CPU computes, gradients included, within the precision used."""

import copy

import pytest
import torch

from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.tensors import whole_packets
from hypersound_lib.inr import BASE, INR_CONFIGS, LARGE, SMALL, FourierMLP, build_inr
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.losses import LossConfig, ReconstructionLoss
from hypersound_lib.losses.bands import BAND_TERMS
from hypersound_lib.presets import PRESETS
from tests.local.small import make_model as make_local
from tests.simulated_device import is_real
from tests.training.tiny import shortened

pytestmark = pytest.mark.slow

SAMPLES = 2048  # of a clip: the paper's models on a sixteenth of their clips, which float64 on a CPU does in seconds
GLOBAL = [name for name, preset in PRESETS.items() if hasattr(preset.model, "target")]
TERMS = ("mse", "smooth_l1", "log_nmse", "mel_stft", "stft", *BAND_TERMS)


def sounds(batch=2, num_samples=SAMPLES, seed=0):
    """Return tones in noise, `(B, T)`, float64."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(num_samples, dtype=torch.float64) / 22050
    pitch = 150 + 400 * torch.rand(batch, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(batch, num_samples, generator=generator, dtype=torch.float64)
    return 0.4 * (2 * torch.pi * pitch * t).sin() + 0.02 * noise


def difference(found, expected):
    """Return ‖found - expected‖ / ‖expected‖."""
    found, expected = found.detach().cpu().double(), expected.detach().double()
    return float((found - expected).norm() / expected.norm())


def small(name, device):
    """Return a preset's model on short clips; its target is whole on a GPU alone, where it is fast."""
    width = PRESETS[name].model.target.width if is_real(device) else 64
    return shortened(name, SAMPLES, width)[0]


def sound_and_gradients(model, clips):
    loss = ReconstructionLoss(LossConfig("smooth_l1+log_nmse"), model.config.sample_rate)
    estimate = model(clips)
    loss.total(loss(estimate, clips)).backward()
    return {"sound": estimate} | {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", GLOBAL)
def test_a_preset_and_its_gradients(name, device):
    """A GPU's float32 is about as near to float64 as a CPU's: sines of large arguments amplify what it rounds."""
    model = small(name, device)
    clips = sounds(num_samples=model.config.num_samples)
    found = sound_and_gradients(copy.deepcopy(model).to(device), clips.float().to(device))
    near = sound_and_gradients(copy.deepcopy(model), clips.float())
    exact = sound_and_gradients(model.double(), clips)
    assert found.keys() == exact.keys()
    for key, expected in exact.items():
        if expected.norm() > 1e-9:
            assert difference(found[key], expected) < 1e-4 + 3 * difference(near[key], expected), key


@pytest.mark.parametrize("name", GLOBAL)
def test_a_preset_in_bfloat16(name, device):
    """As near to float32 as a CPU's bfloat16 is."""
    model = small(name, device)
    clips = sounds(num_samples=model.config.num_samples).float()
    with torch.no_grad():
        expected = model(clips)
        with torch.autocast("cpu", torch.bfloat16):
            near = model(clips)
        model.to(device)
        with torch.autocast(device.type, torch.bfloat16):
            found = model(clips.to(device))
    assert difference(found, expected) < 0.05 + 1.5 * difference(near, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("config", [SMALL, BASE, LARGE], ids=["small", "base", "large"])
def test_the_fused_target_network(config, dtype, device, skip_unless):
    """About as near to float64 as its layers are in the same precision, gradients included.

    The last tile of instants is not full, and there are more tiles than a GPU has multiprocessors.
    """
    skip_unless(str(dtype).removeprefix("torch."), fused=True)
    torch.manual_seed(0)
    target, items = FourierMLP(config), 24
    start = {name: p.detach().expand(items, *p.shape) for name, p in target.named_parameters()}
    start = {name: (p * (1 + 0.3 * torch.randn_like(p))).to(dtype) for name, p in start.items()}
    coords, given = torch.linspace(0, 1, SAMPLES + 50)[:, None], torch.randn(items, SAMPLES + 50)

    def sound_and_gradient(where, dtype, fused):
        target.fused = fused
        params = {name: p.to(where, dtype, copy=True).requires_grad_() for name, p in start.items()}
        sound = target.to(where)(coords.to(where, dtype if dtype == torch.float64 else torch.float32), params)
        sound.backward(given.to(sound))
        return sound, torch.cat([p.grad.flatten() for p in params.values()])

    exact = sound_and_gradient("cpu", torch.float64, fused=False)
    layers = sound_and_gradient(device, dtype, fused=False)
    for found, near, expected in zip(sound_and_gradient(device, dtype, fused=True), layers, exact, strict=True):
        assert difference(found, expected) < 0.005 + 1.5 * difference(near, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("term", TERMS)
def test_a_loss_term(term, dtype, device):
    loss = ReconstructionLoss(LossConfig(term), 22050)
    reference = sounds()
    estimate = (0.8 * reference + 0.05 * sounds(seed=1)).to(dtype).double()
    reference = reference.to(dtype).double()
    expected = copy.deepcopy(loss).double()(estimate, reference)[term]
    found = loss.to(device)(estimate.to(device, dtype), reference.to(device, dtype))[term]
    assert float(found) == pytest.approx(float(expected), rel=1e-3 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize("kind", INR_CONFIGS)
def test_an_inr(kind, device):
    torch.manual_seed(0)
    inr = build_inr(INR_CONFIGS[kind]())
    exact = copy.deepcopy(inr).double()
    t = torch.linspace(-1, 1, 500, dtype=torch.float64).unsqueeze(-1)
    assert difference(inr.to(device)(t.float().to(device)), exact(t)) < 1e-3


@pytest.fixture(scope="module")
def locals_(device):
    exact = LocalHyperSound(PRESETS["local"].model)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for p in exact.parameters():
            if p.ndim == 2 and not p.any():
                p.copy_(0.02 * torch.randn(p.shape, generator=generator))
    model = copy.deepcopy(exact).to(device)
    return model.train(), exact.double().train()


def integers(model, packets=2, frames=12):
    """Return whole numbers as a packet holds them, many of them 0, and two positions of the knob."""
    generator = torch.Generator().manual_seed(0)
    held, waves = model.config.side_held, model.config.hop
    side = (2 * torch.randn(packets, -(-frames // held), model.config.side, generator=generator)).round()
    y = (2 * torch.randn(packets, frames, waves, generator=generator) * torch.linspace(2, 0, waves)).round()
    return Packets(side.double(), y.double()), torch.tensor([0.5, 2.0], dtype=torch.float64)


def test_local_transform_and_target(locals_, device):
    model, exact = locals_
    clips = sounds()
    theta = exact.encode(clips)
    assert difference(model.encode(clips.float().to(device)), theta) < 1e-5
    for rate in (22050, 16000, 44100):
        found = model.decode(theta.float().to(device), sample_rate=rate)
        assert difference(found, exact.decode(theta, sample_rate=rate)) < 1e-5
    times = torch.linspace(1, theta.shape[1] - 2, 50)
    found = model.target.at(times.to(device), theta.float().to(device))
    assert difference(found, exact.target.at(times, theta)) < 1e-4


def test_local_networks_and_their_gradients(locals_, device):
    model, exact = locals_
    packets, knob = integers(exact)
    amplitudes = whole_packets(exact.amplitudes(sounds(num_samples=12 * 320)), exact.config.packet)[:, :12]

    def total(one, target_device, dtype):
        y = packets.waves.to(target_device, dtype).requires_grad_()
        given = Packets(packets.side.to(target_device, dtype), y)
        value = knob.to(target_device, dtype)
        theta = one.generate(given, value)
        real = one.quantise(amplitudes.to(target_device, dtype), value)
        side_bits, wave_bits = one.entropy.bits(given.side, y, value)
        (theta.square().sum() + wave_bits.sum() + side_bits.sum() + real.waves.square().sum()).backward()
        return theta, torch.cat([side_bits, wave_bits]), real.side, real.waves, y.grad

    found, expected = total(model, device, torch.float32), total(exact, "cpu", torch.float64)
    for got, wanted in zip(found, expected, strict=True):
        assert difference(got, wanted) < 1e-3
    gradients = dict(exact.named_parameters())
    for key, p in model.named_parameters():
        if gradients[key].grad is not None and gradients[key].grad.norm() > 1e-6:
            assert difference(p.grad, gradients[key].grad) < 2e-2, key


def test_a_file_written_beside_a_gpu_is_read_without_one(device):
    model, cpu = make_local(), make_local()
    model.to(device)
    sound = 0.3 * sounds(1, 3000)[0].float()
    data = model.compress(sound, 8000, kbps=16)
    found, expected = model.decompress(data), cpu.decompress(data)
    assert found.device.type == "cpu"
    assert difference(found, expected) < 1e-4
