"""What a training step costs on a GPU: the card's ceilings, parts, precisions, compiling, ways to
decode, the real loop, memory.

    make gpu            (or: make bench ARGS="gpu_speed")

Without a GPU it measures nothing; `--quick` rehearses it on the CPU with small clips and writes nothing. What would
begin after the time limit is left out, and named: the paper's models come first. A fraction of the peak divides the
floating-point operations of all matrix products and convolutions of a step by its time and by the rate of one large
matrix product in the same precision, measured here.
"""

import dataclasses
import statistics
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hypersound_lib.data import AudioStore
from hypersound_lib.devices import tf32
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.models import build_model
from hypersound_lib.presets import Preset, preset
from hypersound_lib.training import training_stores
from hypersound_lib.training.graph import GraphedGradients
from tests.benchmarks.bench_chunks import WAYS, decode_as
from tests.benchmarks.common import Rows, seconds, trained

TIME_LIMIT = 510.0  # seconds, after which no row begins: a part of `make gpu` takes ten minutes at most
STEPS = {"paper-base": 16, "paper-small": 16, "hypersound-small": 32, "local": 48}  # clips
PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
COMPILED = ("paper-base",)  # takes half a minute
FUSED = ("paper-base", "paper-small")  # the target network in one kernel, forward and backward
DECODED = ("paper-base", "paper-small")  # in all ways
LOOP = {"paper-base": (16,), "paper-small": (16,), "local": (12, 48)}  # clips, of trainings timed as a whole


def run(quick: bool = False, time_limit: float = TIME_LIMIT) -> dict:
    """Measure everything that can begin in time; return it by preset, and the names of what could not."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = Rows(time_limit)
    results: dict = {"device": torch.cuda.get_device_name() if device == "cuda" else "cpu"}
    results["ceilings"] = ceilings(device, 512 if quick else 8192)
    names = ("hypersound-small", "local") if quick else STEPS
    results["steps"] = {
        name: measure_preset(name, device, results["ceilings"], 2 if quick else 8, rows) for name in names
    }
    stores = training_stores("mini", 22050)
    ways = [(0, False), (2, False)] if quick else [(8, False), (8, True), (0, True)]  # workers, recorded as a graph
    results["loops"] = []
    for name, batches in ({"local": (4,)} if quick else LOOP).items():
        cases = [(*way, False) for way in ways] + [(8, True, True)] * (name in FUSED and device == "cuda")
        for batch, (workers, graph, fused) in product(batches, cases):
            row = {"preset": name, "batch_size": batch, "workers": workers, "cuda_graph": graph, "fused": fused}
            label = f"loop of {name}, {batch} clips, {'with' if graph else 'without'} graph, {workers} workers"
            work = partial(loop, *row.values(), stores=stores, device=device, steps=4 if quick else 60)
            found = rows.measure(label + ", fused" * fused, work)
            results["loops"] += [row | found] if found else []
    return results | ({"left_out": rows.left_out} if rows.left_out else {})


def ceilings(device: str, size: int) -> dict[str, float]:
    """Return operations per second of one large matrix product by precision, and bytes per second of a copy."""
    found = {}
    for precision in PRECISIONS:
        dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision, torch.float32)
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        with tf32(precision == "tf32"):
            found[precision] = 2 * size**3 / min(seconds(lambda a=a, b=b: a @ b, device) for _ in range(6))
    source = torch.empty(size * size, device=device)
    target = torch.empty_like(source)
    found["copy_bytes"] = 8 * size**2 / min(seconds(lambda: target.copy_(source), device) for _ in range(6))
    print({name: f"{value:.3g}" for name, value in found.items()}, flush=True)
    return found


def measure_preset(name: str, device: str, peaks: dict[str, float], repeats: int, rows: Rows) -> dict:
    """Time a step of a preset in every precision, and compiled; and what it does in bfloat16 part by part."""
    chosen, batch = preset(name), STEPS[name]
    torch.manual_seed(0)
    clips = torch.randn(batch, chosen.model.num_samples, device=device) / 8
    found: dict = {"batch_size": batch} | (rows.measure(f"{name}: flops", lambda: count_flops(chosen, clips)) or {})

    def step(precision: str, **how: bool) -> dict:
        return Step(chosen, device, **how).measure(precision, clips, repeats, found["flops"], peaks[precision])

    cases: list[tuple[str, dict[str, bool]]] = [(precision, {}) for precision in PRECISIONS]
    cases += [("bfloat16", {"compiled": True})] * (name in COMPILED)
    cases += [("bfloat16", {"fused": True})] * (name in FUSED and device == "cuda")
    for precision, how in cases:
        key = " ".join([precision, *how])
        found[key] = rows.measure(f"{name}: {key}", partial(step, precision, **how))
    ways = [*WAYS] if name in DECODED or (device == "cpu" and hasattr(chosen.model, "target")) else []
    ways += ["fused"] * (name in FUSED and device == "cuda")
    for group, keys, measured in (("parts", ("tf32", "bfloat16"), parts), ("chunks", ways, decoding)):
        entries = {
            key: rows.measure(f"{name}: {group}, {key}", partial(measured, chosen, device, key, clips, repeats))
            for key in keys
        }
        found[group] = {key: row for key, row in entries.items() if row}
    return {key: row for key, row in found.items() if row}


def count_flops(chosen: Preset, clips: Tensor) -> dict[str, float]:
    """Return the operations of a step's matrix products and convolutions."""
    step = Step(chosen, clips.device.type)
    with FlopCounterMode(display=False) as counter:
        step("float32", clips)
    return {"flops": float(counter.get_total_flops())}


class Step:
    """A bare training step: no loader, no log."""

    def __init__(self, chosen: Preset, device: str, compiled: bool = False, fused: bool = False):
        torch.manual_seed(0)
        self.device = device
        model = build_model(chosen.model).to(device).train()
        if fused:
            model.target.fused = True
        self.loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate).to(device)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
        self.model: nn.Module = torch.compile(model) if compiled else model

    def __call__(self, precision: str, clips: Tensor) -> None:
        with tf32(precision == "tf32"):
            self.fill_gradients(precision, clips)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def fill_gradients(self, precision: str, clips: Tensor) -> dict[str, Tensor]:
        """Do all of a step but its update; return the loss' terms."""
        with autocast(self.device, precision):
            estimate, costs = self.model(clips, with_costs=True)
        terms = self.loss(estimate.float(), clips)
        (self.loss.total(terms) + sum(costs.values())).backward()
        return terms | costs

    def measure(self, precision: str, clips: Tensor, repeats: int, flops: float, peak: float) -> dict[str, float]:
        """Return the median seconds of a step, steps per second, fraction of the peak, and bytes at the most."""
        for _ in range(3):
            self(precision, clips)
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        duration = statistics.median(seconds(lambda: self(precision, clips), self.device) for _ in range(repeats))
        row = {"seconds": duration, "fraction_of_peak": flops / duration / peak}
        return row | ({"peak_bytes": torch.cuda.max_memory_allocated()} if self.device == "cuda" else {})


def parts(chosen: Preset, device: str, precision: str, clips: Tensor, repeats: int) -> dict[str, float]:
    """Return the median seconds of forward, loss, backward and optimiser, each waited for."""
    step, laps = Step(chosen, device), {}

    def lap(name: str, action: Callable[[], object]) -> object:
        result = []
        laps.setdefault(name, []).append(seconds(lambda: result.append(action()), device))
        return result[0]

    for _ in range(repeats + 2):
        with tf32(precision == "tf32"), autocast(device, precision):
            if hasattr(step.model, "hypernetwork"):
                code = lap("encoder", lambda: step.model.encoder(clips))
                params = lap("hypernetwork", lambda code=code: step.model.hypernetwork(code))
                estimate = lap("target", lambda params=params: step.model.decode(params))
                costs = {}
            else:
                estimate, costs = lap("model", lambda: step.model(clips, with_costs=True))
        with tf32(precision == "tf32"):
            total = lap("loss", lambda e=estimate: step.loss.total(step.loss(e.float(), clips))) + sum(costs.values())
            lap("backward", total.backward)
            lap("optimizer", step.optimizer.step)
        step.optimizer.zero_grad(set_to_none=True)
    return {name: statistics.median(values[2:]) for name, values in laps.items()}


def decoding(chosen: Preset, device: str, way: str, clips: Tensor, repeats: int) -> dict[str, float]:
    """Time a bfloat16 step that decodes in one of the `WAYS`; on CUDA also its gradients, replayed as a graph."""
    step = Step(chosen, device)
    decode_as(step.model.target, device, way)
    # Of the peak `measure` would make a share, which the counted operations of other ways do not allow.
    row = step.measure("bfloat16", clips, repeats, 0.0, 1.0)
    del row["fraction_of_peak"]
    if device == "cuda":
        fill = partial(step.fill_gradients, "bfloat16")
        graph = GraphedGradients(fill, step.model.parameters(), clips)
        row["graph_seconds"] = statistics.median(seconds(lambda: graph(clips), device) for _ in range(repeats))
    return row


def loop(
    preset_name: str,
    batch_size: int,
    workers: int,
    cuda_graph: bool,
    fused: bool,
    stores: tuple[AudioStore, AudioStore],
    device: str,
    steps: int,
) -> dict[str, float]:
    """Train for a few steps as users do, loader and log included; return steps per second once it has warmed up."""
    chosen = preset(preset_name)
    far = 10**9
    config = dataclasses.replace(
        chosen.training,
        steps=steps,
        batch_size=batch_size,
        precision="bfloat16" if preset_name.startswith("paper") else "float32",
        num_workers=workers,
        cuda_graph=cuda_graph,
        fused=fused,
        log_every=steps // 2,
        validate_every=far,
        checkpoint_every=far,
        validation_clips=2,
    )
    log = trained(build_model(chosen.model), stores, config, cpu=device == "cpu")[1]["train"]
    done, duration = (log[key][-1] - log[key][-2] for key in ("step", "seconds"))
    return {"steps_per_second": done / duration}


def autocast(device: str, precision: str):
    """Return the context of mixed precision, where it is one."""
    halves = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    return torch.autocast(device, halves[precision]) if precision in halves else nullcontext()
