"""What one training step costs, part by part, beside the plainest correct version and beside the machine's limit.

    make bench ARGS="step"

The plain version is the same model with the same weights, written as one would on a first day: the target network
evaluated clip by clip with `torch.func.functional_call`, the loss a loop over clips and resolutions, AdamW as it comes.
The limit counts the floating-point operations of all matrix products and convolutions, and divides them by the rate
of one large matrix product, measured here.
"""

import statistics
import time
from collections.abc import Callable

import librosa
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hypersound_lib.coords import time_coords
from hypersound_lib.data import RandomClips, build_store, load_dataset, paper_augmentation
from hypersound_lib.inr import build_inr
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.model import HyperSound
from hypersound_lib.presets import preset

BATCH = 4
PRESETS = ("paper-base", "paper-small")
# The authors' public code on two such cores, seconds per step at batch 4 × 32 768 samples.
AUTHORS = {"paper-base": 3.2, "paper-small": 0.88}


def run(quick: bool = False) -> dict:
    """Measure on the CPU, and on a GPU where there is one; return everything by preset."""
    rates = {str(dtype)[6:]: matrix_product_rate(dtype) for dtype in (torch.float32, torch.bfloat16)}
    print({name: f"{rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items()}, flush=True)
    repeats = 1 if quick else 5
    results = {"matrix_product_flops_per_s": rates, "batch_size": BATCH, "authors_seconds": AUTHORS}
    for name in PRESETS:
        results[name] = measure_preset(name, rates, repeats)
        row = results[name]
        print(
            f"{name}: {row['ours']['float32']['step']:.3f} s, plain {row['plain']['step']:.3f} s, ratio "
            f"{row['plain_over_ours']:.2f}, bfloat16 {row['ours']['bfloat16']['step']:.3f} s, target at "
            f"{row['target_fraction_of_rate']:.0%} of the rate",
            flush=True,
        )
    results["loader_share"] = loader_share(results["paper-small"]["ours"]["float32"]["step"], repeats)
    results["gpu"] = measure_gpu(repeats)
    return results


def matrix_product_rate(dtype: torch.dtype, size: int = 4096, device: str = "cpu") -> float:
    """Return the floating-point operations per second of one large matrix product, the best of five."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / min(seconds(lambda: a @ b, device) for _ in range(6))


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
    target_seconds = target_forward_backward(model, clips, repeats)
    return {
        "ours": {key: middle[key] for key in ("float32", "bfloat16")},
        "plain": middle["plain"],
        "plain_over_ours": middle["plain"]["step"] / middle["float32"]["step"],
        "bfloat16_over_float32": middle["bfloat16"]["step"] / middle["float32"]["step"],
        "authors_over_ours": AUTHORS[name] / middle["float32"]["step"],
        "flops": flops,
        "limit_seconds": {key: flops["step"] / rates[key] for key in rates},
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
        params = self.model.encode(clips)
        clock.lap("encoder and head")
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
    """Count the floating-point operations of forward and backward: of the target alone, and of the step."""
    params = {name: value.detach().requires_grad_() for name, value in model.encode(clips).items()}
    with FlopCounterMode(display=False) as target:
        model.decode(params).sum().backward()
    with FlopCounterMode(display=False) as step:
        model(clips).sum().backward()
    model.zero_grad(set_to_none=True)
    return {"target": float(target.get_total_flops()), "step": float(step.get_total_flops())}


def target_forward_backward(model: HyperSound, clips: Tensor, repeats: int) -> float:
    """Return the median seconds that forward and backward of the target network alone take."""
    params = {name: value.detach().requires_grad_() for name, value in model.encode(clips).items()}
    upstream = torch.randn_like(clips)

    def once() -> None:
        model.decode(params).backward(upstream)
        for value in params.values():
            value.grad = None

    once()
    return statistics.median(seconds(once) for _ in range(repeats))


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


def measure_gpu(repeats: int) -> dict:
    """Return steps per second and the fraction of the bfloat16 peak for `paper-base`, batch 16; None without a GPU."""
    if not torch.cuda.is_available():
        print("GPU: skipped, there is no CUDA device here")
        return {"skipped": "no CUDA device"}
    chosen = preset("paper-base")
    model = HyperSound(chosen.model).cuda()
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
    clips = torch.randn(16, chosen.model.num_samples, device="cuda") / 4

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            estimate = model(clips)
        loss.total(loss(estimate.float(), clips)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    with FlopCounterMode(display=False) as counter:
        step()
    rate = matrix_product_rate(torch.bfloat16, 8192, "cuda")
    for _ in range(3):
        step()
    duration = statistics.median(seconds(step, "cuda") for _ in range(10 * repeats))
    return {
        "device": torch.cuda.get_device_name(),
        "steps_per_second": 1 / duration,
        "fraction_of_bfloat16_rate": counter.get_total_flops() / duration / rate,
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }


def real_clips(num_samples: int) -> Tensor:
    """Return clips of held-out speakers of the embedded corpus, `(BATCH, T)`."""
    store = build_store(load_dataset("mini", "test").recordings[:20], 22050, normalize=True)
    clips = RandomClips(store, num_samples, BATCH)
    return torch.stack([clips[i] for i in range(BATCH)])


def seconds(action: Callable[[], object], device: str = "cpu") -> float:
    """Time one call."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    action()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
