"""The ReLU target network as two GPU kernels, one forward, one backward (`hypersound train --fused`).

Layer by layer, each activation is written to memory and read again, several times in the backward pass; a GPU computes
faster than that (`make bench ARGS=traffic`). Here the forward kernel writes each activation once, and the backward one
reads it, and writes once the gradient before its ReLU. The gradients of weights are matrix products of the two.

The kernels are written in Triton, which comes with torch for CUDA. They compute what the layers of `FourierMLP` compute
in the same precision: on a CPU Triton's interpreter shows that (`tests/inr/test_fused.py`), on a GPU `make gpu`.
"""

from collections.abc import Mapping

import torch
import triton
from torch import Tensor

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr import fused_kernels

INSTANTS = fused_kernels.INSTANTS.value
# Triton's. Left to itself, the assembler for compute capability 8.0 takes 32 registers, and memory for the rest.
OPTIONS = {"num_warps": 4, "num_stages": 1, "maxnreg": 255}
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


@torch.compiler.assume_constant_result
def chunk_units(width: int, device: torch.device) -> int:
    """Return how many units of a layer are computed together: more on a Hopper GPU, whose tensor cores take more."""
    is_cuda = device.type == "cuda" and torch.cuda.is_available()
    is_hopper = is_cuda and torch.cuda.get_device_capability(device)[0] == 9
    return 128 if is_hopper and width > 64 else 64


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
    more_units = -width % chunk_units(width, features.device)
    more_inputs = max(16, triton.next_power_of_2(inputs)) - inputs
    pad = torch.nn.functional.pad  # units whose weights are 0 give 0, and change nothing
    square = [pad(weight, (0, more_units, 0, more_units)) for weight in weights[1:-1]]
    tensors = (
        pad(weights[0], (0, more_inputs, 0, more_units)),
        torch.stack(square) if square else weights[0].new_zeros(0, batch, width + more_units, width + more_units),
        pad(weights[-1].squeeze(1), (0, more_units)),
        torch.stack([pad(bias, (0, more_units)) for bias in biases[:-1]]),
    )
    keep = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    sound, _ = play_op(pad(features, (0, more_inputs)), *tensors, keep)
    return (sound + biases[-1]).unsqueeze(-1)


@torch.library.custom_op("hypersound::play_mlp", mutates_args=())
def play_op(
    features: Tensor, first: Tensor, hidden: Tensor, last: Tensor, biases: Tensor, keep: bool
) -> tuple[Tensor, Tensor]:
    """Play `(T, F)` by `(B, W, F)`, `(L - 1, B, W, W)`, `(B, W)` and `(L, B, W)`.

    Returns:
        the sound `(B, T)`, without the last bias, and activations `(L, B, T, W)`: none unless they are to be kept.
    """
    sound, activations = _new_outputs(features, first, biases, keep)
    tensors = (x.contiguous() for x in (features, first, hidden, last, biases))
    with torch.cuda.device_of(first):
        fused_kernels.play[_grid(sound)](
            *tensors, sound, activations, len(features), *_sizes(biases), first.shape[-1], keep, **OPTIONS
        )
    return sound, activations


@torch.library.custom_op("hypersound::differentiate_mlp", mutates_args=())
def differentiate_op(hidden: Tensor, last: Tensor, activations: Tensor, given: Tensor) -> Tensor:
    """Return the gradients `(L, B, T, W)` of what each layer gives to its ReLU, from that of the sound `(B, T)`."""
    gradients, given = torch.empty_like(activations), given.float().contiguous()
    tensors = hidden.contiguous(), last.contiguous(), activations.contiguous(), given
    with torch.cuda.device_of(last):
        fused_kernels.differentiate[_grid(given)](*tensors, gradients, given.shape[1], *_sizes(activations), **OPTIONS)
    return gradients


def _new_outputs(features: Tensor, first: Tensor, biases: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    layers, batch, width = biases.shape
    sound = first.new_empty(batch, len(features), dtype=torch.float32)
    return sound, first.new_empty((layers, batch, len(features), width) if keep else (0,))


def _grid(sound: Tensor) -> tuple[int, int]:
    return triton.cdiv(sound.shape[1], INSTANTS), len(sound)


def _sizes(of_layers: Tensor) -> tuple[int, int, int]:
    """Return layers, chunks, and units in each chunk, from a tensor `(L, …, W)`."""
    units = chunk_units(of_layers.shape[-1], of_layers.device)
    return len(of_layers), of_layers.shape[-1] // units, units


@play_op.register_fake
def _(features, first, hidden, last, biases, keep):
    return _new_outputs(features, first, biases, keep)


@differentiate_op.register_fake
def _(hidden, last, activations, given):
    return torch.empty_like(activations)


def _keep(ctx, inputs, output) -> None:
    features, _, hidden, last, _, _ = inputs
    ctx.save_for_backward(features, hidden, last, output[1])
    ctx.set_materialize_grads(False)  # the activations get no gradient: no zeros in its place, a gigabyte of them


def _backward(ctx, given, _):
    features, hidden, last, activations = ctx.saved_tensors
    g = differentiate_op(hidden, last, activations, given)
    d_first = torch.bmm(g[0].mT, features.expand(g.shape[1], *features.shape))
    d_hidden = torch.bmm(g[1:].flatten(0, 1).mT, activations[:-1].flatten(0, 1)).unflatten(0, hidden.shape[:2])
    d_last = torch.bmm(given.to(last.dtype).unsqueeze(1), activations[-1]).squeeze(1)
    return None, d_first, d_hidden, d_last, g.sum(2), None


play_op.register_autograd(_backward, setup_context=_keep)
