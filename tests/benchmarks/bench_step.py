"""What one training step costs, part by part, beside the plainest correct version and beside the machine's limit.

    make bench ARGS="step"

The plain version is the same model with the same weights, written as one would on a first day: the encoder of
one-dimensional convolutions, the target network evaluated clip by clip with `torch.func.functional_call`, the loss a
loop over clips and resolutions, AdamW as it comes. Both run with large pages (see `hypersound_lib/__init__.py`), whose
effect on ours is measured beside.
The limit counts the floating-point operations of all matrix products and convolutions, and divides them by the rate
of one large matrix product, measured here.
"""

import itertools
import statistics

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
from tests.benchmarks.common import Laps, in_child, matrix_product_rate, median_seconds, told

BATCH = 4
PRESETS = ("paper-base", "paper-small")
# The authors' public code on two such cores, seconds per step at batch 4 × 32 768 samples.
AUTHORS = {"paper-base": 3.2, "paper-small": 0.88}


def run(quick: bool = False) -> dict:
    """Measure on the CPU; return everything by preset. For a GPU there is `bench_gpu_speed`."""
    dtypes, repeats = (torch.float32, torch.bfloat16), 1 if quick else 5
    rates = told({str(dtype)[6:]: matrix_product_rate(dtype) for dtype in dtypes})
    results = {"matrix_product_flops_per_s": rates, "batch_size": BATCH, "authors_seconds": AUTHORS}
    results |= {name: told(measure_preset(name, rates, repeats), name) for name in PRESETS}
    results["loader_share"] = loader_share(results["paper-small"]["ours"]["float32"]["step"], repeats)
    return results | {"large_pages": told(large_pages(1 if quick else 3))}


def measure_preset(name: str, rates: dict[str, float], repeats: int) -> dict:
    """Time ours and the plain version in turns, so that a slow minute of the machine touches both."""
    chosen = preset(name)
    torch.manual_seed(0)
    model = HyperSound(chosen.model)
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
    clips = real_clips(chosen.model.num_samples)
    ways = {"float32": Ours(model, loss), "bfloat16": Ours(model, loss, bfloat16=True), "plain": Plain(model)}
    for _ in range(repeats + 1):
        for way in ways.values():
            way.step(clips)
    middle = {key: way.laps.medians(skip=1) for key, way in ways.items()}
    for parts in middle.values():
        parts["step"] = sum(parts.values())
    flops = count_flops(model, clips)
    decode_seconds, target_seconds = target_alone(model, clips, repeats)
    return {
        "ours": {key: middle[key] for key in ("float32", "bfloat16")},
        "plain": middle["plain"],
        "plain_over_ours": middle["plain"]["step"] / middle["float32"]["step"],
        "flops": flops,
        "limit_seconds": {key: flops["step"] / rates[key] for key in rates},
        "decode_seconds": decode_seconds,
        "decode_fraction_of_rate": flops["decode"] / decode_seconds / rates["float32"],
        "target_seconds": target_seconds,
        "target_fraction_of_rate": flops["target"] / target_seconds / rates["float32"],
    }


class Ours:
    """The library's step, timed part by part."""

    def __init__(self, model: HyperSound, loss: ReconstructionLoss, bfloat16: bool = False):
        self.model, self.loss, self.bfloat16, self.laps = model, loss, bfloat16, Laps()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)

    def step(self, clips: Tensor) -> None:
        lap = self.laps
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            code = lap("encoder", lambda: self.model.encoder(clips))
            params = lap("head", lambda: self.model.hypernetwork(code))
            estimate = lap("target", lambda: self.model.decode(params))
        total = lap("loss", lambda: self.loss.total(self.loss(estimate.float(), clips)))
        lap("backward", total.backward)
        lap("optimizer", self.optimizer.step)
        self.optimizer.zero_grad(set_to_none=True)


class Plain:
    """The same step, clip by clip."""

    def __init__(self, model: HyperSound):
        self.model, self.laps = model, Laps()
        self.target = _Unchunked(build_inr(model.config.target).requires_grad_(False))
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)
        filters = {n: librosa.filters.mel(sr=model.config.sample_rate, n_fft=n, n_mels=128) for n in (512, 1024, 2048)}
        self.filters = {n: torch.from_numpy(values) for n, values in filters.items()}

    def step(self, clips: Tensor) -> None:
        lap, coords = self.laps, time_coords(clips.shape[1])
        code = lap("encoder", lambda: plain_encoder(self.model.encoder, clips))
        params = lap("head", lambda: self.model.hypernetwork(code))

        def play(i: int) -> Tensor:
            own = {f"inr.{name}": value[i] for name, value in params.items()}  # as `_Unchunked` names them
            return torch.func.functional_call(self.target, own, (coords,))

        estimates = lap("target", lambda: [play(i) for i in range(len(clips))])
        pairs = list(zip(estimates, clips, strict=True))
        total = lap("loss", lambda: sum(self.loss(*pair) for pair in pairs) / len(clips))
        lap("backward", total.backward)
        lap("optimizer", self.optimizer.step)
        self.optimizer.zero_grad()

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
    x = nn.functional.pad(x, ((layer.kernel_size[0] - 1) * layer.dilation[0], 0))
    return nn.functional.conv1d(x, layer.weight, layer.bias, layer.stride, 0, layer.dilation)


class _Unchunked(nn.Module):
    """A target network evaluated in one go."""

    def __init__(self, inr: nn.Module):
        super().__init__()
        self.inr = inr

    def forward(self, coords: Tensor) -> Tensor:
        return self.inr.evaluate(self.inr.features(coords), dict(self.inr.named_parameters())).squeeze(-1)


def magnitudes(signal: Tensor, n_fft: int) -> Tensor:
    """|STFT| with 87.5 % overlap."""
    spectrum = torch.stft(signal, n_fft, n_fft // 8, window=torch.hann_window(n_fft), return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=1e-8).sqrt()


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

    return median_seconds(decode, repeats), median_seconds(both, repeats)


def large_pages(rounds: int) -> dict[str, float]:
    """Return the median seconds of a step of `paper-base` without and with pages of 2 MiB, by turns."""
    times: dict[str, list[float]] = {"0": [], "1": []}
    for _ in range(rounds):
        for value, row in times.items():
            row.append(in_child(fastest_step, THP_MEM_ALLOC_ENABLE=value))
    without, with_them = (statistics.median(row) for row in times.values())
    return {"small_pages_seconds": without, "large_pages_seconds": with_them}


def fastest_step() -> float:
    """Return the seconds of the fastest of three steps of `paper-base`, after one that warms up."""
    chosen = preset("paper-base")
    ours = Ours(HyperSound(chosen.model), ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate))
    clips = real_clips(chosen.model.num_samples)
    for _ in range(4):
        ours.step(clips)
    return min(map(sum, zip(*ours.laps.rounds.values(), strict=True)))


def loader_share(step_seconds: float, repeats: int) -> dict[str, float]:
    """Return what part of a step of the smallest paper preset goes into loading its clips in the same process."""
    config = preset("paper-small").model
    store = build_store(load_dataset("mini").recordings, config.sample_rate, normalize=True)
    clips = iter(RandomClips(store, config.num_samples, 1000, paper_augmentation(config.sample_rate)))
    load = median_seconds(lambda: torch.stack(list(itertools.islice(clips, BATCH))), 4 * repeats)
    return {"batch_seconds": load, "share_of_step": load / (load + step_seconds)}


def real_clips(num_samples: int) -> Tensor:
    """Return clips of held-out speakers of the embedded corpus, `(BATCH, T)`."""
    store = build_store(load_dataset("mini", "test").recordings[:20], 22050, normalize=True)
    clips = RandomClips(store, num_samples, BATCH)
    return torch.stack([clips[i] for i in range(BATCH)])
