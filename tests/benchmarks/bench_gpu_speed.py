"""What a training step costs on a GPU: the card's ceilings, parts, precisions, recorded steps, the real loop, memory.

    make gpu            (or: make bench ARGS="gpu_speed")

Without a GPU it measures nothing; `--quick` rehearses it on the CPU with small clips and writes nothing. What would
begin after the time limit is left out, and named: the paper's models come first. A fraction of the peak divides the
floating-point operations of all matrix products and convolutions of a step by its time and by the rate of one large
matrix product in the same precision, measured here. A bare step is launched by Python, kernel after kernel; a recorded
one is replayed as a CUDA graph, as trainings do, and updates the weights.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hypersound_lib.devices import temporarily, tf32
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.models import build_model
from hypersound_lib.presets import Preset, preset
from hypersound_lib.training import training_stores
from hypersound_lib.training.graph import GraphedGradients
from tests.benchmarks.bench_chunks import decode_as
from tests.benchmarks.common import Laps, Rows, endless, matrix_product_rate, median_seconds, seconds, told, trained

TIME_LIMIT = 510.0  # seconds, after which no row begins: a part of `make gpu` takes ten minutes at most
STEPS = {"paper-base": 16, "paper-small": 16, "hypersound-small": 32, "local": 48}  # clips
HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
PRECISIONS = ("float32", "tf32", *HALVES)
# How a bfloat16 step is recorded: fused plays the target network in kernels of its own; compiling takes a minute.
LAYERS = ("layers", "fused")
RECORDED = {"paper-base": (*LAYERS, "compiled", "compiled, fused"), "paper-small": LAYERS}  # the others are not
CHUNKED = ("whole", "16 MiB", "4 MiB, computed again")  # of `bench_chunks.WAYS` to decode, for the first preset
# Trainings timed as a whole: preset and clips, and what differs from the first line.
AS_USERS = {"workers": 8, "cuda_graph": True, "fused": False, "compiled": False}
BARE, FUSED, ALONE = {"cuda_graph": False}, {"fused": True}, {"workers": 0}
LOOPS = {
    ("paper-base", 16): [BARE, {}, FUSED | {"compiled": True}, ALONE],
    ("paper-small", 16): [BARE, {}, FUSED],
    ("local", 12): [BARE, {}],
    ("local", 48): [{}],
}


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
    results["loops"] = []
    for (name, batch), ways in ({("local", 4): [BARE | ALONE, BARE | {"workers": 2}]} if quick else LOOPS).items():
        for way in (AS_USERS | changes for changes in ways):
            row = {"preset": name, "batch_size": batch} | way
            label = ", ".join([key for key in ("fused", "compiled") if way[key]] + [f"{way['workers']} workers"])
            label = f"loop of {name}, {batch} clips, {'with' if way['cuda_graph'] else 'without'} graph, {label}"
            work = partial(loop, row, stores, device, 4 if quick else 60)
            found = rows.measure(label, work)
            results["loops"] += [row | found] if found else []
    return results | ({"left_out": rows.left_out} if rows.left_out else {})


def ceilings(device: str, size: int) -> dict[str, float]:
    """Return operations per second of one large matrix product by precision, and bytes per second of a copy."""
    found = {}
    for precision in PRECISIONS:
        with tf32(precision == "tf32"):
            found[precision] = matrix_product_rate(HALVES.get(precision, torch.float32), size, device)
    source = torch.empty(size * size, device=device)
    target = torch.empty_like(source)
    found["copy_bytes"] = 8 * size**2 / min(seconds(lambda: target.copy_(source), device) for _ in range(6))
    return told(found)


def measure_preset(name: str, device: str, peaks: dict[str, float], repeats: int, rows: Rows) -> dict:
    """Time a step of a preset in every precision and, on CUDA, recorded; and what it does in bfloat16 part by part."""
    chosen, batch = preset(name), STEPS[name]
    torch.manual_seed(0)
    clips = torch.randn(batch, chosen.model.num_samples, device=device) / 8
    found: dict = {"batch_size": batch} | (rows.measure(f"{name}: flops", lambda: count_flops(chosen, clips)) or {})
    flops, step = found.get("flops"), Step(chosen, device)
    for precision in PRECISIONS:
        work = partial(step.measure, precision, clips, repeats, flops, peaks[precision])
        found[precision] = rows.measure(f"{name}: {precision}", work)
    groups: dict[str, dict[str, Callable[[], dict]]] = {}
    if device == "cuda":
        groups["recorded"] = {
            way: partial(step.measure_recorded, way, clips, repeats, flops, peaks["bfloat16"])
            for way in RECORDED.get(name, ())
        }
    if name == "paper-base" or (device == "cpu" and hasattr(chosen.model, "target")):
        groups["chunks"] = {way: partial(decoding, step, device, way, clips, repeats) for way in CHUNKED}
    groups["parts"] = {key: partial(parts, step, device, key, clips, repeats) for key in ("tf32", "bfloat16")}
    for group, entries in groups.items():
        measured = {key: rows.measure(f"{name}: {group}, {key}", work) for key, work in entries.items()}
        found[group] = {key: row for key, row in measured.items() if row}
    return {key: row for key, row in found.items() if row}


def count_flops(chosen: Preset, clips: Tensor) -> dict[str, float]:
    step = Step(chosen, clips.device.type)
    with FlopCounterMode(display=False) as counter:
        step("float32", clips)
    return {"flops": float(counter.get_total_flops())}


class Step:
    """A bare training step: no loader, no log."""

    def __init__(self, chosen: Preset, device: str):
        torch.manual_seed(0)
        self.device = device
        self.model = build_model(chosen.model).to(device).train()
        self.network: nn.Module = self.model  # or what torch.compile makes of it
        self.loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.0, fused=True)

    def __call__(self, precision: str, clips: Tensor) -> None:
        with tf32(precision == "tf32"):
            self.fill_gradients(precision, clips)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def fill_gradients(self, precision: str, clips: Tensor) -> dict[str, Tensor]:
        """Do all of a step but its update; return the loss' terms."""
        with autocast(self.device, precision):
            estimate, costs = self.network(clips, with_costs=True)
        terms = self.loss(estimate.float(), clips)
        (self.loss.total(terms) + sum(costs.values())).backward()
        return terms | costs

    def measure(self, precision: str, clips: Tensor, repeats: int, flops: float | None, peak: float) -> dict:
        """Return the median seconds of a bare step, its fraction of the peak, and bytes at the most."""
        self._forget_peak()
        return self._timed(partial(self, precision, clips), repeats, flops, peak)

    def measure_recorded(self, way: str, clips: Tensor, repeats: int, flops: float | None, peak: float) -> dict:
        """Return the same of a bfloat16 step as trainings record it, and the seconds of its gradients alone."""
        self._forget_peak()
        with _recorded(self, clips, way) as graph:
            row = self._timed(lambda: (graph(clips), self.optimizer.step()), repeats, flops, peak)
            return row | {"gradients_seconds": median_seconds(lambda: graph(clips), repeats, self.device)}

    def _forget_peak(self) -> None:
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def _timed(self, work: Callable[[], object], repeats: int, flops: float | None, peak: float) -> dict[str, float]:
        work()
        work()
        duration = median_seconds(work, repeats, self.device)
        row = {"seconds": duration} | ({"fraction_of_peak": flops / duration / peak} if flops else {})
        return row | ({"peak_bytes": torch.cuda.max_memory_allocated()} if self.device == "cuda" else {})


@contextmanager
def _recorded(step: Step, clips: Tensor, way: str = "layers") -> Iterator[GraphedGradients]:
    """Record a step's bfloat16 gradients as a CUDA graph, for a while, as a training does."""
    step.model.target.fused = "fused" in way
    step.network = torch.compile(step.model) if "compiled" in way else step.model
    try:
        with tf32(True), temporarily(torch.backends.cudnn, benchmark=True):
            yield GraphedGradients(partial(step.fill_gradients, "bfloat16"), step.model.parameters(), clips)
    finally:
        step.network, step.model.target.fused = step.model, False
        step.optimizer.zero_grad(set_to_none=True)
        torch.compiler.reset()


def parts(step: Step, device: str, precision: str, clips: Tensor, repeats: int) -> dict[str, float]:
    """Return the median seconds of forward, loss, backward and optimiser, each waited for."""
    lap, costs, model = Laps(device), {}, step.model
    for _ in range(repeats + 2):
        with tf32(precision == "tf32"), autocast(device, precision):
            if hasattr(model, "hypernetwork"):
                code = lap("encoder", partial(model.encoder, clips))
                params = lap("hypernetwork", partial(model.hypernetwork, code))
                estimate = lap("target", partial(model.decode, params))
            else:
                estimate, costs = lap("model", partial(model, clips, with_costs=True))
        with tf32(precision == "tf32"):
            total = lap("loss", lambda e=estimate: step.loss.total(step.loss(e.float(), clips))) + sum(costs.values())
            lap("backward", total.backward)
            lap("optimizer", step.optimizer.step)
        step.optimizer.zero_grad(set_to_none=True)
    return lap.medians(skip=2)


def decoding(step: Step, device: str, way: str, clips: Tensor, repeats: int) -> dict[str, float]:
    """Time the gradients of a bfloat16 step that decodes in one of `CHUNKED`; on CUDA they are recorded."""
    decode_as(step.model.target, device, way)
    try:
        with _recorded(step, clips) if device == "cuda" else nullcontext(partial(step, "bfloat16")) as work:
            return {"seconds": median_seconds(lambda: work(clips), repeats, device)}
    finally:
        decode_as(step.model.target, device, "whole")


def loop(row: dict, stores: tuple, device: str, steps: int) -> dict[str, float]:
    """Train for a few steps as users do, loader and log included; return steps per second once it has warmed up."""
    chosen = preset(row["preset"])
    precision = "bfloat16" if row["preset"].startswith("paper") else "float32"
    ways = {"num_workers": row["workers"], "compile": row["compiled"]}
    ways |= {key: row[key] for key in ("batch_size", "cuda_graph", "fused")}
    config = endless(
        chosen.training, steps=steps, precision=precision, log_every=steps // 2, validation_clips=2, **ways
    )
    log = trained(build_model(chosen.model), stores, config, cpu=device == "cpu")[1]["train"]
    done, duration = (log[key][-1] - log[key][-2] for key in ("step", "seconds"))
    return {"steps_per_second": done / duration}


def autocast(device: str, precision: str):
    return torch.autocast(device, HALVES[precision]) if precision in HALVES else nullcontext()
