"""The hypernetwork's second half: frames in, a complete set of weights for a target network out (paper, eq. 1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError, limit_sizes
from hypersound_lib.hypersound.encoder import ELU_SECOND_MOMENT, init_elu_
from hypersound_lib.inr import INR


@dataclass(frozen=True)
class HyperNetworkConfig:
    """Size and start of a `HyperNetwork`."""

    hidden: tuple[int, ...] = (400, 768, 768, 768, 768, 400)  # units of the fully connected layers; the head follows
    # Scale of what the input adds to each generated tensor at the start, as part of the tensor's own standard
    # deviation. None: the target's own `residual_scale`.
    residual_scale: float | None = None

    def __post_init__(self):
        limit_sizes(self, hidden=2**20)
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError(f"a hypernetwork needs at least one hidden layer of at least one unit: {self}")


class HyperNetwork(nn.Module):
    """Generate the weights of a target network: `(B, F, E) -> {name: (B, *shape)}`.

    Fully connected layers with biases and ELU, then a linear head that emits θ as one flat vector, which is cut into
    tensors with the names of the target's `state_dict`:

        code ─► 400 ─► 768 ─► 768 ─► 768 ─► 768 ─► 400 ─► θ = W h + θ₀ ─► {"layers.0.weight": …, …}

    θ₀, the head's bias, starts as the target's own initialisation; W h is a variation on it (see `init_head_`).

    Args:
        input_shape: (frames, embedding size), such as `SoundStreamEncoder.output_shape`.
        target: whose weights to generate; it is only read.
        config: sizes.
        shared: names of the target's parameters that are not generated.

    Raises:
        ConfigError: a name in `shared` is unknown, or nothing is left to generate.

    >>> from hypersound_lib.inr import SMALL, FourierMLP
    >>> params = HyperNetwork((103, 32), FourierMLP(SMALL))(torch.zeros(2, 103, 32))
    >>> params["layers.1.weight"].shape
    torch.Size([2, 64, 64])
    """

    def __init__(
        self,
        input_shape: tuple[int, int],
        target: INR,
        config: HyperNetworkConfig = HyperNetworkConfig(),
        shared: Sequence[str] = (),
    ):
        super().__init__()
        own = dict(target.named_parameters())
        if unknown := sorted(set(shared) - set(own)):
            raise ConfigError(f"shared names {unknown} are no parameters of the target; it has {sorted(own)}")
        generated = {name: p.detach() for name, p in own.items() if name not in shared}
        if not generated:
            raise ConfigError("every parameter of the target is shared: leave at least one to be generated")
        self.shapes = {name: p.shape for name, p in generated.items()}
        self.input_shape = tuple(input_shape)
        sizes = [math.prod(input_shape), *config.hidden]
        layers = [nn.Linear(n, m) for n, m in pairwise(sizes)]
        self.hidden = nn.ModuleList(layers)
        self.head = nn.Linear(sizes[-1], sum(shape.numel() for shape in self.shapes.values()))
        for layer in layers:
            init_elu_(layer)
        scale = target.residual_scale if config.residual_scale is None else config.residual_scale
        init_head_(self.head, generated, scale)

    def forward(self, code: Tensor) -> dict[str, Tensor]:
        """Generate one set of weights per item.

        Raises:
            ConfigError: the code is not `(B, F, E)` with the F and E of construction.
        """
        if tuple(code.shape[1:]) != self.input_shape:
            expected = ", ".join(map(str, self.input_shape))
            raise ConfigError(f"the hypernetwork was built for codes (B, {expected}), not {tuple(code.shape)}")
        h = code.flatten(1)
        for layer in self.hidden:
            h = nn.functional.elu(layer(h))
        return split_params(self.head(h), self.shapes)

    @property
    def num_generated(self) -> int:
        """P: how many numbers θ has."""
        return self.head.out_features


def split_params(flat: Tensor, shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Cut `(B, P)` into tensors `{name: (B, *shape)}`, in the order of `shapes`, each with memory of its own.

    A slice of rows of P numbers, where P is odd, has rows that start at odd addresses. A GPU multiplies such matrices
    by much slower kernels than their copies.

    >>> parts = split_params(torch.arange(6.0)[None], {"weight": torch.Size([2, 2]), "bias": torch.Size([2])})
    >>> parts["bias"]
    tensor([[4., 5.]])
    """
    pieces = flat.split([shape.numel() for shape in shapes.values()], dim=-1)
    dense = [piece.contiguous() for piece in pieces]
    return {name: piece.unflatten(-1, shape) for (name, shape), piece in zip(shapes.items(), dense, strict=True)}


@torch.no_grad()
def init_head_(head: nn.Linear, generated: dict[str, Tensor], residual_scale: float) -> None:
    """Start the head so that every generated tensor has the scale that its own layer wants.

    The bias is the target's own initialisation θ₀. The rows of W that generate one tensor of standard deviation σ
    have entries of variance (r σ)² / (n E[ELU²]), so that (W h)_p has standard deviation r σ when h is the ELU of n
    unit-variance sums. Together, a generated tensor has variance σ² (1 + r²): for r = 0.3 each tensor
    starts 4 % above the target's own, and each layer's activations 4 to 15 %.

    A head left as `nn.Linear` makes it knows nothing of the target's layers: every tensor would start at the same
    scale, whether it has 32 inputs or 256.
    """
    unit = 1 / math.sqrt(head.in_features * ELU_SECOND_MOMENT)
    head.bias.copy_(torch.cat([p.flatten() for p in generated.values()]))
    first = 0
    for p in generated.values():
        rows = head.weight[first : first + p.numel()]
        sigma = p.square().mean().sqrt()
        rows.normal_().mul_(residual_scale * unit * sigma)
        first += p.numel()
