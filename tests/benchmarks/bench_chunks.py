"""What it costs and saves to decode in chunks of instants, and to compute activations again in the backward pass.

    make bench ARGS="chunks"

Of the target network alone, forward and backward. Counted for 16 clips on torch's device `meta`, which computes
nothing: kernels, bytes that they read and write, how many of these in tensors too large for a cache of 32 MB, and bytes
that live at the same time. What is kept for the backward pass leaves a cache once, whatever the chunk. Timed on the CPU
in one thread, by turns, for 4 clips of `paper-base` in float32. What it says of a GPU is a count, and no time.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.utils.checkpoint import checkpoint

from hypersound_lib.coords import time_coords
from hypersound_lib.inr import INR, build_inr
from hypersound_lib.presets import preset
from tests.benchmarks.bench_traffic import CACHE_BYTES, CLIPS, Traffic
from tests.benchmarks.common import threads, told

# `INR.chunk_bytes` of the device, None for all instants at once; and whether activations are computed again. With 16
# clips and 256 units, of which float32 has 16 KiB an instant, these are 4096, 1024 and 256 instants.
WAYS = {
    "whole": (None, False),
    "64 MiB": (64 * 2**20, False),
    "16 MiB": (16 * 2**20, False),
    "4 MiB": (INR.chunk_bytes["cpu"], False),
    "4 MiB, computed again": (INR.chunk_bytes["cpu"], True),
}
TIMED_CLIPS = 4
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def run(quick: bool = False) -> dict:
    """Count both of the paper's common target networks, and time the larger one."""
    counts = {
        name: {precision: counted(name, dtype) for precision, dtype in DTYPES.items()}
        for name in ("paper-base", "paper-small")
    }
    size, rounds = (512, 1) if quick else (8192, 7)
    ratios = over_whole("paper-base", torch.float32, size, rounds)
    return {"clips": CLIPS, "timed_clips": TIMED_CLIPS, "cache_bytes": CACHE_BYTES, "counts": counts, "ratios": ratios}


def decode_as(target: INR, device: str, way: str) -> None:
    """Let a target network decode in one of the `WAYS`."""
    chunk_bytes, again = WAYS[way]
    target.chunk_bytes = {} if chunk_bytes is None else {device: chunk_bytes}
    target.__dict__.pop("evaluate", None)
    if again:
        # Nothing is drawn, and a CUDA graph must not ask for a generator's state.
        target.evaluate = partial(checkpoint, target.evaluate, use_reentrant=False, preserve_rng_state=False)


def forward_and_backward(name: str, dtype: torch.dtype, clips: int, num_samples: int, device: str) -> Callable:
    """Return what decodes a preset's clips in a given way and finds the gradients of all weights."""
    torch.manual_seed(0)
    target = build_inr(preset(name).model.target).to(device)
    own = {key: p.detach().to(dtype).expand(clips, *p.shape) for key, p in target.named_parameters()}
    params = {key: (p + 0.01 * torch.randn_like(p)).requires_grad_() for key, p in own.items()}
    features = target.features(time_coords(num_samples).to(device))
    upstream = torch.randn(clips, num_samples, 1, device=device).to(dtype)

    def work(way: str) -> None:
        decode_as(target, device, way)
        torch.autograd.grad(target.evaluate_in_chunks(features, params), list(params.values()), upstream)

    return work


def counted(name: str, dtype: torch.dtype) -> dict[str, dict[str, int]]:
    """Count what the target network of a preset touches, by the way of decoding."""
    work, rows = forward_and_backward(name, dtype, CLIPS, preset(name).model.num_samples, "meta"), {}
    for way in WAYS:
        with Traffic() as traffic:
            work(way)
        rows[way] = told(traffic.counts(), f"{name}, {dtype}, {way}")
    return rows


def over_whole(name: str, dtype: torch.dtype, num_samples: int, rounds: int) -> dict[str, float]:
    """Return processor seconds of each way over those of "whole" in the same round, the median of rounds."""
    work = forward_and_backward(name, dtype, TIMED_CLIPS, num_samples, "cpu")
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with threads(1):
        for _ in range(rounds + 1):  # the first round warms up
            for way, row in times.items():
                started = time.process_time()
                work(way)
                row.append(time.process_time() - started)
    pairs = {way: zip(row[1:], times["whole"][1:], strict=True) for way, row in times.items()}
    return told({way: statistics.median(a / b for a, b in pair) for way, pair in pairs.items()})
