"""The ReLU target network as two GPU kernels, whose activations do not leave the chip (`hypersound train --fused`).

Layer by layer, each activation is written to memory and read again, several times in the backward pass; a GPU computes
faster than that (`make bench ARGS=traffic`). Here θ is read and samples are written. In the backward pass activations
are computed again, into a scratch memory that each of the GPU's multiprocessors uses over and over: so that it may stay
in the cache, where that is large enough (34.6 MB for `paper-base` on an H100, whose cache has 50).

The kernels are written in Triton, which comes with torch for CUDA. They compute what the layers of `FourierMLP` compute
in the same precision; on a CPU Triton's interpreter shows that (`tests/inr/test_fused.py`). None has run on a GPU
yet: `make gpu` does that.
"""

from collections.abc import Mapping

import torch
import triton
from torch import Tensor

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr import fused_kernels

INSTANTS, UNITS = fused_kernels.INSTANTS.value, fused_kernels.UNITS.value
# Triton's. Left to itself, the assembler for compute capability 8.0 takes 32 registers, and memory for the rest.
OPTIONS = {"num_warps": 8, "num_stages": 1, "maxnreg": 255}
MAX_WIDTH, MAX_INPUTS = 384, 128  # of wider layers, too little fits into registers
OLDEST_TRITON = (3, 3)
# Compute capabilities, by their first number. Before 8 Triton has no tensor cores; for 10 it (3.6) compiles a trap.
CAPABILITIES = (8, 9, 12)


def check_fusable(width: int, inputs: int) -> None:
    """Raise ConfigError where a network is wider than the kernels are made for, or Triton is too old."""
    if width > MAX_WIDTH or inputs > MAX_INPUTS:
        raise ConfigError(
            f"the fused target network has at most {MAX_WIDTH} units and {MAX_INPUTS} inputs, not {width} and "
            f"{inputs}: set fused=False, --no-fused"
        )
    if tuple(map(int, triton.__version__.split(".")[:2])) < OLDEST_TRITON:
        raise ConfigError(f"the fused target network wants Triton 3.3 (torch 2.7) or later, not {triton.__version__}")


def play(features: Tensor, params: Mapping[str, Tensor], layers: int) -> Tensor:
    """Play generated networks: features `(T, F)` and `layers.i.weight`, `layers.i.bias` of a batch -> `(B, T, 1)`.

    Args:
        features: common to all items, in the weights' precision.
        params: weights `(B, m, n)` and biases `(B, m)`.
        layers: how many hidden ones.

    Returns:
        samples, float32.

    Raises:
        ConfigError: the network is too wide, or its items share weights.
    """
    weights, biases = ([params[f"layers.{i}.{kind}"] for i in range(layers + 1)] for kind in ("weight", "bias"))
    if {t.ndim for t in weights} != {3} or {t.ndim for t in (features, *biases)} != {2} or features.requires_grad:
        raise ConfigError("the fused target network wants all weights generated, and played at one set of instants")
    batch, width, inputs = weights[0].shape
    check_fusable(width, inputs)
    more_units, more_inputs = -width % UNITS, max(16, triton.next_power_of_2(inputs)) - inputs
    pad = torch.nn.functional.pad  # units whose weights are 0 give 0, and change nothing
    square = [pad(weight, (0, more_units, 0, more_units)) for weight in weights[1:-1]]
    sound = play_op(
        pad(features, (0, more_inputs)),
        pad(weights[0], (0, more_inputs, 0, more_units)),
        torch.stack(square, 1) if square else weights[0].new_zeros(batch, 0, width + more_units, width + more_units),
        pad(weights[-1].squeeze(1), (0, more_units)),
        torch.stack([pad(bias, (0, more_units)) for bias in biases[:-1]], 1),
    )
    return (sound + biases[-1]).unsqueeze(-1)


@torch.library.custom_op("hypersound::play_mlp", mutates_args=())
def play_op(features: Tensor, first: Tensor, hidden: Tensor, last: Tensor, biases: Tensor) -> Tensor:
    """Play `(T, F)` by `(B, W, F)`, `(B, L - 1, W, W)`, `(B, W)` and `(B, L, W)`: `(B, T)`, without the last bias."""
    sound = first.new_empty(len(first), len(features), dtype=torch.float32)
    grid = (triton.cdiv(len(features), INSTANTS), len(first))
    tensors = (x.contiguous() for x in (features, first, hidden, last, biases))
    with torch.cuda.device_of(first):
        fused_kernels.play[grid](*tensors, sound, len(features), *_sizes(first, biases), **OPTIONS)
    return sound


@torch.library.custom_op("hypersound::differentiate_mlp", mutates_args=())
def differentiate_op(
    features: Tensor, first: Tensor, hidden: Tensor, last: Tensor, biases: Tensor, given: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of `first`, `hidden`, `last` and `biases` from that of the sound `(B, T)`; all float32."""
    weights = [x.contiguous() for x in (first, hidden, last, biases)]
    gradients = tuple(torch.zeros_like(x, dtype=torch.float32) for x in weights)
    tiles = triton.cdiv(len(features), INSTANTS)
    count = min(len(first) * tiles, _programs(first.device))
    scratch = first.new_empty(count, biases.shape[1] * INSTANTS * biases.shape[2])
    tensors = (features.contiguous(), *weights, given.float().contiguous(), *gradients, scratch)
    sizes = len(features), tiles, len(first), *_sizes(first, biases)
    with torch.cuda.device_of(first):
        fused_kernels.differentiate[(count,)](*tensors, *sizes, **OPTIONS)
    return gradients  # type: ignore[return-value]


def _programs(device: torch.device) -> int:
    """Return how many programs go through all tiles: one on each multiprocessor; interpreted, two."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 2


def _sizes(first: Tensor, biases: Tensor) -> tuple[int, int, int]:
    return biases.shape[1], biases.shape[2] // UNITS, first.shape[-1]


@play_op.register_fake
def _(features, first, hidden, last, biases):
    return first.new_empty(len(first), len(features), dtype=torch.float32)


@differentiate_op.register_fake
def _(features, first, hidden, last, biases, given):
    return tuple(torch.empty_like(x, dtype=torch.float32) for x in (first, hidden, last, biases))


def _keep(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, given):
    inputs = ctx.saved_tensors
    gradients = differentiate_op(*inputs, given)
    return None, *(gradient.to(x.dtype) for gradient, x in zip(gradients, inputs[1:], strict=True))


play_op.register_autograd(_backward, setup_context=_keep)
