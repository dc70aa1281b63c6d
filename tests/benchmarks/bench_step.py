"""What one training step costs, part by part, beside the plainest correct version and beside the machine's limit.

    make bench ARGS="step"

The plain version is the same model with the same weights, written as one would on a first day: the encoder of
one-dimensional convolutions, the target network evaluated clip by clip with `torch.func.functional_call`, the loss a
loop over clips and resolutions, AdamW as it comes. Both run with large pages (see `hypersound_lib/__init__.py`), whose
effect on ours is measured beside.
The limit counts the floating-point operations of all matrix products and convolutions, and divides them by the rate
of one large matrix product, measured here.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import librosa
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hypersound_lib.coords import time_coords
from hypersound_lib.data import RandomClips, build_store, load_dataset, paper_augmentation
from hypersound_lib.hypersound.encoder import CausalConv1d, ResidualUnit, SoundStreamEncoder
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import build_inr
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.presets import preset
from tests.benchmarks.common import seconds

BATCH = 4
PRESETS = ("paper-base", "paper-small")
# The authors' public code on two such cores, seconds per step at batch 4 × 32 768 samples.
AUTHORS = {"paper-base": 3.2, "paper-small": 0.88}


def run(quick: bool = False) -> dict:
    """Measure on the CPU; return everything by preset. For a GPU there is `bench_gpu_speed`."""
    rates = {str(dtype)[6:]: matrix_product_rate(dtype) for dtype in (torch.float32, torch.bfloat16)}
    print({name: f"{rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items()}, flush=True)
    repeats = 1 if quick else 5
    results = {"matrix_product_flops_per_s": rates, "batch_size": BATCH, "authors_seconds": AUTHORS}
    for name in PRESETS:
        results[name] = measure_preset(name, rates, repeats)
        row = results[name]
        print(
            f"{name}: {row['ours']['float32']['step']:.3f} s, plain {row['plain']['step']:.3f} s, ratio "
            f"{row['plain_over_ours']:.2f}, bfloat16 {row['ours']['bfloat16']['step']:.3f} s; of the rate: decoding "
            f"{row['decode_fraction_of_rate']:.0%}, with its backward {row['target_fraction_of_rate']:.0%}",
            flush=True,
        )
    results["loader_share"] = loader_share(results["paper-small"]["ours"]["float32"]["step"], repeats)
    results["large_pages"] = large_pages(1 if quick else 3)
    return results


def matrix_product_rate(dtype: torch.dtype, size: int = 4096) -> float:
    """Return the floating-point operations per second of one large matrix product, the best of five."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    return 2 * size**3 / min(seconds(lambda: a @ b) for _ in range(6))


def measure_preset(name: str, rates: dict[str, float], repeats: int) -> dict:
    """Time ours and the plain version in turns, so that a slow minute of the machine touches both."""
    chosen = preset(name)
    torch.manual_seed(0)
    model = HyperSound(chosen.model)
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
    clips = real_clips(chosen.model.num_samples)
    ours = {precision: Ours(model, loss, precision == "bfloat16") for precision in ("float32", "bfloat16")}
    plain = Plain(model)
    rows: dict[str, list] = {"float32": [], "bfloat16": [], "plain": []}
    for i in range(repeats + 1):
        measured = {precision: step.time(clips) for precision, step in ours.items()} | {"plain": plain.time(clips)}
        if i:  # the first round warms caches up
            for key, value in measured.items():
                rows[key].append(value)
    middle = {
        key: {part: statistics.median(row[part] for row in value) for part in value[0]} for key, value in rows.items()
    }
    flops = count_flops(model, clips)
    decode_seconds, target_seconds = target_alone(model, clips, repeats)
    return {
        "ours": {key: middle[key] for key in ("float32", "bfloat16")},
        "plain": middle["plain"],
        "plain_over_ours": middle["plain"]["step"] / middle["float32"]["step"],
        "bfloat16_over_float32": middle["bfloat16"]["step"] / middle["float32"]["step"],
        "authors_over_ours": AUTHORS[name] / middle["float32"]["step"],
        "flops": flops,
        "limit_seconds": {key: flops["step"] / rates[key] for key in rates},
        "decode_seconds": decode_seconds,
        "decode_fraction_of_rate": flops["decode"] / decode_seconds / rates["float32"],
        "target_seconds": target_seconds,
        "target_fraction_of_rate": flops["target"] / target_seconds / rates["float32"],
    }


class Ours:
    """The library's step, timed part by part."""

    def __init__(self, model: HyperSound, loss: ReconstructionLoss, bfloat16: bool):
        self.model, self.loss, self.bfloat16 = model, loss, bfloat16
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)

    def time(self, clips: Tensor) -> dict[str, float]:
        """Return the seconds of each part and of the whole step."""
        clock = Clock()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            code = self.model.encoder(clips)
            clock.lap("encoder")
            params = self.model.hypernetwork(code)
            clock.lap("head")
            estimate = self.model.decode(params)
            clock.lap("target")
        total = self.loss.total(self.loss(estimate.float(), clips))
        clock.lap("loss")
        total.backward()
        clock.lap("backward")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        clock.lap("optimizer")
        return clock.laps | {"step": sum(clock.laps.values())}


class Plain:
    """The same step, clip by clip."""

    def __init__(self, model: HyperSound):
        self.model = model
        self.target = build_inr(model.config.target).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
        rate = model.config.sample_rate
        self.filters = {
            n: torch.from_numpy(librosa.filters.mel(sr=rate, n_fft=n, n_mels=128)) for n in (512, 1024, 2048)
        }

    def time(self, clips: Tensor) -> dict[str, float]:
        """Return the seconds of each part and of the whole step."""
        clock = Clock()
        code = plain_encoder(self.model.encoder, clips)
        clock.lap("encoder")
        params = self.model.hypernetwork(code)
        clock.lap("head")
        estimates = []
        for i in range(len(clips)):
            own = {name: value[i] for name, value in params.items()}
            coords = time_coords(clips.shape[1])
            estimates.append(torch.func.functional_call(_Unchunked(self.target), prefixed(own), (coords,)))
        clock.lap("target")
        total = sum(self.loss(estimate, clip) for estimate, clip in zip(estimates, clips, strict=True)) / len(clips)
        clock.lap("loss")
        total.backward()
        clock.lap("backward")
        self.optimizer.step()
        self.optimizer.zero_grad()
        clock.lap("optimizer")
        return clock.laps | {"step": sum(clock.laps.values())}

    def loss(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """The paper's loss of one clip, as its formulas read."""
        total = nn.functional.smooth_l1_loss(estimate, reference, beta=0.1)
        for n, filters in self.filters.items():
            x, y = (filters @ magnitudes(signal, n) for signal in (estimate, reference))
            convergence = torch.norm(y - x) / torch.norm(y)
            total = total + (convergence + (x.log() - y.log()).abs().mean()) / len(self.filters)
        return total


def plain_encoder(encoder: SoundStreamEncoder, clips: Tensor) -> Tensor:
    """The encoder with sounds as `(B, C, T)`, weights shared with `encoder`."""
    x = clips.unsqueeze(1)
    for layer in encoder.layers:
        if isinstance(layer, CausalConv1d):
            x = plain_convolution(layer, x)
        elif isinstance(layer, ResidualUnit):
            h = plain_convolution(layer.dilated, nn.functional.elu(x))
            x = x + nn.functional.conv1d(nn.functional.elu(h), layer.mix.weight.unsqueeze(-1), layer.mix.bias)
        else:
            x = nn.functional.elu(x)
    return x.mT


def plain_convolution(layer: CausalConv1d, x: Tensor) -> Tensor:
    """Pad on the left, convolve."""
    x = nn.functional.pad(x, ((layer.kernel_size[0] - 1) * layer.dilation[0], 0))
    return nn.functional.conv1d(x, layer.weight, layer.bias, layer.stride, 0, layer.dilation)


class _Unchunked(nn.Module):
    """A target network evaluated in one go."""

    def __init__(self, inr: nn.Module):
        super().__init__()
        self.inr = inr

    def forward(self, coords: Tensor) -> Tensor:
        return self.inr.evaluate(self.inr.features(coords), dict(self.inr.named_parameters())).squeeze(-1)


def prefixed(params: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name weights as `_Unchunked` does."""
    return {f"inr.{name}": value for name, value in params.items()}


def magnitudes(signal: Tensor, n_fft: int) -> Tensor:
    """|STFT| with 87.5 % overlap."""
    spectrum = torch.stft(signal, n_fft, n_fft // 8, window=torch.hann_window(n_fft), return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-8).sqrt()


class Clock:
    """Seconds between laps."""

    def __init__(self):
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the time since the lap before."""
        now = time.perf_counter()
        self.laps[name] = now - self.last
        self.last = now


def count_flops(model: HyperSound, clips: Tensor) -> dict[str, float]:
    """Count the floating-point operations: of decoding, of it with its backward, and of the whole step."""
    params = {name: value.detach().requires_grad_() for name, value in model.encode(clips).items()}
    with FlopCounterMode(display=False) as decode, torch.no_grad():
        model.decode(params)
    with FlopCounterMode(display=False) as target:
        model.decode(params).sum().backward()
    with FlopCounterMode(display=False) as step:
        model(clips).sum().backward()
    model.zero_grad(set_to_none=True)
    counters = {"decode": decode, "target": target, "step": step}
    return {name: float(counter.get_total_flops()) for name, counter in counters.items()}


def target_alone(model: HyperSound, clips: Tensor, repeats: int) -> tuple[float, float]:
    """Return the median seconds of decoding, and of decoding with its backward."""
    params = {name: value.detach().requires_grad_() for name, value in model.encode(clips).items()}
    upstream = torch.randn_like(clips)

    def decode() -> None:
        with torch.no_grad():
            model.decode(params)

    def both() -> None:
        model.decode(params).backward(upstream)
        for value in params.values():
            value.grad = None

    decode()
    both()
    return tuple(statistics.median(seconds(action) for _ in range(repeats)) for action in (decode, both))


# Prints the seconds of the fastest of three steps.
_CHILD = """
from tests.benchmarks.bench_step import *
chosen = preset("paper-base")
model = HyperSound(chosen.model)
ours = Ours(model, ReconstructionLoss(chosen.training.loss, 22050), bfloat16=False)
clips = real_clips(chosen.model.num_samples)
print(min(ours.time(clips)["step"] for _ in range(4)))
"""


def large_pages(rounds: int) -> dict[str, float]:
    """Return the median seconds of a step of `paper-base` without and with pages of 2 MiB, by turns."""
    times: dict[str, list[float]] = {"0": [], "1": []}
    for _ in range(rounds):
        for value, row in times.items():
            environment = {**os.environ, "THP_MEM_ALLOC_ENABLE": value}
            command = [sys.executable, "-c", _CHILD]
            output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            row.append(json.loads(output))
    without, with_them = (statistics.median(row) for row in times.values())
    print(f"paper-base with small pages {without:.3f} s, with large ones {with_them:.3f} s", flush=True)
    return {"small_pages_seconds": without, "large_pages_seconds": with_them}


def loader_share(step_seconds: float, repeats: int) -> dict[str, float]:
    """Return what part of a step of the smallest paper preset goes into loading its clips in the same process."""
    config = preset("paper-small").model
    store = build_store(load_dataset("mini").recordings, config.sample_rate, normalize=True)
    clips = RandomClips(store, config.num_samples, 1000, paper_augmentation(config.sample_rate))
    clips[0]

    def batch(first: list[int]) -> None:
        torch.stack([clips[first[0] + i] for i in range(BATCH)])
        first[0] += BATCH

    position = [1]
    load = statistics.median(seconds(lambda: batch(position)) for _ in range(4 * repeats))
    return {"batch_seconds": load, "share_of_step": load / (load + step_seconds)}


def real_clips(num_samples: int) -> Tensor:
    """Return clips of held-out speakers of the embedded corpus, `(BATCH, T)`."""
    store = build_store(load_dataset("mini", "test").recordings[:20], 22050, normalize=True)
    clips = RandomClips(store, num_samples, BATCH)
    return torch.stack([clips[i] for i in range(BATCH)])
