"""What a training step touches: operations, kernels, and bytes that these read and write, without a GPU.

    make bench ARGS="traffic"

Counted for 16 clips on fake tensors, which have shapes and compute nothing; so nothing is timed. A step is forward and
backward through encoder, hypernetwork, target network, which decodes all instants at once as on a GPU, and loss; the
optimiser is left out. A kernel is an operation as torch dispatches it: a library may launch several for one. Of the
fused target network (`hypersound_lib.inr.fused`), what its kernels take and give is counted.
"""

import weakref
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from hypersound_lib.inr import fused  # noqa: F401 - its operations
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.models import build_model
from hypersound_lib.presets import preset
from tests.benchmarks.common import told

PRESET = "paper-base"
CLIPS, CACHE_BYTES = 16, 32 * 10**6
# Precision of matrix products, and whether the target network is fused.
WAYS = {
    "float32": (torch.float32, False),
    "bfloat16": (torch.bfloat16, False),
    "bfloat16, fused": (torch.bfloat16, True),
}
# They give a storage that is there another shape, or set one aside.
_IDLE = ("detach", "_unsafe_view", "transpose_", "lift_fresh", "new_empty_strided")


def run(quick: bool = False) -> dict:
    """Count a step in all ways, as a whole and by its parts."""
    counts = {name: step(PRESET, *way) for name, way in WAYS.items()}
    return {"preset": PRESET, "clips": CLIPS, "cache_bytes": CACHE_BYTES, "step": counts}


@register_flop_formula(torch.ops.hypersound.play_mlp)
def _play_flops(features, first, hidden, last, biases, keep, **_) -> int:
    return 2 * features[0] * sum(torch.Size(shape).numel() for shape in (first, hidden, last))


@register_flop_formula(torch.ops.hypersound.differentiate_mlp)
def _differentiate_flops(hidden, last, activations, given, **_) -> int:
    return 2 * given[1] * sum(torch.Size(shape).numel() for shape in (hidden, last))


def step(name: str, dtype: torch.dtype, fuse: bool) -> dict[str, dict[str, int]]:
    """Count a step of a preset with a HyperSound, of which matrix products compute in `dtype`; whole, and by parts."""
    chosen, rows = preset(name), {}
    loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)  # reads its filters, so they are real

    def counted(part: str, work: Callable):
        with Traffic() as traffic, FlopCounterMode(display=False) as flops:
            result = work()
        rows[part] = told({"flops": flops.get_total_flops()} | traffic.counts(), f"{name}, {dtype}, {part}")
        return result

    def in_precision(work: Callable) -> Callable:
        return torch.autocast("cpu", dtype if dtype != torch.float32 else None, enabled=dtype != torch.float32)(work)

    def total(estimate: Tensor) -> Tensor:
        return loss.total(loss(estimate.float(), clips))

    with FakeTensorMode(allow_non_fake_inputs=True):
        model = build_model(chosen.model).train()
        model.target.chunk_bytes, model.target.fused = {}, fuse
        clips = torch.randn(CLIPS, chosen.model.num_samples)

        def whole() -> None:
            model.zero_grad()
            total(in_precision(model)(clips)).backward()

        whole()  # constants that later steps find where they are
        counted("whole", whole)
        code = counted("encoder", partial(in_precision(model.encoder), clips))
        params = counted("hypernetwork", partial(in_precision(model.hypernetwork), code))
        estimate = counted("target", partial(in_precision(model.decode), params))
        value = counted("loss", partial(total, estimate))
        given = counted("loss, backward", partial(torch.autograd.grad, value, [estimate]))
        weights = list(params.values())
        given = counted("target, backward", partial(torch.autograd.grad, estimate, weights, given))
        inner = [code, *model.hypernetwork.parameters()]
        given = counted("hypernetwork, backward", partial(torch.autograd.grad, weights, inner, given))
        counted("encoder, backward", partial(torch.autograd.grad, code, list(model.encoder.parameters()), given[0]))
    return rows


class Traffic(TorchDispatchMode):
    """Counts kernels and the bytes of the tensors that they take and give; and those that live at the same time."""

    def __init__(self):
        super().__init__()
        self.kernels = self.bytes = self.bytes_beyond_cache = self.peak_bytes = 0
        self.alive: dict[int, int] = {}  # bytes by storage

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if func.is_view or name in _IDLE or func.namespace == "prim":  # prim: what asks a tensor for its device
            return result
        made, taken = ([t for t in tree_leaves(x) if isinstance(t, Tensor)] for x in (result, (args, kwargs)))
        for tensor in made:
            self._watch(tensor.untyped_storage())
        self.kernels += 1
        for tensor in (*made, *taken):
            # What a stride of 0 repeats is read once, and from the cache after that.
            size = min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
            self.bytes += size
            self.bytes_beyond_cache += size if size > CACHE_BYTES else 0
        return result

    def counts(self) -> dict[str, int]:
        """Return what was counted."""
        return {key: getattr(self, key) for key in ("kernels", "bytes", "bytes_beyond_cache", "peak_bytes")}

    def _watch(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self.alive:
            self.alive[storage._cdata] = storage.nbytes()
            self.peak_bytes = max(self.peak_bytes, sum(self.alive.values()))
            weakref.finalize(storage, self.alive.pop, storage._cdata)
